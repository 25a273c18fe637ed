"""One generation of an environment: the time between two resets. `ApiContext.changed` guards it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adaptive_batching.sandbox import refusals
from adaptive_batching.sandbox.protocol.registry import Registry
from adaptive_batching.sandbox.protocol.states import RUNTIME, Machine, RuntimeCall, RuntimeState, TransitionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adaptive_batching.sandbox.host.processes import Process
    from adaptive_batching.sandbox.protocol.invocation import Invocation


@dataclass(frozen=True)
class Failure:
    """Why a generation ended early. `payload` is the error that the runtime posted, None without one."""

    error_type: str
    message: str
    payload: bytes | None = None


class Generation:
    """The state of one generation: its extensions, its runtime, its processes and its invocations.

    `launched` are the names of the external extensions.
    """

    def __init__(self, launched: Sequence[str], *, managed: bool) -> None:
        self.registry = Registry(launched, managed=managed)
        self.runtime: Machine[RuntimeState, RuntimeCall] = Machine(RUNTIME, RuntimeState.STARTED)
        self.managed = managed
        self.processes: list[Process] = []
        self.queue: deque[Invocation] = deque()  # invocations that the runtime has not fetched yet
        self.running: dict[str, Invocation] = {}
        self.failure: Failure | None = None
        self.ending = False  # the end of a process is no longer a failure
        self.ended = False  # every blocked call returns without an answer
        self.restored = False  # SnapStart: the snapshot has been restored

    @property
    def ready(self) -> bool:
        """Whether the runtime has asked for its first event. Its init is then complete and registration is closed."""
        return self.registry.closed

    def fail(self, failure: Failure) -> None:
        """Record a failure. Only the first one counts, and none once the generation is ending."""
        if self.failure is None and not self.ending:
            self.failure = failure

    def move_runtime(self, call: RuntimeCall) -> None:
        """Apply a call to the runtime's state machine. Raises Refused if it is not allowed."""
        before = self.runtime.state.value
        try:
            self.runtime.apply(call)
        except TransitionError:
            raise refusals.runtime_state(before, call.value) from None

    def processes_of(self, kind: str) -> list[Process]:
        """Return the processes of one kind, `runtime` or `extension`."""
        return [one for one in self.processes if one.kind == kind]


def outcome(failure: Failure | None, *, done: bool = False) -> tuple[str, str | None]:
    """Return the status and the error type of a phase. A phase that is neither done nor failed has timed out."""
    if done:
        return "success", None
    return ("error", failure.error_type) if failure else ("timeout", None)
