"""One DuckDB in memory for all that a command reads: to make one takes 20 ms, a connection to it, with limits, 1.4."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

from adaptive_batching.logs.cache import room
from adaptive_batching.logs.interrupting import interruptible

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class Allowance:
    """What DuckDB may take. `memory`: a size, or a part of the machine's. No `threads`: as many as cores."""

    memory: str
    threads: int | None = None


#: For questions, and for those on long lines (see Segment.is_long).
QUERIES, LONG = Allowance("300MB"), Allowance("80%", 1)
_CONVERTING = Allowance(room.LITTLE, 1)
#: How much of its memory DuckDB allocates once and keeps: asking the kernel for pages repeatedly took 6 % to convert.
_KEPT = "64MB"


def allow(connection: DuckDBPyConnection, allowed: Allowance) -> None:
    """Say what may be taken from now on, by this connection and all others to its database."""
    connection.execute(f"set threads = {allowed.threads}" if allowed.threads else "reset threads")
    with contextlib.suppress(duckdb.OutOfMemoryException):  # more than that is in use: the limit stays
        connection.execute(f"set memory_limit = '{allowed.memory}'")


class Database:
    """What every connection shares: memory and threads. Tables and views are temporary, and a connection's own.

    `scratch`: a folder for what does not fit into memory. Nothing is to be downloaded.
    """

    def __init__(self, scratch: Path) -> None:
        self._database = duckdb.connect(
            config={
                "memory_limit": QUERIES.memory,
                "block_allocator_memory": _KEPT,
                "autoinstall_known_extensions": "false",
                "temp_directory": str(scratch / "duckdb"),
            }
        )

    def close(self) -> None:
        """End it. What its connections had is gone."""
        self._database.close()

    @contextlib.contextmanager
    def connected(self) -> Iterator[DuckDBPyConnection]:
        """Connect for questions, one thing at a time. Ctrl-C stops one."""
        with self._connected(QUERIES) as connection:
            yield connection

    @contextlib.contextmanager
    def converting(self) -> Iterator[DuckDBPyConnection]:
        """Connect to write segments, with little memory. Until it ends, no question is asked."""
        try:
            with self._connected(_CONVERTING) as connection:
                yield connection
        finally:
            allow(self._database, QUERIES)

    @contextlib.contextmanager
    def _connected(self, allowed: Allowance) -> Iterator[DuckDBPyConnection]:
        with self._database.cursor() as connection, interruptible(connection):
            connection.execute("set enable_progress_bar = false")  # it writes to stdout
            allow(connection, allowed)
            yield connection
