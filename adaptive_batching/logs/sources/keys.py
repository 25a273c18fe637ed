"""The keys of objects: what they tell, and which ranges of them a window needs. Pure.

A key is `<prefix><function-name>-<epoch-ms>-<uuid>.log[.gz]`. Its last part alone tells function and time. The layout
(the extension's S3_PREFIX) is only needed to list few keys: where nothing is laid out like that, all are listed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from adaptive_batching.objects import LATEST

if TYPE_CHECKING:
    from collections.abc import Sequence

DEFAULT = "function={function}/date={date}/hour={hour}/"
#: How each placeholder of a moment is written, in UTC.
_TIMES = {"date": "%Y-%m-%d", "year": "%Y", "month": "%m", "day": "%d", "hour": "%H"}
_IDENTITIES = ("function", "version", "region", "account")
PLACEHOLDERS = (*_IDENTITIES, *_TIMES)
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_NAME = re.compile(
    r"(?:[^/]*/)*(?P<function>[^/]+)-(?P<ms>\d{1,14})-(?P<unique>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
    r"\.log(?:\.gz)?"
)


class LayoutError(ValueError):
    """A template is none. The message is a sentence."""


@dataclass(frozen=True)
class Name:
    """What a key tells: the function, and when its first record arrived."""

    function: str
    first: datetime  # aware, UTC

    @property
    def date(self) -> str:
        """The day, as in a path."""
        return f"{self.first:%Y-%m-%d}"


@dataclass(frozen=True)
class Window:
    """A window of time: aware moments, both included, or None.

    `slack` is how much later than its lines an object may come.
    """

    since: datetime | None = None
    until: datetime | None = None
    slack: timedelta = timedelta(hours=1)

    @property
    def first_key(self) -> datetime | None:
        """The earliest time of a key that is looked at."""
        return _minus(self.since, self.slack)

    @property
    def last_key(self) -> datetime | None:
        """The latest time of a key that can have a line of this window."""
        return _minus(self.until, -self.slack)

    def wants(self, name: Name, modified: datetime) -> bool:
        """Return whether an object can have lines of this window. Nothing in it is newer than `modified`."""
        last = self.last_key
        return (self.since is None or modified >= self.since) and (last is None or name.first <= last)


@dataclass(frozen=True)
class Range:
    """Keys to list: with `prefix`, after `after`, up to the last one that begins with `last` (both may be empty)."""

    prefix: str
    after: str = ""
    last: str = ""

    def is_over(self, key: str) -> bool:
        """Return whether a key, and so every later one, is beyond the range. S3 lists keys in the order of UTF-8."""
        return bool(self.last) and key.encode() > self.last.encode() and not key.startswith(self.last)


@dataclass(frozen=True)
class Branch:
    """A part of a layout: what is known of the prefix, and the rest of the template."""

    prefix: str
    rest: str


def parsed(key: str) -> Name | None:
    """Return what a key tells, or None if it is no object of the extension's."""
    found = _NAME.fullmatch(key)
    if not found:
        return None
    try:
        first = datetime.fromtimestamp(int(found["ms"]) / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return None
    return Name(found["function"], first) if first.year < LATEST else None


def checked(layout: str) -> str:
    """Return the template. Raises LayoutError if it has a placeholder that S3_PREFIX does not know."""
    unknown = [name for name in _PLACEHOLDER.findall(layout) if name not in PLACEHOLDERS]
    if unknown or re.search(r"[{}]", _PLACEHOLDER.sub("", layout)):
        known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
        raise LayoutError(f"{layout!r} is not a template of S3_PREFIX: its placeholders are {known}")
    return layout


def is_wanted(function: str, globs: Sequence[str]) -> bool:
    """Return whether a function is one of those that are asked for."""
    return not globs or any(fnmatchcase(function, one) for one in globs)


def asked(branch: Branch) -> str | None:
    """Return the prefix below which folders have to be asked for, to go down one level. None: list now.

    Folders are asked for while a level has names in it (function, version, region, account) and no time.
    """
    static, folder, rest = _level(branch)
    names = _PLACEHOLDER.findall(folder)
    if not rest or not names or any(name in _TIMES for name in names):
        return None
    return branch.prefix + static + folder[: folder.index("{")]


def grown(branch: Branch, folders: Sequence[str], functions: Sequence[str]) -> list[Branch]:
    """Return the branches one level down: one for each folder (a whole prefix) that template and globs let in."""
    static, folder, rest = _level(branch)
    names = _PLACEHOLDER.findall(folder)
    globs = functions if names == ["function"] else ()  # where names touch, only the key's last part tells them apart
    pattern = re.compile("".join(_pattern(part) for part in re.split(r"(\{\w+\})", folder)))
    found = []
    for one in folders:
        match = pattern.fullmatch(one.removeprefix(branch.prefix + static))
        if match and is_wanted(match[1], globs):
            found.append(Branch(one, rest))
    return found


def known(branch: Branch, functions: Sequence[str]) -> list[Branch] | None:
    """Return the branches one level down without a question: the functions are named, and nothing else is unknown."""
    static, folder, rest = _level(branch)
    if _PLACEHOLDER.findall(folder) != ["function"] or not _are_exact(functions):
        return None
    return [
        Branch(branch.prefix + static + folder.replace("{function}", one), rest) for one in dict.fromkeys(functions)
    ]


def ranges(branch: Branch, window: Window, functions: Sequence[str] = ()) -> list[Range]:
    """Return the keys of a branch that a window needs.

    The rest of the template is filled in up to its first name: from there on, keys are not in the order of time. Where
    nothing is left of it (flat names), the names of functions come first, and then the time.
    """
    if not _PLACEHOLDER.search(branch.rest) and _are_exact(functions):
        stem = branch.prefix + branch.rest
        return [
            Range(f"{stem}{one}-", _flat(stem, one, window.first_key), _flat(stem, one, window.last_key))
            for one in dict.fromkeys(functions)
        ]
    static = branch.prefix + branch.rest.partition("{")[0]
    if not _in_order(branch.rest):
        return [Range(static)]
    return [Range(static, _filled(branch, window.first_key), _filled(branch, window.last_key))]


def _are_exact(functions: Sequence[str]) -> bool:
    return bool(functions) and not any(re.search(r"[*?\[]", one) for one in functions)


def _flat(stem: str, function: str, when: datetime | None) -> str:
    return f"{stem}{function}-{int(when.timestamp() * 1000)}" if when else ""


def _filled(branch: Branch, when: datetime | None) -> str:
    if when is None:
        return ""
    text = branch.prefix
    for part in re.split(r"(\{\w+\})", branch.rest):
        name = part[1:-1] if _PLACEHOLDER.fullmatch(part) else ""
        if name in _IDENTITIES:
            break
        text += when.astimezone(UTC).strftime(_TIMES[name]) if name else part
    return text


def _in_order(rest: str) -> bool:
    """Return whether keys are in the order of time up to the first name: the larger units stand before the smaller."""
    names = _PLACEHOLDER.findall(rest)
    times = names[: next((number for number, name in enumerate(names) if name in _IDENTITIES), len(names))]
    order = [("year", "month", "day", "hour"), ("date", "hour")]
    return any(tuple(times) == units[: len(times)] for units in order)


def _level(branch: Branch) -> tuple[str, str, str]:
    """Return the folders without placeholders, the first folder with some (with its slash), and the rest."""
    static, brace, more = branch.rest.partition("{")
    cut = static.rfind("/") + 1
    folder, slash, rest = (static[cut:] + brace + more).partition("/")
    return static[:cut], folder + slash, rest if slash else ""


def _pattern(part: str) -> str:
    if not _PLACEHOLDER.fullmatch(part):
        return re.escape(part)
    return "([^/]+)"


def _minus(when: datetime | None, length: timedelta) -> datetime | None:
    try:
        return when - length if when else None
    except OverflowError:
        return None
