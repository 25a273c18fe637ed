"""The ledger: one JSON line per invocation that was made, and a first line that says how. Pure."""

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

    `at`: when it was sent (UTC). `id`: the request id that Lambda answered, None without one. `status`: of the last
    answer, None when none came, so that it may have run or not. `retries`: how often it was refused and sent again.
    `error`: the function's failure in a synchronous answer, or what went wrong with the call.
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
        """Whether Lambda took it."""
        return self.status in ACCEPTED


@dataclass(frozen=True)
class Ledger:
    """A ledger as read. `head`: how the invocations were made. `bad`: lines that could not be read."""

    entries: tuple[Entry, ...]
    head: dict[str, Any] = field(default_factory=dict)
    bad: tuple[str, ...] = ()

    def accepted(self) -> dict[str, str]:
        """Return what is to be found: each accepted request's id, and its error."""
        return {entry.id: entry.error for entry in self.entries if entry.accepted and entry.id}

    @property
    def nameless(self) -> int:
        """Invocations that were accepted without an id."""
        return sum(entry.accepted and not entry.id for entry in self.entries)

    @property
    def refused(self) -> int:
        """Invocations that Lambda refused: none of them ran."""
        return sum(entry.status is not None and not entry.accepted for entry in self.entries)

    @property
    def unknown(self) -> int:
        """Invocations without an answer."""
        return sum(entry.status is None for entry in self.entries)


def head_line(**facts: object) -> str:
    """Return the ledger's first line."""
    return json.dumps({"experiment": facts}) + "\n"


def entry_line(entry: Entry) -> str:
    """Return an entry as a line."""
    return json.dumps(asdict(entry)) + "\n"


def read(lines: Iterable[str]) -> Ledger:
    """Return the ledger in these lines; a line that is torn or foreign is put aside."""
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
