"""The ledger: a first line that describes the run, then one JSON line for each invocation. Pure."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

ACCEPTED = (200, 202)


@dataclass(frozen=True)
class Entry:
    """One invocation.

    `at` is the time at which it was sent (UTC). `id` is the request id in Lambda's response, None without one. `status`
    is the HTTP status of the last response, or None if there was none, in which case the function may or may not have
    run. `retries` counts how often the invocation was refused and sent again. `sleep_ms` is what the function was asked
    to sleep and `took_ms` is the duration of the call, both in milliseconds. `error` is the function's error in a
    synchronous response, or the error of the call.
    """

    at: str
    number: int
    id: str | None
    status: int | None
    retries: int = 0
    sleep_ms: float = 0.0
    took_ms: float = 0.0
    error: str = ""

    @property
    def accepted(self) -> bool:
        """Whether Lambda accepted the invocation."""
        return self.status in ACCEPTED


@dataclass(frozen=True)
class Ledger:
    """A ledger. `head` describes the run. `bad` describes the lines that could not be read."""

    entries: tuple[Entry, ...]
    head: dict[str, Any] = field(default_factory=dict)
    bad: tuple[str, ...] = ()

    def accepted(self) -> dict[str, str]:
        """Return the error of each accepted invocation by its request id: the requests whose lines must be found."""
        return {entry.id: entry.error for entry in self.entries if entry.accepted and entry.id}

    @property
    def nameless(self) -> int:
        """The number of invocations that Lambda accepted without returning an id."""
        return sum(entry.accepted and not entry.id for entry in self.entries)

    @property
    def refused(self) -> int:
        """The number of invocations that Lambda refused. None of them ran."""
        return sum(entry.status is not None and not entry.accepted for entry in self.entries)

    @property
    def unknown(self) -> int:
        """The number of invocations without a response."""
        return sum(entry.status is None for entry in self.entries)


def head_line(**facts: object) -> str:
    """Return the ledger's first line."""
    return json.dumps({"experiment": facts}) + "\n"


def entry_line(entry: Entry) -> str:
    """Return an entry as a line of the ledger."""
    return json.dumps(asdict(entry)) + "\n"


def read(lines: Iterable[str]) -> Ledger:
    """Return the ledger in these lines. A line that is not a ledger entry goes to `bad`."""
    entries, bad = [], []
    head: dict[str, Any] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
            if isinstance(value, dict) and isinstance(value.get("experiment"), dict):
                head = value["experiment"]
            else:
                entries.append(_entry(value))
        except (ValueError, RecursionError) as error:
            bad.append(f"line {number}: {error}")
    return Ledger(tuple(entries), head, tuple(bad))


def _entry(value: object) -> Entry:
    if not isinstance(value, dict):
        raise ValueError("not an object")  # noqa: TRY004 - bad input, not a bad call
    identity, status = value.get("id"), value.get("status")
    if not isinstance(identity, str | None) or not isinstance(status, int | None) or "status" not in value:
        raise ValueError("without a usable id and status")
    known = {one.name for one in fields(Entry)}
    values = {name: member for name, member in value.items() if name in known}
    return Entry(**{"at": "", "number": 0, **values})
