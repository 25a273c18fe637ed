"""Ctrl-C while DuckDB works: a thread stops the query.

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
    """Turn what DuckDB raises at Ctrl-C into KeyboardInterrupt."""
    import duckdb  # noqa: PLC0415 - --help must not load slow modules

    try:
        yield
    except (RuntimeError, duckdb.InterruptException) as error:
        if isinstance(error, RuntimeError) and str(error) != _INTERRUPTED:
            raise
        raise KeyboardInterrupt from None


@contextlib.contextmanager
def interruptible(connection: DuckDBPyConnection) -> Iterator[None]:
    """Let SIGINT stop what the connection does. The main thread then raises KeyboardInterrupt, as it always does."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are the main thread's; whoever waits there is told
        return
    reader, writer = socket.socketpair()
    writer.setblocking(False)

    def watch() -> None:
        while number := reader.recv(1):
            if number[0] == signal.SIGINT:
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
