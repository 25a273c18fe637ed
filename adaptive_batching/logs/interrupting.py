"""Ctrl-C and SIGTERM while DuckDB works: a thread stops the query.

Python runs its handler of a signal on the main thread, once that is back from C. DuckDB's client looks for signals
while it works on a query itself, but not while it waits for its other threads, which may take as long as the query.
"""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from duckdb import DuckDBPyConnection


#: What DuckDB's client makes of Ctrl-C during a query.
_INTERRUPTED = "Query interrupted"


@contextlib.contextmanager
def as_interrupts() -> Iterator[None]:
    """Turn what DuckDB raises at Ctrl-C into KeyboardInterrupt, and what it raises at SIGTERM into SystemExit."""
    import duckdb  # noqa: PLC0415 - --help must not load slow modules

    from adaptive_batching.command_line import TERMINATED, terminated  # noqa: PLC0415 - not in Lambda: it has no click

    try:
        yield
    except (RuntimeError, duckdb.InterruptException) as error:
        if isinstance(error, RuntimeError) and str(error) != _INTERRUPTED:
            raise
        raise (SystemExit(TERMINATED) if terminated.is_set() else KeyboardInterrupt) from None


@contextlib.contextmanager
def interruptible(connection: DuckDBPyConnection) -> Iterator[None]:
    """Let SIGINT and SIGTERM stop what the connection does. Their handlers run on the main thread then."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are the main thread's; whoever waits there is told
        return
    from duckdb import ConnectionException  # noqa: PLC0415 - as above

    reader, writer = socket.socketpair()
    writer.setblocking(False)

    def watch() -> None:
        while number := reader.recv(1):
            if number[0] in {signal.SIGINT, signal.SIGTERM}:
                with contextlib.suppress(ConnectionException):  # it has just been closed
                    connection.interrupt()

    thread = threading.Thread(target=watch, name="interrupting", daemon=True)
    before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    thread.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        writer.close()
        thread.join()
        reader.close()
