"""What was measured, against what was aimed at. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Row:
    """One line of the table. `met` is None where there is nothing to meet: a comparison."""

    what: str
    measured: str
    target: str = ""
    met: bool | None = None
    why: str = ""  # where it is not met, or could not be measured
    figures: dict[str, object] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        """One word."""
        return {True: "met", False: "NOT MET", None: "not measured" if self.why else ""}[self.met]


def at_most(what: str, unit: str, limit: float, value: float, **figures: object) -> Row:
    """Return a row whose target is a ceiling."""
    figures = {"value": round(value, 4), "limit": limit, "unit": unit, **figures}
    return Row(what, f"{shown(value)} {unit}", f"at most {limit:g} {unit}", value <= limit, figures=figures)


def with_words(row: Row, measured: str, why: str = "") -> Row:
    """Return the row with what else was measured, and, where its target is missed, why."""
    return replace(row, measured=measured, why="" if row.met else why)


def compared(what: str, measured: str, **figures: object) -> Row:
    """Return a row without a target."""
    return Row(what, measured, figures=figures)


def unmeasured(what: str, why: str) -> Row:
    """Return a row that could not be measured here."""
    return Row(what, "-", why=why)


def shown(value: float) -> str:
    """Return three digits that count."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"  # noqa: PLR2004


def middle(values: Sequence[float]) -> float:
    """Return the median."""
    return float(median(values))


def tail(values: Sequence[float], share: float = 0.99) -> float:
    """Return the value that this share of all stays at or below."""
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


def spread(values: Sequence[float]) -> list[float]:
    """Return quarter, median, three quarters: what the JSON keeps of many runs."""
    ordered = sorted(values)
    return [round(ordered[len(ordered) * part // 4], 6) for part in (1, 2, 3)]


def text(rows: Sequence[Row]) -> str:
    """Return the table."""
    cells = [("what", "measured", "target", ""), *((row.what, row.measured, row.target, row.verdict) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(4)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]
    return "\n".join([*lines, *(f"{row.what}: {row.why}" for row in rows if row.why)])
