"""One life of an environment: from the start of its processes to a reset or the end. Guarded by the owner's lock."""

from __future__ import annotations

import threading
import time
import uuid
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from adaptive_batching.sandbox import refusals
from adaptive_batching.sandbox.protocol.registry import Registry
from adaptive_batching.sandbox.protocol.states import RUNTIME, Machine, RuntimeCall, RuntimeState, TransitionError
from adaptive_batching.sandbox.telemetry import events

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adaptive_batching.sandbox.host.processes import Process


@dataclass(frozen=True)
class Fault:
    """Why a life ended early: the first fatal error wins."""

    error_type: str
    message: str
    payload: bytes | None = None  # what the runtime itself posted about it


@dataclass(eq=False)
class Invocation:
    """One invocation. `*_at` are monotonic seconds, `*_time` seconds since the epoch."""

    payload: bytes
    timeout: float
    function_arn: str
    trace: str
    client_context: str | None = None
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    span_id: str | None = None  # with active X-Ray tracing
    started_at: float = 0.0
    started_time: float = 0.0
    response: bytes | None = None
    content_type: str = "application/json"
    function_error: str | None = None
    error_type: str | None = None
    by_runtime: bool = False  # the response is the runtime's own, not the platform's about a failure
    first_byte_at: float | None = None
    responded_at: float | None = None
    runtime_done_at: float | None = None
    answered: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)
    log_tail: str = ""
    broken: str = ""  # what went wrong in the sandbox itself
    report: dict[str, object] = field(default_factory=dict)

    def begin(self) -> None:
        """The clock of the invocation starts."""
        self.started_at, self.started_time = time.monotonic(), time.time()

    @property
    def deadline(self) -> float:
        """Monotonic seconds."""
        return self.started_at + self.timeout

    @property
    def deadline_ms(self) -> int:
        """Milliseconds since the epoch, as both APIs carry it."""
        return int((self.started_time + self.timeout) * 1000)

    def tracing(self) -> events.Record:
        """The tracing object of its events."""
        return events.tracing(self.trace, self.span_id)

    def break_off(self, why: str) -> None:
        """The sandbox itself failed: whoever waits goes on."""
        self.broken = why
        self.answered.set()

    def answer(
        self,
        response: bytes,
        function_error: str | None = None,
        error_type: str | None = None,
        *,
        by_runtime: bool = False,
    ) -> None:
        """Keep the result that the caller reads; the first one counts."""
        if self.response is not None:
            return
        self.by_runtime = by_runtime
        self.response = response
        self.function_error = function_error
        self.error_type = error_type
        self.responded_at = time.monotonic()
        self.answered.set()


def new_trace(*, sampled: bool) -> str:
    """Return a trace header's value, as it is made for a caller that sends none."""
    root = f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]}"
    return f"{root};Parent={uuid.uuid4().hex[:16]};Sampled={int(sampled)}"


class Life:
    """The registry, the runtime's machine, the processes and what waits between them."""

    def __init__(self, launched: Sequence[str], *, managed: bool) -> None:
        self.registry = Registry(launched, managed=managed)
        self.runtime: Machine[RuntimeState, RuntimeCall] = Machine(RUNTIME, RuntimeState.STARTED)
        self.managed = managed
        self.processes: list[Process] = []
        self.queue: deque[Invocation] = deque()  # for the runtime's `next`
        self.running: dict[str, Invocation] = {}
        self.fault: Fault | None = None
        self.ending = False  # processes may exit from now on
        self.ended = False  # every call is cut
        self.ready = False  # the runtime asked for its first event: its init is complete
        self.restored = False  # SnapStart: the snapshot has been restored

    def fail(self, fault: Fault) -> None:
        """Remember the first fatal error."""
        if self.fault is None and not self.ending:
            self.fault = fault

    def move_runtime(self, call: RuntimeCall) -> None:
        """Move the runtime's machine or raise the platform's refusal."""
        before = self.runtime.state.value
        try:
            self.runtime.apply(call)
        except TransitionError:
            raise refusals.runtime_state(before, call.value) from None

    def process(self, kind: str) -> list[Process]:
        """Return the processes of one kind, `runtime` or `extension`."""
        return [one for one in self.processes if one.kind == kind]
