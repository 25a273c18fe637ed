"""A set of serials, kept as ranges: serials come and go in long runs. Pure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Ranges:
    """Whole numbers as ranges `(first, last)`, both included, in order, never touching each other."""

    __slots__ = ("_ranges",)

    def __init__(self, ranges: Iterable[tuple[int, int]] = ()) -> None:
        self._ranges: list[tuple[int, int]] = []
        for first, last in ranges:
            self.add(first, last)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(self._ranges)

    def add(self, first: int, last: int) -> None:
        """Add `first` to `last`; nothing if `last` is before `first`."""
        if last < first:
            return
        ranges = self._ranges
        if ranges and ranges[-1][0] <= first <= ranges[-1][1] + 1:  # the usual case: the run goes on
            ranges[-1] = (ranges[-1][0], max(ranges[-1][1], last))
            return
        kept: list[tuple[int, int]] = []
        for one in ranges:
            if one[1] + 1 < first or last + 1 < one[0]:
                kept.append(one)
            else:
                first, last = min(first, one[0]), max(last, one[1])
        self._ranges = sorted([*kept, (first, last)])

    def cover(self, first: int, last: int) -> bool:
        """Return whether every number from `first` to `last` is in; also if there is none."""
        return last < first or any(one[0] <= first and last <= one[1] for one in self._ranges)

    def without(self, others: Iterable[tuple[int, int]]) -> Ranges:
        """Return these numbers less the others."""
        left = self._ranges
        for first, last in others:
            pieces: list[tuple[int, int]] = []
            for low, high in left:
                pieces.append((low, min(high, first - 1)))
                pieces.append((max(low, last + 1), high))
            left = [(low, high) for low, high in pieces if low <= high]
        return Ranges(left)
