"""What there is to tell, and which log lines belong to it. Pure."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime

#: An id that goes into a command line and into the search: nothing of it can be an option, a quote or a blank.
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/=+-]{0,127}")
#: A shorter id, such as an order's number, stands in too many lines.
SHORTEST = 8
_PLAIN = re.compile(r"[A-Za-z0-9-]{1,100}")
#: How long an invocation may take, in milliseconds.
LONGEST = 900_000


@dataclass(frozen=True)
class Clue:
    """Which request's lines are wanted: those of a request in whose lines one of `values` stands.

    Without values it is the newest request that failed. `exact` says that the values are ids of requests themselves;
    otherwise they are of traces or sessions, and the newest request that failed is meant. `functions` are those to
    look at (none: all that are known). `since` and `until` are epoch milliseconds.
    """

    values: tuple[str, ...] = ()
    exact: bool = False
    functions: tuple[str, ...] = ()
    since: int = 0
    until: int = 0


@dataclass(frozen=True)
class Notice:
    """One thing that is told once. `id` names its marker, `at` is in epoch milliseconds.

    `what` and `where` are its title ("dead letter", a queue). `said` is what it says of its error itself. `kept` is the
    event that makes it again, as JSON; a message in a queue needs none, since it stays there. `received` is how often
    that message had been received before the first look at it.
    """

    id: str
    what: str
    where: str
    at: int
    tries: str = ""
    said: str = ""
    clue: Clue | None = None
    kept: str = ""
    received: int = 0


def identifier(value: object) -> str:
    """Return a value if it can be an id that lines are searched for, else ""."""
    return value if isinstance(value, str) and len(value) >= SHORTEST and _ID.fullmatch(value) else ""


def marker(name: str) -> str:
    """Return the id of a notice: the name that it came with, or its hash if a key cannot have that."""
    return name if _PLAIN.fullmatch(name) else hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()


def moment(text: object) -> int:
    """Return a time as AWS writes it in epoch milliseconds, 0 if it is none."""
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return 0
    if found is None:
        return 0
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)
