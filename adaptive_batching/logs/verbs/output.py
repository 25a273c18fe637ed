"""Results on stdout: rows as a table, as JSON or as CSV; lines of logs. On a terminal control characters are text.

Lines are written as they are, without markup, highlighting or folding: most of them are searched or piped.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from adaptive_batching.console import table

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

_KEPT = "\n\t"
#: Digits behind the point of a number in a table: enough for the price of one invocation.
_DIGITS = 9
_LARGE = 1e21


class Output:
    """Writes to stdout. Moments are printed in `zone`."""

    def __init__(self, zone: tzinfo) -> None:
        self.zone = zone
        self._stream = sys.stdout if sys.stdout is not None else io.StringIO()  # closed by the shell: >&-
        self._terminal = self._stream.isatty()

    def line(self, text: str) -> None:
        """Write one entry, which may have several lines."""
        self._stream.write((visible(text) if self._terminal else text) + "\n")

    def flush(self) -> None:
        """Let what was written be seen."""
        self._stream.flush()

    def raw(self, line: bytes) -> None:
        """Write one line as it was shipped."""
        if self._terminal or not hasattr(self._stream, "buffer"):
            self.line(line.decode("utf-8", "replace"))
        else:
            self._stream.buffer.write(line + b"\n")

    def fitting(self, text: str, most: int) -> str:
        """Return the text, shortened to `most` characters on a terminal. A pipe gets all of it."""
        return text if len(text) <= most or not self._terminal else f"{text[: most - 1]}…"

    def rows(self, names: Sequence[str], rows: Iterable[Sequence[Any]], kind: str, right: Collection[str] = ()) -> int:
        """Write rows as `table`, `json` (an object a line) or `csv`. Return how many there were.

        In a table, columns of numbers and those named in `right` are aligned right.
        """
        if kind == "table":
            kept = list(rows)
            texts = {name for name, *column in zip(names, *kept, strict=True) if not _are_numbers(column)}
            shown = [[visible(self.cell(value), "") for value in row] for row in kept]
            for line in table(names, shown, {*names} - texts | {*right}) if shown else []:
                self.line(line)
            return len(shown)
        if kind == "csv":
            self._csv(names)
        count = 0
        for row in rows:
            count += 1
            if kind == "csv":
                self._csv([self.cell(value) for value in row])
            else:
                members = {name: self._json(value) for name, value in zip(names, row, strict=True)}
                self.line(json.dumps(members, ensure_ascii=False, default=str))
        return count

    def _csv(self, cells: Sequence[str]) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="").writerow(cells)
        self.line(text.getvalue())

    def cell(self, value: object) -> str:
        """Return a value as text: numbers without exponents, moments with milliseconds and their zone."""
        if value is None:
            return ""
        if isinstance(value, datetime):
            return moment(value, self.zone)
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, float):
            return plain(value)
        if isinstance(value, (dict, list)):
            return json.dumps(value, ensure_ascii=False, default=str)
        return str(value)

    def _json(self, value: object) -> object:
        if isinstance(value, datetime):
            return moment(value, self.zone)
        if isinstance(value, float):
            return (
                int(value)
                if value.is_integer() and abs(value) < 2**53
                else value
                if abs(value) < float("inf")
                else None
            )
        return str(value) if isinstance(value, (Decimal, date)) else value


def _are_numbers(column: Sequence[object]) -> bool:
    """Return whether a column has numbers, and nothing else."""
    there = [value for value in column if value is not None]
    return bool(there) and all(
        isinstance(value, (int, float, Decimal)) and not isinstance(value, bool) for value in there
    )


def visible(text: str, kept: str = _KEPT) -> str:
    r"""Return the text with control characters written out: \x1b. Pure."""
    if text.isprintable():
        return text
    return "".join(
        one if one.isprintable() or one in kept else one.encode("unicode_escape", "surrogatepass").decode("ascii")
        for one in text
    )


def moment(when: datetime, zone: tzinfo) -> str:
    """Return a moment with milliseconds: 2026-11-20T09:15:02.150Z. Without a zone, `when` is in UTC. Pure."""
    aware = when.replace(tzinfo=UTC) if when.tzinfo is None else when
    text = aware.astimezone(zone).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z") if zone is UTC else text


def plain(number: float) -> str:
    """Return a number without zeros at its end, and without an exponent unless it is very large. Pure."""
    if number != number or abs(number) == float("inf"):  # noqa: PLR0124 - nan
        return str(number)
    if number.is_integer():
        return str(int(number)) if abs(number) < _LARGE else repr(number)
    text = f"{number:.{_DIGITS}f}".rstrip("0")
    return text.removesuffix(".") if text.strip("-0.") else repr(number)
