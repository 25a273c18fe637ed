"""Bodies of objects and notices for tests: what a test does not care about has a value."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from notifier.notices import Clue, Notice
from notifier.search import Search
from tests.fakes.shipped import Line, done, encoded, report, started, text

BEGIN = datetime(2026, 11, 20, 17, 41, 50, tzinfo=UTC)
NOW = int(datetime(2026, 11, 20, 17, 42, 6, tzinfo=UTC).timestamp() * 1000)
REQUEST, TRACE = "5ad0c1f2-8a3c-4c39-9f0e-0d8a8f0c1d11", "a2f6e7ee-3f7c-4b8e-9d64-5a7f3d1b2c10"
SESSION = "865ccaad-ced0-4de5-aec3-b3692b2e06a0"
WINDOW = {"since": NOW - 900_000, "until": NOW + 60_000}


def body(*lines: Line, begin: datetime = BEGIN, environment: str = "e1", first: int = 1) -> bytes:
    """The lines of one object, a second apart if they have no time of their own."""
    return b"".join(
        encoded(one, one.time or begin + timedelta(seconds=number), environment, first + number)
        for number, one in enumerate(lines)
    )


def logged(message: str, *, request: str = REQUEST, **members: Any) -> Line:  # noqa: ANN401
    """A line of a function whose log format is JSON."""
    return text({"level": "INFO", "message": message, "traceId": TRACE, **members}, request=request)


def failing(request: str = REQUEST, **members: Any) -> list[Line]:  # noqa: ANN401
    """The lines of a request that raises, in the JSON format."""
    error = {"level": "ERROR", "exception": "ValueError: this subject cannot be saved", **members}
    return [
        started(request),
        logged("saving", request=request, milestone="SAVE_REQUEST_RECEIVED", **members),
        logged("failed", request=request, **error),
        done(request, status="error"),
        report(request, status="error"),
    ]


def succeeding(request: str, **members: Any) -> list[Line]:  # noqa: ANN401
    return [started(request), logged("queued", request=request, **members), done(request), report(request)]


def exactly(*values: str, **more: Any) -> Clue:  # noqa: ANN401
    return Clue(values, exact=True, **{**WINDOW, **more})


def naming(*values: str, **more: Any) -> Clue:  # noqa: ANN401
    return Clue(values, **{**WINDOW, **more})


def searched(clue: Clue, *bodies: bytes, function: str = "conference-save") -> Search:
    """A search that was given bodies, newest first."""
    search = Search([clue])
    for one in bodies:
        search.add(function, one)
    return search


def letter(**more: Any) -> Notice:  # noqa: ANN401
    fixed: dict[str, Any] = {
        "id": "m-1",
        "what": "dead letter in",
        "where": "conference-dead",
        "at": NOW,
        "tries": "received 3 times",
        "clue": naming(TRACE),
    }
    return Notice(**{**fixed, **more})
