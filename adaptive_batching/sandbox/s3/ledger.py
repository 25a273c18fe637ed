"""Compare the records that were delivered to an extension with those that it shipped, as multisets. Pure.

A record is identified by its time, type and content. It is delivered if the extension answered its POST with 2xx.
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
    """The counts of records, and the records behind each count that should be 0."""

    delivered: int
    shipped: int
    missing: Counter[Key]
    repeated: Counter[Key]
    unexpected: Counter[Key]

    @property
    def lost(self) -> int:
        """The number of records that were delivered and not shipped."""
        return self.missing.total()

    @property
    def duplicated(self) -> int:
        """The number of records that were shipped more often than delivered."""
        return self.repeated.total()

    @property
    def unknown(self) -> int:
        """The number of records that were shipped and never delivered."""
        return self.unexpected.total()

    @property
    def balanced(self) -> bool:
        """Whether every delivered record was shipped once, and nothing else was shipped."""
        return not (self.lost or self.duplicated or self.unknown)


def key(envelope: Envelope) -> Key:
    """Return what identifies a record. Members other than time, type and record are ignored."""
    record = json.dumps(envelope.get("record"), sort_keys=True)
    return str(envelope.get("time")), str(envelope.get("type")), record


def balance(delivered: Iterable[Envelope], shipped: Iterable[Envelope], types: Iterable[str]) -> Ledger:
    """Compare delivered and shipped records.

    Only delivered records of the `types` (platform, function, extension) have to be shipped. Shipped records of the
    type `extension.report` are ignored: an extension reports about itself with them, and they were never delivered.
    """
    wanted = frozenset(types)
    expected = Counter(key(one) for one in delivered if str(one.get("type")).partition(".")[0] in wanted)
    found = Counter(key(one) for one in shipped if one.get("type") != REPORT)
    surplus = found - expected
    repeated = Counter({one: count for one, count in surplus.items() if one in expected})
    unexpected = surplus - repeated
    return Ledger(expected.total(), found.total(), expected - found, repeated, unexpected)
