"""Looks inside the extension, for tests that see no other way: the one place that uses private names of it.

Whoever renames such an attribute mends the test here. What has a public reader is not here.
"""

from __future__ import annotations

import copy
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from socket import socket

    from extension.core.adaptive import Adaptive
    from extension.core.outbox.circuit import Circuit
    from extension.core.shipper import Shipper
    from extension.extensions_api import ExtensionsApi
    from extension.inbox import Inbox
    from extension.journal import Journal
    from extension.listener import Listener


def chance(circuit: Circuit) -> float:
    """The next number that the circuit draws."""
    return circuit._chance()


def queued(inbox: Inbox) -> list[object]:
    """What waits to be taken; it stays."""
    return [item for item, _ in inbox._items]


@contextmanager
def slow_disk(journal: Journal) -> Iterator[None]:
    """Nothing gets into the journal until the block ends."""
    with journal._lock:
        yield


def accepting(listener: Listener) -> socket:
    """The socket that accepts: whoever shuts it down has accept fail with an error that does not pass."""
    return listener._socket  # type: ignore[return-value]  # the C class beneath it


def receiving(listener: Listener) -> int:
    """Bytes for which room is reserved."""
    return listener._receiving


def is_connected(calls: ExtensionsApi) -> bool:
    """Whether the connection for calls, not that of `event/next`, is open."""
    return calls._calls._socket is not None


def age(store: Any, wall: float, monotonic: float) -> None:  # noqa: ANN401 - either store
    """As if the connection that the store has kept had been idle for so many more seconds on the two clocks."""
    since = store._kept_since
    store._kept_since = (since[0] - wall, since[1] - monotonic)


def next_decision(core: Shipper, now: float) -> str:
    """What the policy would say of an INVOKE at this moment of the core's clock; "" in mode `thresholds`."""
    return copy.deepcopy(core._gathering.policy).invoked(now) if core._gathering.policy else ""


def bets(policy: Adaptive) -> float:
    """What was bet since the last object, in invocations."""
    return policy._rent


def seasoned(core: Shipper, gaps: list[float]) -> None:
    """As if mode `adaptive` had seen these gaps between invocations."""
    for gap in gaps if core._gathering.policy else ():
        core._gathering.policy._gaps.add(gap)  # type: ignore[union-attr]


def numbers(state: object) -> list[float]:
    """Every number that an object of slots keeps, in those that it holds too."""
    if isinstance(state, int | float):
        return [state]
    if isinstance(state, list):
        return [number for one in state for number in numbers(one)]
    return [number for name in getattr(state, "__slots__", ()) for number in numbers(getattr(state, name))]
