"""One generation of an environment: its life between two resets. Guarded by the lock of its `ApiContext`."""

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
    """Why a generation ended early; `payload` is what the runtime itself posted about it, if it did."""

    error_type: str
    message: str
    payload: bytes | None = None


class Generation:
    """The registry, the runtime's machine, the processes and what waits between them."""

    def __init__(self, launched: Sequence[str], *, managed: bool) -> None:
        self.registry = Registry(launched, managed=managed)
        self.runtime: Machine[RuntimeState, RuntimeCall] = Machine(RUNTIME, RuntimeState.STARTED)
        self.managed = managed
        self.processes: list[Process] = []
        self.queue: deque[Invocation] = deque()  # for the runtime's `next`
        self.running: dict[str, Invocation] = {}
        self.failure: Failure | None = None
        self.ending = False  # processes may exit from now on
        self.ended = False  # every call is cut
        self.restored = False  # SnapStart: the snapshot has been restored

    @property
    def ready(self) -> bool:
        """Whether the runtime has asked for its first event: its init is complete, and registration is closed."""
        return self.registry.closed

    def fail(self, failure: Failure) -> None:
        """Remember the first failure; an exit that an ending brings with it is not one."""
        if self.failure is None and not self.ending:
            self.failure = failure

    def move_runtime(self, call: RuntimeCall) -> None:
        """Move the runtime's machine or raise the platform's refusal."""
        before = self.runtime.state.value
        try:
            self.runtime.apply(call)
        except TransitionError:
            raise refusals.runtime_state(before, call.value) from None

    def processes_of(self, kind: str) -> list[Process]:
        """Return the processes of one kind, `runtime` or `extension`."""
        return [one for one in self.processes if one.kind == kind]


def outcome(failure: Failure | None, *, done: bool = False) -> tuple[str, str | None]:
    """Return status and error type of a phase that is over; what is neither done nor failed has timed out."""
    if done:
        return "success", None
    return ("error", failure.error_type) if failure else ("timeout", None)
