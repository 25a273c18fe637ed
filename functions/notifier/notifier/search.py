"""Finds the lines of requests in the bodies of objects, which it is given newest first. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from notifier import lines
from notifier.notices import moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from notifier.lines import Line
    from notifier.notices import Clue

#: One of these is in each body that has a request which failed.
_TROUBLE = re.compile(rb"ERROR|CRITICAL|FATAL|error|timeout|failure|xception")
_SUCCESS = ("", "success")


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


class Search:
    """Takes bodies newest first until the request of each clue is found from its start to its error."""

    def __init__(self, clues: Sequence[Clue]) -> None:
        self._bodies: list[tuple[str, bytes]] = []
        self._requests: dict[Clue, set[str]] = {one: set() for one in clues}
        self._open = dict.fromkeys(clues)

    @property
    def is_over(self) -> bool:
        """Whether no further body can tell more."""
        return not self._open

    def add(self, function: str, body: bytes) -> None:
        """Take the body of one object of a function."""
        self._bodies.append((function, body))
        for clue in list(self._open):
            if clue.functions and function not in clue.functions:
                continue
            named = self._named(clue, function, body)
            self._requests[clue] |= named
            if named or any(one.encode() in body for one in self._requests[clue]):
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

    def _named(self, clue: Clue, function: str, body: bytes) -> set[str]:
        """Return the requests that a body names for a clue."""
        if not clue.values:
            return {
                one.request
                for one in (lines.read(body, function) if _TROUBLE.search(body) else ())
                if one.request and (one.error or one.status not in _SUCCESS)
            }
        if not any(value.encode() in body for value in clue.values):
            return set()
        pattern = re.compile("|".join(rf"(?<![\w-]){re.escape(value)}(?![\w-])" for value in clue.values).encode())
        found = [lines.line(raw, function) for raw in body.split(b"\n") if pattern.search(raw)]
        return {one.request for one in found if one and one.request and (not clue.exact or one.request in clue.values)}

    def _attempts(self, clue: Clue) -> Iterable[Attempt]:
        requests = self._requests[clue]
        grouped: dict[tuple[str, str], dict[tuple[int, str], Line]] = {}
        for function, body in self._bodies:
            if clue.functions and function not in clue.functions:
                continue
            if not any(one.encode() in body for one in requests):
                continue
            for one in lines.read(body, function):
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


def _belongs(one: Line, clue: Clue) -> bool:
    """Whether a line is about the clue: a request that handled several messages has lines of other traces."""
    return clue.exact or not clue.values or not one.trace or any(value in one.raw for value in clue.values)
