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
    """Return what `work` returns, or None if `more` is not enough for it either.

    The connection has LITTLE, and has it again afterwards. The limit is left alone where that suffices: to set it, even
    to the same, hands all free memory back to the kernel. Converting took 6 % more when each batch did so.
    """
    with contextlib.suppress(OutOfMemoryException):
        return work()
    try:
        for most in more:
            connection.execute(f"set memory_limit = '{most}'")
            with contextlib.suppress(OutOfMemoryException):
                return work()
    finally:
        if more:
            with contextlib.suppress(OutOfMemoryException):  # more than that is in use: it stays as it is
                connection.execute(f"set memory_limit = '{LITTLE}'")
    return None
