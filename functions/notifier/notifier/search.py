"""Finds the lines of requests in the bodies of objects, which it is given newest first. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from notifier import lines
from notifier.notices import moment

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from notifier.lines import Line
    from notifier.notices import Clue

#: One of these is in each body that has a request which failed.
_TROUBLE = re.compile(rb"ERROR|CRITICAL|FATAL|error|timeout|failure|xception")
_SUCCESS = ("", "success")
_REQUEST = re.compile(rb'"requestId"\s*:\s*"([^"]+)"')


@dataclass(frozen=True)
class Attempt:
    """One run of a request, with its lines in order. Lambda tries an event again under the same request id."""

    lines: tuple[Line, ...]

    @property
    def function(self) -> str:
        """The function's name."""
        return self.lines[0].function

    @property
    def request(self) -> str:
        """The request's id."""
        return self.lines[0].request

    @property
    def trace(self) -> str:
        """The trace that its lines name, "" if none does."""
        return next((one.trace for one in self.lines if one.trace), "")

    @property
    def error(self) -> str:
        """The last error that its lines tell of, else a status that is none of success."""
        errors = [one.error for one in self.lines if one.error]
        status = next((one.status for one in reversed(self.lines) if one.status not in _SUCCESS), "")
        return errors[-1] if errors else status

    @property
    def begun(self) -> bool:
        """Whether its first line is there."""
        return any(one.type == "platform.start" for one in self.lines)

    @property
    def ended(self) -> bool:
        """Whether Lambda has said how it ended, or a line has told of an error."""
        return bool(self.error) or any(one.status and one.type != "platform.initRuntimeDone" for one in self.lines)

    @property
    def last(self) -> int:
        """When its last line was written, in epoch milliseconds."""
        return moment(self.lines[-1].time)


class _Body:
    """The body of an object. A line is parsed once, and only if something in it is looked for."""

    def __init__(self, function: str, data: bytes) -> None:
        self.function, self.data = function, data
        self._parsed: dict[int, Line | None] = {}

    def naming(self, values: Collection[str]) -> Iterable[Line]:
        """Yield the lines in which one of the values is a word."""
        found = [one for one in values if one.encode() in self.data]
        if found:
            pattern = re.compile("|".join(rf"(?<![\w-]){re.escape(one)}(?![\w-])" for one in found).encode())
            yield from self._at(self._begin(one.start()) for one in pattern.finditer(self.data))

    def of(self, requests: Collection[str]) -> Iterable[Line]:
        """Yield the lines of these requests, and those that only name one in a member of theirs."""
        yield from self._at(place for one in requests for place in self._places.get(one.encode(), ()))

    def _begin(self, inside: int) -> int:
        return self.data.rfind(b"\n", 0, inside) + 1

    def _at(self, places: Iterable[int]) -> Iterable[Line]:
        """Yield the lines that begin at these places, in their order."""
        for place in sorted(set(places)):
            if place not in self._parsed:
                end = self.data.find(b"\n", place)
                self._parsed[place] = lines.line(self.data[place : end if end >= 0 else None], self.function)
            if one := self._parsed[place]:
                yield one

    @cached_property
    def _places(self) -> dict[bytes, list[int]]:
        """Request -> where the lines begin that name it in a member `requestId`."""
        found: dict[bytes, list[int]] = {}
        for one in _REQUEST.finditer(self.data):
            found.setdefault(one[1], []).append(self._begin(one.start()))
        return found

    @cached_property
    def failed(self) -> frozenset[str]:
        """The requests of which a line tells that they failed."""
        if not _TROUBLE.search(self.data):
            return frozenset()
        read = lines.read(self.data, self.function)
        return frozenset(one.request for one in read if one.request and (one.error or one.status not in _SUCCESS))


class Search:
    """Takes bodies newest first until the request of each clue is found from its start to its error."""

    def __init__(self, clues: Sequence[Clue]) -> None:
        self._bodies: list[_Body] = []
        self._requests: dict[Clue, set[str]] = {one: set() for one in clues}
        self._open = dict.fromkeys(clues)

    @property
    def is_over(self) -> bool:
        """Whether no further body can tell more."""
        return not self._open

    def add(self, function: str, data: bytes) -> None:
        """Take the body of one object of a function."""
        body = _Body(function, data)
        self._bodies.append(body)
        for clue in list(self._open):
            if clue.functions and function not in clue.functions:
                continue
            named = _named(clue, body)
            self._requests[clue] |= named
            if named or any(one.encode() in data for one in self._requests[clue]):
                found = self.found(clue)
                if found and found.begun and found.ended and (found.error or clue.exact):
                    del self._open[clue]

    def found(self, clue: Clue) -> Attempt | None:
        """Return the newest attempt that failed, or, of the clue's own requests, the newest one."""
        attempts = sorted(self._attempts(clue), key=lambda one: one.last)
        failed = [one for one in attempts if one.error]
        if not clue.values:
            return next((one for one in reversed(failed) if clue.since <= one.last <= clue.until), None)
        return next(iter(reversed(failed or attempts)), None)

    def _attempts(self, clue: Clue) -> Iterable[Attempt]:
        requests = self._requests[clue]
        grouped: dict[tuple[str, str], dict[tuple[int, str], Line]] = {}
        for body in self._bodies:
            if clue.functions and body.function not in clue.functions:
                continue
            for one in body.of(requests):
                if one.request in requests and _belongs(one, clue):
                    grouped.setdefault((one.environment, one.request), {})[one.sequence, one.raw] = one
        for numbered in grouped.values():
            attempt: list[Line] = []
            for _, one in sorted(numbered.items()):
                if one.type == "platform.start" and attempt:
                    yield Attempt(tuple(attempt))
                    attempt = []
                attempt.append(one)
            yield Attempt(tuple(attempt))


def _named(clue: Clue, body: _Body) -> frozenset[str]:
    """Return the requests that a body names for a clue."""
    if not clue.values:
        return body.failed
    found = frozenset(one.request for one in body.naming(clue.values) if one.request)
    return found.intersection(clue.values) if clue.exact else found


def _belongs(one: Line, clue: Clue) -> bool:
    """Whether a line is about the clue: a request that handled several messages has lines of other traces."""
    return clue.exact or not clue.values or not one.trace or any(value in one.raw for value in clue.values)
