"""The report of the demonstration: the objects, a line of the function, and the ledgers, as text or JSON."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from statistics import mean
from typing import TYPE_CHECKING, Any

from adaptive_batching.console import table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from adaptive_batching.console import Console
    from adaptive_batching.sandbox.lifecycle.results import Result
    from adaptive_batching.sandbox.s3.ledger import Ledger
    from adaptive_batching.sandbox.s3.shipped import Shipped

#: Reasons of objects that need more than their word.
_REASONS = {"first": "first invocation"}
#: Characters of the UUID in a key that are shown.
_UUID = 8
_NEXT = (
    "adaptive-batching sandbox run myfunction --layer mylayer --logs",
    "make layer                 # builds what is uploaded to AWS; see README.md",
)


@dataclass(frozen=True)
class Act:
    """The outcome of one act. `struck` maps a fault to the number of times that it struck.

    `extension_lines` are the lines that the extension wrote, and `unregistered` the extensions that never registered.
    """

    bucket: str
    objects: list[Shipped]
    ledger: Ledger
    results: list[Result]
    seconds: float
    extension_lines: list[str]
    struck: Mapping[str, int]
    unregistered: list[str]

    @property
    def failed(self) -> int:
        """The number of invocations that ended in an error."""
        return sum(result.function_error is not None for result in self.results)

    @property
    def killed(self) -> int:
        """The number of invocations in which the extension was killed on purpose."""
        return self.struck.get("kill-extension", 0)

    @property
    def passed(self) -> bool:
        """Whether there are objects, at most the killed invocation failed, and every record was shipped once.

        A function that has answered before the kill is noticed has succeeded.
        """
        return bool(self.objects) and self.failed <= self.killed and self.ledger.balanced

    @property
    def overheads(self) -> list[float]:
        """The time, in milliseconds, from the function's end to the extension's next call, for each invocation."""
        spans = [span for result in self.results for span in result.report.get("spans", [])]
        return [span["durationMs"] for span in spans if span["name"] == "extensionOverhead"]


@dataclass(frozen=True)
class Outcome:
    """The outcome of a demonstration. `types` are the types of the records that are compared."""

    types: tuple[str, ...]
    invocations: int
    acts: list[Act]
    interrupted: bool

    @property
    def passed(self) -> bool:
        """Whether every act passed."""
        return all(act.passed for act in self.acts)


def as_json(outcome: Outcome) -> dict[str, Any]:
    """Return the outcome for `--format json`: the first act, and the one with faults under its name. Pure."""
    first, *more = [_act_as_json(act) for act in outcome.acts]
    return {**first, "faults": more[0] if more else None}


def _act_as_json(act: Act) -> dict[str, Any]:
    ledger = act.ledger
    return {
        "invocations": len(act.results),
        "failed": act.failed,
        "seconds": round(act.seconds, 3),
        "objects": [
            {"key": one.key, "bytes": one.size, "records": len(one.records), "reason": one.reason}
            for one in act.objects
        ],
        "ledger": {
            "delivered": ledger.delivered,
            "shipped": ledger.shipped,
            "lost": ledger.lost,
            "twice": ledger.duplicated,
            "unknown": ledger.unknown,
        },
        "struck": dict(act.struck),
        "added_ms": [round(one, 3) for one in act.overheads],
    }


def show(outcome: Outcome, out: Console) -> None:
    """Print the objects of the first act, a line of the function, the ledgers, and what to try next."""
    width = shutil.get_terminal_size().columns
    _show_objects(outcome.acts[0], out, width)
    for act in outcome.acts:
        out.say()
        out.say(out.paint(f"{_title(act)}: {len(act.objects)} objects, {act.seconds:.1f} s", "bold"))
        for line in _ledger(act, outcome.types, out):
            out.say(line)
    out.say()
    for number, line in enumerate(_NEXT):
        out.say(f"{'' if number else 'next:':<6}{line}")


def _show_objects(act: Act, out: Console, width: int) -> None:
    folder = common_folder([one.key for one in act.objects])
    rows = [
        [_short(one.key.removeprefix(folder)), f"{one.size:,}", f"{len(one.records):,}", _reason(one)]
        for one in act.objects
    ]
    out.say(f"s3://{act.bucket}/{folder}")
    head, *body = table(["key", "bytes", "records", "reason"], rows)
    out.say(out.paint(head, "bold"))
    for line in body:
        out.say(line)
    lines = (line for one in act.objects for line in one.text.splitlines() if '"type":"function"' in line)
    if (found := next(lines, None)) is not None:
        out.say()
        out.say(out.paint("A line of the function in them:", "bold"))
        out.say(found if len(found) <= width else f"{found[: width - 1]}…")


def _title(act: Act) -> str:
    count = len(act.results)
    if not act.struck:
        return f"{count:,} invocations, frozen in between"
    refused = act.struck.get("s3-503", 0)
    return f"The same {count:,}, {refused} PUTs refused" + (", the extension killed once" if act.killed else "")


def _reason(one: Shipped) -> str:
    return _REASONS.get(one.reason, one.reason)


def _short(key: str) -> str:
    """Return a key with its UUID cut, so that the table fits 80 columns."""
    return re.sub(rf"([0-9a-f]{{{_UUID}}})-[0-9a-f-]{{27}}", r"\1…", key)


def common_folder(keys: Sequence[str]) -> str:
    """Return the longest common prefix of the keys that ends with a slash, or "". Pure."""
    if not keys:
        return ""
    first, last = min(keys), max(keys)
    same = next((index for index, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    return first[: first[:same].rfind("/") + 1]


def _ledger(act: Act, types: Sequence[str], out: Console) -> Iterator[str]:
    ledger = act.ledger
    lines = [
        ("delivered", f"{ledger.delivered:,}", f"records acknowledged by the extension ({', '.join(types)})", False),
        ("shipped", f"{ledger.shipped:,}", "records read back from S3", False),
        ("lost", f"{ledger.lost:,}", "delivered, not shipped", ledger.lost > 0),
        ("duplicated", f"{ledger.duplicated:,}", "shipped more often than delivered", ledger.duplicated > 0),
    ]
    if ledger.unknown:
        lines.append(("unknown", f"{ledger.unknown:,}", "shipped, never delivered", True))
    if act.failed or act.killed:
        why = "that the killed extension took down" if act.killed else "that ended in an error"
        lines.append(("failed", f"{act.failed:,}", f"invocations {why}", act.failed > act.killed))
    if act.overheads:
        what = f"ms per invocation on average, {max(act.overheads):,.1f} at most"
        lines.append(("added", f"{mean(act.overheads):,.1f}", what, False))
    for name, figure, meaning, wrong in lines:
        yield f"  {name:<11}{out.paint(f'{figure:>6}', 'red' if wrong else 'green')}  {out.paint(meaning, 'dim')}"
