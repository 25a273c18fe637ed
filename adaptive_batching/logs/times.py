"""Moments as people write them: `10m`, `2h ago`, `yesterday`, `13:10`, `2026-11-20T09:15`, epoch. Pure: `now` is given.

dateparser reads more, and takes 116 ms to load, half of what a search takes; and it guesses. What is read here has one
meaning, or none.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo

_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_WORDS = {
    **dict.fromkeys(("sec", "secs", "second", "seconds"), "s"),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), "m"),
    **dict.fromkeys(("hr", "hrs", "hour", "hours"), "h"),
    **dict.fromkeys(("day", "days"), "d"),
    **dict.fromkeys(("week", "weeks"), "w"),
    **dict.fromkeys(("milliseconds", "millisecond"), "ms"),
}
_PART = r"(\d+(?:\.\d+)?)\s*([a-z]+)"
_DURATION = re.compile(rf"(?:{_PART}\s*)+")
_CLOCK = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d(?:\.\d{1,6})?))?")
_EPOCH = re.compile(r"\d{9,10}(?:\.\d+)?|\d{12,13}")
_DAYS = {"today": 0, "yesterday": 1}
EXAMPLES = "10m, 1h30m, 2h ago, yesterday, 13:10, 2026-11-20, 2026-11-20T09:15Z or seconds since 1970"


class TimeError(ValueError):
    """A text is not a moment. The message is a sentence that quotes it."""


def duration(text: str) -> timedelta:
    """Return a length of time: `90s`, `1h30m`, `2 days`. Raises TimeError."""
    words = text.strip().lower()
    if not _DURATION.fullmatch(words):
        raise TimeError(f"{text!r} is not a length of time such as 90s, 10m, 1h30m or 2d")
    total = timedelta()
    for number, unit in re.findall(_PART, words):
        known = _UNITS.get(_WORDS.get(unit, unit))
        if known is None:
            raise TimeError(f"{text!r} is not a length of time: {unit!r} is none of ms, s, m, h, d, w")
        try:
            total += float(number) * known
        except OverflowError:
            raise TimeError(f"{text!r} is longer than a time can be") from None
    return total


def moment(text: str, now: datetime, zone: tzinfo = UTC) -> datetime:
    """Return the moment that a text names, aware and in UTC. `now` is aware. Raises TimeError.

    A length of time is that long before `now`. A time of day is the last one that is not after `now`. What has no zone
    of its own is in `zone`.
    """
    words = " ".join(text.strip().lower().split())
    try:
        found = _moment(words, now.astimezone(zone))
    except (OverflowError, ValueError) as error:
        raise TimeError(str(error) if isinstance(error, TimeError) else f"{text!r} is not a time: {error}") from None
    if found is None:
        raise TimeError(f"{text!r} is not a time; it can be {EXAMPLES}")
    return found.astimezone(UTC)


def _moment(words: str, now: datetime) -> datetime | None:
    if words == "now":
        return now
    length = words.removeprefix("-").removesuffix(" ago").strip()
    if _DURATION.fullmatch(length):
        return now - duration(length)
    day, _, rest = words.partition(" ")
    if day in _DAYS:
        date = now - timedelta(days=_DAYS[day])
        at = _CLOCK.fullmatch(rest.removeprefix("at ")) if rest else None
        return None if rest and not at else _at(date, at)
    if at := _CLOCK.fullmatch(words):
        today = _at(now, at)
        return today if today <= now else _at(now - timedelta(days=1), at)
    if _EPOCH.fullmatch(words):
        return datetime.fromtimestamp(float(words) / (1000 if len(words.partition(".")[0]) > 10 else 1), UTC)  # noqa: PLR2004
    return _iso(words, now.tzinfo)


def _at(date: datetime, clock: re.Match[str] | None) -> datetime:
    """Return the moment at which the clocks of the date's zone show this."""
    hour, minute, second = (clock[1], clock[2], clock[3] or "0") if clock else ("0", "0", "0")
    whole, _, part = second.partition(".")
    return date.replace(
        hour=int(hour), minute=int(minute), second=int(whole), microsecond=int(part.ljust(6, "0") or 0), fold=0
    )


def _iso(words: str, zone: tzinfo | None) -> datetime | None:
    try:
        found = datetime.fromisoformat(words.upper())
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=zone)
