"""The known name that is nearest to one that is not known. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_COMPARED = 64  # letters


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the known name with the fewest edits, whatever its case. One that begins alike is nearer."""
    upper = name.upper()
    return min(known, key=lambda one: _edits(upper, one.upper()) - _common(upper, one.upper()))


def _common(left: str, right: str) -> int:
    return next((at for at, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right)))


def _edits(left: str, right: str) -> int:
    """Return Levenshtein's distance."""
    same = _common(left, right)
    left, right = left[same : same + _COMPARED], right[same:]
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        before, row[0] = row[0], i
        for j, b in enumerate(right, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]
