"""The report of the demonstration: the objects, the first lines of one, and the ledger, as text or JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adaptive_batching.console import table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adaptive_batching.console import Console
    from adaptive_batching.sandbox.s3.ledger import Ledger
    from adaptive_batching.sandbox.s3.shipped import Shipped

WIDTH = 200  # characters of a record that are shown


@dataclass(frozen=True)
class Outcome:
    """The outcome of a demonstration.

    `types` are the types of the records that are compared. `failed` counts invocations that ended in an error.
    `extension_lines` are the lines that the extension wrote to stderr and stdout.
    """

    bucket: str
    types: tuple[str, ...]
    objects: list[Shipped]
    ledger: Ledger
    invocations: int
    failed: int
    seconds: float
    extension_lines: list[str]

    @property
    def passed(self) -> bool:
        """Whether there are objects, every invocation succeeded and every record was shipped once."""
        return bool(self.objects) and not self.failed and self.ledger.balanced


def as_json(outcome: Outcome) -> dict[str, Any]:
    """Return the outcome for `--format json`. Pure."""
    ledger = outcome.ledger
    return {
        "invocations": outcome.invocations,
        "failed": outcome.failed,
        "seconds": round(outcome.seconds, 3),
        "objects": [
            {"key": one.key, "bytes": one.size, "records": len(one.records), "reason": one.reason}
            for one in outcome.objects
        ],
        "ledger": {
            "delivered": ledger.delivered,
            "shipped": ledger.shipped,
            "lost": ledger.lost,
            "twice": ledger.duplicated,
            "unknown": ledger.unknown,
        },
    }


def show(outcome: Outcome, out: Console) -> None:
    """Print the objects, the first lines of one object, and the ledger."""
    folder = common_folder([one.key for one in outcome.objects])
    rows = [
        [one.key.removeprefix(folder), f"{one.size:,}", f"{len(one.records):,}", one.reason] for one in outcome.objects
    ]
    out.say(f"s3://{outcome.bucket}/{folder}")
    head, *body = table(["key", "bytes", "records", "reason"], rows)
    out.say(out.paint(head, "bold"))
    for line in body:
        out.say(line)
    if outcome.objects:
        out.say()
        out.say(out.paint(f"The first lines of {outcome.objects[0].key.rpartition('/')[2]}:", "bold"))
        for line in outcome.objects[0].text.splitlines()[:3]:
            out.say(_shortened(line))
    out.say()
    _show_ledger(outcome, out)


def common_folder(keys: Sequence[str]) -> str:
    """Return the longest common prefix of the keys that ends with a slash, or "". Pure."""
    if not keys:
        return ""
    first, last = min(keys), max(keys)
    same = next((index for index, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    return first[: first[:same].rfind("/") + 1]


def _shortened(line: str) -> str:
    return line if len(line) <= WIDTH else line[: WIDTH - 1] + "…"


def _show_ledger(outcome: Outcome, out: Console) -> None:
    ledger = outcome.ledger
    out.say(
        out.paint("Ledger", "bold")
        + f" of {outcome.invocations} invocations, {len(outcome.objects)} objects, {outcome.seconds:.1f} s"
    )
    lines = [
        ("delivered", ledger.delivered, f"records that the extension acknowledged ({', '.join(outcome.types)})"),
        ("shipped", ledger.shipped, "records read back from S3"),
        ("lost", ledger.lost, "delivered, not shipped"),
        ("twice", ledger.duplicated, "shipped more often than delivered"),
    ]
    if ledger.unknown:
        lines.append(("unknown", ledger.unknown, "shipped, never delivered"))
    if outcome.failed:
        lines.append(("failed", outcome.failed, "invocations that ended in an error"))
    for name, count, meaning in lines:
        wrong = bool(count) and name not in {"delivered", "shipped"}
        figure = f"{count:>7,}"
        out.say(f"  {name:<9} {out.paint(figure, 'red' if wrong else 'green')}  {out.paint(meaning, 'dim')}")
