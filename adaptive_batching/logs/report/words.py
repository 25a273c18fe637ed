"""How figures are written for people: durations, money, counts, times; and texts of others, made harmless. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from adaptive_batching.wording import counted

if TYPE_CHECKING:
    from datetime import tzinfo

UNKNOWN = "-"
_SECOND, _MINUTE, _HOUR = 1_000.0, 60_000.0, 3_600_000.0  # in milliseconds
_DAY = 86400  # in seconds
_FEW, _SIGNIFICANT = 10.0, 100.0


def duration(ms: float | None) -> str:
    """Return milliseconds as `0.4 ms`, `62 ms`, `3.29 s`, `9 min 26 s` or `2 h 50 min`."""
    if ms is None:
        return UNKNOWN
    if ms < _SECOND - 0.5:
        return f"{ms:.1f} ms" if 0 < ms < _FEW - 0.05 else f"{ms:.0f} ms"
    seconds = round(ms / _SECOND)
    if ms < 2 * _MINUTE:
        return f"{ms / _SECOND:.2f} s" if ms < _SIGNIFICANT * _SECOND else f"{ms / _SECOND:.1f} s"
    if ms < _HOUR:
        return f"{seconds // 60} min {seconds % 60} s".removesuffix(" 0 s")
    minutes = round(ms / _MINUTE)
    return f"{minutes // 60:,} h {minutes % 60} min".removesuffix(" 0 min")


def width(seconds: int) -> str:
    """Return the width of a bin: `5 s`, `2 min`, `1 h`, `1 day`."""
    if seconds % _DAY == 0:
        return counted(seconds // _DAY, "day")
    for unit, name in ((3600, "h"), (60, "min")):
        if seconds % unit == 0:
            return f"{seconds // unit} {name}"
    return f"{seconds} s"


def money(dollars: float | None) -> str:
    """Return dollars, with three digits that say something: `$0.0000689`, `$0.0572`, `$12.40`."""
    if dollars is None:
        return UNKNOWN
    if dollars >= 1:
        return f"${dollars:,.2f}"
    if dollars <= 0:
        return "$0"
    places = 2
    while dollars * 10**places < _SIGNIFICANT - 0.5 and places < 12:  # noqa: PLR2004 - a request's price has eight
        places += 1
    return f"${dollars:.{places}f}"


def count(number: float | None) -> str:
    """Return a whole number with separators."""
    return UNKNOWN if number is None else f"{number:,.0f}"


def percent(share: float | None) -> str:
    """Return a share as a percentage; what is not 0 and not 1 is not rounded to either."""
    if share is None:
        return UNKNOWN
    if 0 < share < 0.0005:  # noqa: PLR2004 - rounded, it would be 0
        return "< 0.1 %"
    if 0.9995 < share < 1:  # noqa: PLR2004 - rounded, it would be 100
        return "> 99.9 %"
    return f"{share * 100:.1f} %" if 0 < share < 1 else f"{share * 100:.0f} %"


def when(iso: str | None, zone: tzinfo, *, date: bool = True) -> str:
    """Return a time of the document in a zone: `2026-11-20 09:15:02.150`."""
    if iso is None:
        return UNKNOWN
    moment = datetime.fromisoformat(iso).astimezone(zone)
    clock = f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d}"
    return f"{moment:%Y-%m-%d} {clock}" if date else clock


def zone_name(zone: tzinfo, iso: str) -> str:
    """Return what to write behind times of this zone."""
    moment = datetime.fromisoformat(iso).astimezone(zone)
    return moment.tzname() or f"UTC{(moment.utcoffset() or timedelta()).total_seconds() / 3600:+g}"


def plain(text: str, *, lines: bool = False) -> str:
    """Return a text in which control characters, and those that turn the order of others, stand as text.

    With `lines`, line breaks and tabs stay as they are.
    """
    if text.isprintable():
        return text
    kept = "\n\t" if lines else ""
    return "".join(
        one if one.isprintable() or one in kept else one.encode("unicode_escape", "surrogatepass").decode("ascii")
        for one in text
    )


def cut(text: str, most: int) -> str:
    """Return a text of at most so many characters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"
