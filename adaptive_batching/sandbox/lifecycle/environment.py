"""One Lambda execution environment, and its life: init, invoke, freeze, reset, SHUTDOWN (protocol reference 7)."""

from __future__ import annotations

import contextlib
import json
import threading
import time
import traceback
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.function import MANAGED, PROVISIONED, SNAP_START, Function
from adaptive_batching.sandbox.lifecycle import invoke as invoking
from adaptive_batching.sandbox.lifecycle.init import initialise
from adaptive_batching.sandbox.lifecycle.results import Result, result_of
from adaptive_batching.sandbox.lifecycle.supervisor import Core
from adaptive_batching.sandbox.options import Options
from adaptive_batching.sandbox.protocol.generation import Invocation, new_trace
from adaptive_batching.sandbox.protocol.states import ENVIRONMENT, Machine, Phase, Step, TransitionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import TracebackType

    from adaptive_batching.sandbox.host.processes import Process
    from adaptive_batching.sandbox.telemetry.fanout import Telemetry
    from adaptive_batching.sandbox.telemetry.subscriber import Delivery


class Environment:
    """One environment of one function. Use as a context manager, or call `start` and `shutdown`."""

    def __init__(self, function: Function, options: Options | None = None) -> None:
        self.function = function
        self.options = options or Options()
        self.phase: Machine[Phase, Step] = Machine(ENVIRONMENT, Phase.CREATED)
        self._core = Core(function, self.options)
        #: The invocations so far, without their payloads and logs.
        self.finished: list[Result] = []
        #: What processes wrote, record by record; `lost_lines` are those that a fault kept from somebody.
        self.extension_lines = self._core.extension_lines
        self.function_lines = self._core.function_lines
        self.lost_lines = self._core.lost_lines

    # ---- What others may look at

    @property
    def address(self) -> str:
        """`host:port` of the Runtime API."""
        return self._core.stage.server.address

    @property
    def temporary(self) -> Path:
        """The environment's /tmp, as a folder of the host."""
        return self._core.stage.dwelling.outside

    @property
    def is_private(self) -> bool:
        """Whether the environment has a mount namespace of its own."""
        return self._core.stage.dwelling.private

    @property
    def log_path(self) -> Path:
        """The file that holds the log stream."""
        return self._core.stage.log.path

    @property
    def telemetry(self) -> Telemetry:
        """The stream of its events."""
        return self._core.stage.telemetry

    @property
    def deliveries(self) -> list[Delivery]:
        """Every delivery answered with 2xx, in order."""
        return self.telemetry.deliveries()

    @property
    def processes(self) -> list[Process]:
        """The processes of the current life: the runtime and the external extensions."""
        return self._core.processes

    @property
    def frozen(self) -> bool:
        """Whether its processes are stopped."""
        return self._core.frozen

    @property
    def usable(self) -> bool:
        """Whether it can still be invoked; on Managed Instances a fault ends an environment for good."""
        with self._core.changed:
            return not (self._core.life.managed and self._core.life.fault is not None)

    # ---- Life

    def start(self) -> Self:
        """Run the Init phase. A failed init is no exception: the next invocation tries again, as in production."""
        self.phase.apply(Step.START)
        kind = self.function.initialization_type
        limit = self.options.init_timeout or self.function.init_timeout
        phase = "snap-start" if kind == SNAP_START else "init"
        done, seconds = initialise(self._core.stage, self._core.life, phase, time.monotonic() + limit, self._core.wait)
        if not done:
            self._core.end_life("failure")
        else:
            self._core.unreported = {} if kind in {SNAP_START, MANAGED} else {"init_seconds": seconds}
            if kind in {SNAP_START, PROVISIONED} and self.options.freeze:
                self.freeze()  # the snapshot is taken; or: initialised long before the first invocation
        self.phase.apply(Step.INIT_DONE if done else Step.FAIL)
        return self

    # ---- Invoke

    def invoke(self, payload: object = None, *, trace: str | None = None) -> Result:
        """Invoke once, wait until the invocation has ended (report written, environment frozen), return the result.

        `payload` is encoded as JSON unless it is bytes already.
        """
        data = payload if isinstance(payload, bytes) else json.dumps({} if payload is None else payload).encode()
        invocation = self.begin(data, trace=trace)
        invocation.done.wait()
        return result_of(invocation)

    def begin(
        self,
        payload: bytes,
        *,
        trace: str | None = None,
        client_context: str | None = None,
        request_id: str | None = None,
        after: Callable[[], None] = lambda: None,
    ) -> Invocation:
        """Start an invocation and return at once; `answered` and `done` of it are events to wait for.

        `request_id`: given when an event that was accepted earlier runs. `after` is called when the environment can be
        invoked again. Raises SandboxError when it cannot be invoked now.
        """
        invocation = Invocation(
            payload,
            self.function.timeout,
            self.function.arn,
            trace or new_trace(sampled=self.function.xray),
            client_context,
            request_id or str(uuid.uuid4()),
            span_id=uuid.uuid4().hex[:16] if self.function.xray else None,
        )
        run = self._run
        with self._core.changed:
            if self._core.life.managed:
                run = self._run_managed
                if self.phase.state is not Phase.IDLE or self._core.life.fault:
                    raise SandboxError("the environment is gone; Managed Instances are not reset")
            else:
                self._step(Step.INVOKE)
        threading.Thread(target=run, args=(invocation, after), name="invoke", daemon=True).start()
        return invocation

    def _step(self, step: Step) -> None:
        try:
            self.phase.apply(step)
        except TransitionError as error:
            raise SandboxError(f"the environment cannot do that now: {error}") from None

    def _run(self, invocation: Invocation, after: Callable[[], None]) -> None:
        finished = False
        with self._told(invocation, after):
            try:
                finished = invoking.run(self._core, invocation)
            finally:
                with self._core.changed:
                    self.phase.apply(Step.INVOKE_DONE if finished else Step.FAIL)

    def _run_managed(self, invocation: Invocation, after: Callable[[], None]) -> None:
        with self._told(invocation, after):
            invoking.run_managed(self._core, invocation)

    @contextlib.contextmanager
    def _told(self, invocation: Invocation, after: Callable[[], None]) -> Iterator[None]:
        """Whatever happens to an invocation, who waits for it is told; an error of the sandbox itself is kept in it."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - printed here, and said to the caller
            traceback.print_exc()
            invocation.break_off(f"{type(error).__name__}: {error}")
        self.finished.append(replace(result_of(invocation), payload=b"", log_tail=""))
        after()
        invocation.done.set()

    # ---- Freeze, thaw, end

    def freeze(self) -> None:
        """Stop every process and all delivery. Does nothing when frozen already, nor on Managed Instances."""
        self._core.freeze()

    def thaw(self) -> None:
        """Let processes and delivery go on."""
        self._core.thaw()

    def shutdown(self, reason: str = "spindown") -> None:
        """End the environment for good. Safe to call twice."""
        with self._core.changed:
            if self.phase.state in {Phase.SHUTDOWN, Phase.GONE}:
                return
            self.phase.apply(Step.SHUT_DOWN)
        self.thaw()
        if not self._core.life.ended:
            self._core.end_life(reason)
        self._core.stage.close()
        self.phase.apply(Step.LEAVE)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()
