"""Looks inside the extension, for tests that see no other way: the one place that knows private names of it.

Whoever renames an attribute mends the test here. What a test can see from outside it looks at there.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from extension.shell import app

if TYPE_CHECKING:
    from collections.abc import Iterator
    from socket import socket

    from extension.core.batcher import Batcher
    from extension.core.circuit import Circuit
    from extension.core.shipper import Shipper
    from extension.extensions_api import ExtensionsApi
    from extension.inbox import Inbox
    from extension.journal import Journal
    from extension.listener import Listener
    from extension.records.objects import Body, Chunk, Origin
    from extension.records.reader import Reader
    from extension.shell.consumer import Consumer
    from extension.shell.executor import Environment


# the core


def waiting(core: Shipper) -> list[Chunk]:
    """The closed chunks, oldest first, the one in flight among them."""
    return core._outbox._waiting


def open_chunk(core: Shipper) -> Batcher:
    """What makes the chunk that is still open."""
    return core._batcher


def byte_threshold(core: Shipper) -> int:
    """The size at which a chunk is due, once it was made to fit the journal."""
    return core._batcher._bytes


def circuit(core: Shipper) -> Circuit:
    """Whether the store is worth an attempt."""
    return core._circuit


def chance(core: Shipper) -> float:
    """The next number that the circuit draws."""
    return core._circuit._chance()


def reader(core: Shipper) -> Reader:
    """What makes records of bodies."""
    return core._reader


# the shell


def environment(consumer: Consumer) -> Environment:
    """Journal, core and store of this consumer."""
    return consumer._environment


def journal(made: Environment) -> Journal:
    """To be closed, as the end of the process would close it; its lock is on the folder."""
    return made._journal


def origin(made: Environment) -> Origin:
    """Whom the next chunk will be said to come from."""
    return made._origin


@contextmanager
def slow_disk(made: Environment) -> Iterator[None]:
    """Nothing gets into the journal until the block ends."""
    with made._journal._lock:
        yield


def consume_taken(consumer: Consumer) -> int:
    """Consume what is in `consumer.taken`, as it is done with what an earlier process left."""
    return consumer._consume_taken()


def poll_only(inbox: Inbox, poller: Any, consumer: Consumer) -> int:  # noqa: ANN401 - one method of a poller is used
    """The loop of last resort, as it is entered after this consumer's second fault in a row."""
    return app._poll_only(inbox, poller, consumer.taken, consumer.waiting_records)


def queued(inbox: Inbox) -> list[object]:
    """What waits to be taken."""
    return [item for item, _ in inbox._items]


def is_spooled(body: Body) -> bool:
    """Whether a part of the body is in a file."""
    return getattr(body, "_descriptor", -1) >= 0


# sockets


def accepting(listener: Listener) -> socket:
    """The socket that accepts: whoever shuts it down has accept fail with an error that does not pass."""
    return listener._socket  # type: ignore[return-value]  # the C class beneath it


def is_connected(calls: ExtensionsApi) -> bool:
    """Whether the connection for calls, not that of `event/next`, is open."""
    return calls._calls._socket is not None


def age(store: Any, wall: float, monotonic: float) -> None:  # noqa: ANN401 - either store
    """As if the connection that the store has kept had been idle for so many more seconds on the two clocks."""
    since = store._kept_since
    store._kept_since = (since[0] - wall, since[1] - monotonic)
