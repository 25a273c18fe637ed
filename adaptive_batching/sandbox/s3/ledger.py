"""What was delivered to an extension against what it shipped. Pure: two multisets of records are compared.

A record is known by its time, type and content; delivered means that its POST was answered with 2xx.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

REPORT = "extension.report"
Key = tuple[str, str, str]
Envelope = Mapping[str, Any]


@dataclass(frozen=True)
class Ledger:
    """Counts of records, and the records behind each count that should be 0."""

    delivered: int
    shipped: int
    missing: Counter[Key]
    repeated: Counter[Key]
    unexpected: Counter[Key]

    @property
    def lost(self) -> int:
        """Delivered and not shipped."""
        return self.missing.total()

    @property
    def duplicated(self) -> int:
        """Shipped more often than delivered."""
        return self.repeated.total()

    @property
    def unknown(self) -> int:
        """Shipped and never delivered."""
        return self.unexpected.total()

    @property
    def balanced(self) -> bool:
        """Whether every delivered record was shipped once, and nothing else."""
        return not (self.lost or self.duplicated or self.unknown)


def key(envelope: Envelope) -> Key:
    """Return what identifies a record. Members that a shipper adds beside time, type and record do not count."""
    record = json.dumps(envelope.get("record"), sort_keys=True)
    return str(envelope.get("time")), str(envelope.get("type")), record


def balance(delivered: Iterable[Envelope], shipped: Iterable[Envelope], types: Iterable[str]) -> Ledger:
    """Compare. Of what was delivered only `types` (platform, function, extension) had to be shipped.

    What a shipper reports of itself (type `extension.report`) was never delivered and does not count.
    """
    wanted = frozenset(types)
    came = Counter(key(one) for one in delivered if str(one.get("type")).partition(".")[0] in wanted)
    left = Counter(key(one) for one in shipped if one.get("type") != REPORT)
    surplus = left - came
    repeated = Counter({one: count for one, count in surplus.items() if one in came})
    unexpected = surplus - repeated
    return Ledger(came.total(), left.total(), came - left, repeated, unexpected)
