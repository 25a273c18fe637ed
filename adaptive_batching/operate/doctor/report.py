"""The findings of one or several functions, as text or JSON. Pure."""

from __future__ import annotations

import textwrap
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from adaptive_batching.command_line import printable
from adaptive_batching.operate.doctor.finding import CANNOT_SAY, ERROR, OK, WARNING
from adaptive_batching.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from adaptive_batching.operate.doctor.finding import Finding

STYLES = {OK: "green", WARNING: "yellow", ERROR: "red", CANNOT_SAY: "cyan"}
_CHECK, _STATUS = 12, 12  # widths
_MEND = "-> "


@dataclass(frozen=True)
class Report:
    """One function and what every check says of it. `name`: as it was asked for."""

    name: str
    found: Mapping[str, Sequence[Finding]]

    def count(self, status: str) -> int:
        """Return how many findings have this status."""
        return sum(one.status == status for findings in self.found.values() for one in findings)


def lines(report: Report, width: int, paint: Callable[[str, str], str]) -> Iterator[str]:
    """Yield the lines of a report, at most `width` wide where words allow it."""
    yield printable(report.name)
    for check, findings in report.found.items():
        for finding in findings:
            margin = " " * (2 + _CHECK + _STATUS)
            shown = textwrap.wrap(printable(finding.read), max(width - len(margin), 30), **_WRAPPING)
            status = paint(f"{finding.status:{_STATUS}}", STYLES[finding.status])
            yield f"  {check:{_CHECK}}{status}{shown[0]}"
            yield from (margin + one for one in shown[1:])
            if finding.mend:
                mend = textwrap.wrap(printable(finding.mend), max(width - len(margin) - len(_MEND), 30), **_WRAPPING)
                yield f"{margin}{_MEND}{mend[0]}"
                yield from (margin + " " * len(_MEND) + one for one in mend[1:])
    yield f"  {summary(report)}"


_WRAPPING: dict[str, Any] = {"break_long_words": False, "break_on_hyphens": False}


def summary(report: Report) -> str:
    """Return how much of what was found."""
    unknown = f", {report.count(CANNOT_SAY)} cannot say" if report.count(CANNOT_SAY) else ""
    return f"{counted(report.count(ERROR), 'error')}, {counted(report.count(WARNING), 'warning')}{unknown}"


def as_json(reports: Sequence[Report]) -> dict[str, Any]:
    """Return the reports as JSON: functions, each with its checks in the order in which they are shown."""
    return {
        "functions": [
            {
                "function": report.name,
                "errors": report.count(ERROR),
                "warnings": report.count(WARNING),
                "checks": [
                    {"check": check, **asdict(finding)}
                    for check, findings in report.found.items()
                    for finding in findings
                ],
            }
            for report in reports
        ]
    }
