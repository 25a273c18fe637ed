"""How time and durations are divided for charts. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

#: Widths of a bin, in seconds: those that divide a day without a rest, as people name them.
WIDTHS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
#: The most bins in a series.
MOST = 120
#: Rows of a heat map: so many for each tenfold duration, from 1 ms to 900 s (Lambda's longest).
ROWS_PER_DECADE = 6
ROWS = math.ceil(math.log10(900_000) * ROWS_PER_DECADE)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Bins:
    """`count` bins of `width` seconds from `start` (microseconds since the epoch, a multiple of the width) on."""

    start: int
    width: int
    count: int

    def of(self, moment: int) -> int:
        """Return the number of the bin that a moment (microseconds since the epoch) falls into."""
        return (moment - self.start) // (self.width * 1_000_000)

    @property
    def starts(self) -> list[int]:
        """The moments at which the bins begin, in microseconds since the epoch."""
        return [self.start + number * self.width * 1_000_000 for number in range(self.count)]


def bins(first: int, last: int) -> Bins:
    """Return the narrowest bins, `MOST` at most, that hold both moments (microseconds since the epoch)."""
    for width in WIDTHS:
        start = first // (width * 1_000_000)
        count = last // (width * 1_000_000) - start + 1
        if count <= MOST:
            return Bins(start * width * 1_000_000, width, count)
    days = -(-(last - first + 1) // (MOST - 1) // (86400 * 1_000_000)) * 86400
    start = first // (days * 1_000_000)
    return Bins(start * days * 1_000_000, days, last // (days * 1_000_000) - start + 1)


def row(duration_ms: float) -> int:
    """Return the row of a heat map that a duration falls into; what is shorter or longer falls into the outermost."""
    return min(max(math.floor(math.log10(max(duration_ms, 1.0)) * ROWS_PER_DECADE), 0), ROWS - 1)


def microseconds(moment: datetime) -> int:
    """Return an aware moment in microseconds since the epoch."""
    return (moment - _EPOCH) // _MICROSECOND


def iso(moment: int) -> str:
    """Return microseconds since the epoch as `2026-11-20T09:15:02.150Z`: milliseconds, cut."""
    return f"{(_EPOCH + timedelta(microseconds=moment)).strftime('%Y-%m-%dT%H:%M:%S')}.{moment // 1000 % 1000:03d}Z"
