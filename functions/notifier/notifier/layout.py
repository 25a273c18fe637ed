"""The keys of the objects that the extension ships: where those of an hour are, and what a key tells. Pure.

Written after docs/reading.md. The template is the extension's S3_PREFIX.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

DEFAULT = "function={function}/date={date}/hour={hour}/"
HOUR = 3_600_000
#: How much older than its lines the name of an object can be: MAX_DELAY_MILLISECONDS is an hour at most.
SLACK = HOUR
_TIMES = {"date": "%Y-%m-%d", "year": "%Y", "month": "%m", "day": "%d", "hour": "%H"}
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_REST = r"([0-9]{1,14})-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.log(?:\.gz)?"
_TIME, _NAME = re.compile(_REST), re.compile(rf"([^/]+)-{_REST}")


def hours(windows: Iterable[tuple[int, int]]) -> list[int]:
    """Return the hours (since 1970) in whose folders lines of these windows can be, newest first."""
    found: set[int] = set()
    for since, until in windows:
        found.update(range((max(0, since) - SLACK) // HOUR, until // HOUR + 1))
    return sorted((hour for hour in found if hour >= 0), reverse=True)


def prefix(template: str, function: str, hour: int, known: dict[str, str]) -> tuple[str, bool]:
    """Return what the keys of a function and an hour begin with, and whether it goes up to the function's name.

    `known` are the values of region and account. It ends where the template has a placeholder that nobody knows here
    (the version).
    """
    when = datetime.fromtimestamp(hour * 3600, UTC)
    values = {"function": function, **known, **{name: when.strftime(form) for name, form in _TIMES.items()}}
    found = ""
    for number, part in enumerate(_PLACEHOLDER.split(template)):
        if number % 2 and part not in values:
            return found, False
        found += values[part] if number % 2 else part
    return f"{found}{function}-", True


def read(key: str, begins: str, function: str = "") -> tuple[str, int] | None:
    """Return the function and the epoch milliseconds of a key, None if it is not one of the extension's.

    `begins` is what its prefix is known to be. With `function`, that goes up to the name of this function.
    """
    rest = key.removeprefix(begins)
    if function:
        found = _TIME.fullmatch(rest)
        return (function, int(found[1])) if found else None
    named = _NAME.fullmatch(rest.rpartition("/")[2])
    return (named[1], int(named[2])) if named else None
