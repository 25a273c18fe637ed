"""The ledger of one environment: lost and twice, and how much of it the extension itself has told. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from adaptive_batching.sandbox.s3 import ledger

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

    from adaptive_batching.sandbox.s3.shipped import Shipped

TYPES = ("platform", "function")
#: The last line of a process, and beginnings of those that say a fault of the extension itself.
ENDS = "environment shutting down"
FAULTS = ("internal error", "nothing is shipped any more", "Traceback")


@dataclass(frozen=True)
class Seen:
    """What is known about one environment after its end."""

    delivered: list[dict[str, Any]]  # in POSTs that were answered with 2xx, each POST once
    unanswered: list[dict[str, Any]]  # in a POST whose 200 was never seen: these may be on S3 or not
    objects: list[Shipped]
    said: list[dict[str, Any]]
    ends: list[int] = field(default_factory=list)  # numbers of lines behind which a process was killed
    kept: list[dict[str, Any]] = field(default_factory=list)  # of what was delivered: after /tmp was emptied last


@dataclass(frozen=True)
class Verdict:
    """Counts of records. `reported`: lost, as the extension says, less what it calls perhaps stored and is on S3."""

    delivered: int
    shipped: int
    lost: int
    twice: int
    unknown: int  # shipped, and neither delivered nor perhaps delivered
    reported: int
    unanswered: int  # in a POST whose 200 was never seen, and not on S3: these may be reported or not
    faults: list[str]
    missing: Counter[ledger.Key]
    inexcusable: int  # of the lost: those that came after /tmp was emptied last, if it ever was

    @property
    def unexplained(self) -> int:
        """Lost records of which the extension said nothing, or said without their being lost."""
        return max(self.lost - self.reported, self.reported - self.unanswered - self.lost, 0)

    @property
    def clean(self) -> bool:
        """Whether nothing is there that should not be."""
        return not (self.unexplained or self.twice or self.unknown or self.faults)


def judge(seen: Seen) -> Verdict:
    """Compare what was delivered with what was shipped and said."""
    records = [record for one in seen.objects for record in one.records]
    balance = ledger.balance(seen.delivered, records, TYPES)
    perhaps = Counter(ledger.key(one) for one in seen.unanswered)
    return Verdict(
        balance.delivered,
        balance.shipped,
        balance.lost,
        balance.duplicated,
        (balance.unexpected - perhaps).total(),
        _reported(seen.said, seen.ends, {one.key for one in seen.objects}),
        (perhaps - Counter(ledger.key(record) for record in records)).total(),
        [str(line) for line in seen.said if str(line.get("message")).startswith(FAULTS)],
        balance.missing,
        (balance.missing & Counter(ledger.key(one) for one in seen.kept)).total(),
    )


def _reported(said: Sequence[dict[str, Any]], ends: Iterable[int], stored: Container[str]) -> int:
    """Records that the extension says it lost: by its last line, or, where it was killed, by those before.

    What it calls perhaps stored, it gives a key: whoever looks into the bucket knows.
    """
    total = since = 0
    boundaries = set(ends)
    for number, line in enumerate(said, 1):
        if line.get("message") == ENDS:
            after_all = sum(count for key, count in line.get("perhapsStored", {}).items() if key in stored)
            total, since = total + int(line["lost"]) - after_all, 0
        elif line.get("level") == "error" and "lost" in str(line.get("message")):
            since += int(line.get("records", 0))
            total -= sum(count for key, count in line.get("perhapsStored", {}).items() if key in stored)
        if number in boundaries:
            total, since = total + since, 0
    return total + since
