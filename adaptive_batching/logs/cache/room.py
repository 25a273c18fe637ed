"""How much memory DuckDB is given: little, and more for a moment if that does not suffice."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, TypeVar

from duckdb import OutOfMemoryException

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from duckdb import DuckDBPyConnection

T = TypeVar("T")

#: What a connection that writes has, and what it is given, one after the other, if that is not enough: DuckDB takes
#: 2,048 lines at a time, however long they are, and copies what is in them several times.
LITTLE, MORE = "256MB", ("768MB", "2GB")


def with_room(connection: DuckDBPyConnection, more: Sequence[str], work: Callable[[], T]) -> T | None:
    """Return what `work` returns, or None if `more` is not enough for it either. Afterwards the limit is as before.

    The limit is left alone where it suffices: to set it, even to the same, hands all free memory back to the kernel.
    Converting took 6 % more when each batch did so.
    """
    with contextlib.suppress(OutOfMemoryException):
        return work()
    own = connection.execute("select current_setting('memory_limit')").fetchone()
    try:
        for most in more:
            connection.execute(f"set memory_limit = '{most}'")
            with contextlib.suppress(OutOfMemoryException):
                return work()
    finally:
        connection.execute(f"set memory_limit = '{own[0] if own else most}'")
    return None
