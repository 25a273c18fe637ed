"""The public interface of one Lambda execution environment (docs/lambda-protocol.md, 7)."""

from __future__ import annotations

import contextlib
import json
import signal
import threading
import time
import traceback
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.function import MANAGED, PROVISIONED, SNAP_START
from adaptive_batching.sandbox.lifecycle.init import initialise
from adaptive_batching.sandbox.lifecycle.invoke import invoke, invoke_managed
from adaptive_batching.sandbox.lifecycle.resources import Resources
from adaptive_batching.sandbox.lifecycle.results import Result, result_of
from adaptive_batching.sandbox.lifecycle.shutdown import shut_down
from adaptive_batching.sandbox.lifecycle.supervisor import Supervisor
from adaptive_batching.sandbox.lifecycle.view import View
from adaptive_batching.sandbox.options import Options
from adaptive_batching.sandbox.protocol.invocation import Invocation, new_trace
from adaptive_batching.sandbox.protocol.states import ENVIRONMENT, Machine, Phase, Step, TransitionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from adaptive_batching.sandbox.function import Function


class Environment(View):
    """One environment of one function. Use it as a context manager, or call `start` and `shutdown`.

    Raises SandboxError if the function cannot run on this machine.
    """

    def __init__(self, function: Function, options: Options | None = None) -> None:
        super().__init__(Supervisor(Resources(function, options or Options())))
        self.phase: Machine[Phase, Step] = Machine(ENVIRONMENT, Phase.CREATED)
        #: The results of the invocations so far, without payloads and log tails.
        self.finished: list[Result] = []

    # ---- Start

    def start(self) -> Self:
        """Run the Init phase. A failed Init does not raise: the next invocation repeats it, as in production."""
        self.phase.apply(Step.START)
        kind = self.function.initialization_type
        limit = self.options.init_timeout or self.function.init_timeout
        phase = "snap-start" if kind == SNAP_START else "init"
        done, seconds = initialise(self._supervisor, phase, time.monotonic() + limit)
        if not done:
            shut_down(self._supervisor, "failure")
        else:
            self._supervisor.unreported = {} if kind in {SNAP_START, MANAGED} else {"init_seconds": seconds}
            if kind in {SNAP_START, PROVISIONED} and self.options.freeze:
                self.freeze()  # SnapStart takes the snapshot; provisioned environments wait for invocations
        self.phase.apply(Step.INIT_DONE if done else Step.FAIL)
        return self

    # ---- Invoke

    def invoke(self, payload: object = None, *, trace: str | None = None) -> Result:
        """Invoke the function, wait until the invocation has ended, and return its result.

        The invocation has ended when its report is written and the environment is frozen. `payload` is encoded as JSON
        unless it is bytes. Raises SandboxError if the environment cannot be invoked now.
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
        after: Callable[[Result], None] = lambda _result: None,
    ) -> Invocation:
        """Start an invocation and return it at once. Its `answered` and `done` are events to wait for.

        `request_id` is given for an event that was accepted earlier. `after` is called with the result when the
        environment can be invoked again. Raises SandboxError if it cannot be invoked
        now.
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
        with self._supervisor.changed:
            if self._supervisor.generation.managed:
                run = self._run_managed
                if self.phase.state is not Phase.IDLE or not self.usable:
                    raise SandboxError("the environment has ended; Managed Instances are not reset")
            else:
                self._step(Step.INVOKE)
        threading.Thread(target=run, args=(invocation, after), name="invoke", daemon=True).start()
        return invocation

    def _step(self, step: Step) -> None:
        try:
            self.phase.apply(step)
        except TransitionError as error:
            raise SandboxError(f"the environment cannot do that now: {error}") from None

    def _run(self, invocation: Invocation, after: Callable[[Result], None]) -> None:
        finished = False
        with self._concluded(invocation, after):
            try:
                finished = invoke(self._supervisor, invocation)
            finally:
                with self._supervisor.changed:
                    self.phase.apply(Step.INVOKE_DONE if finished else Step.FAIL)

    def _run_managed(self, invocation: Invocation, after: Callable[[Result], None]) -> None:
        with self._concluded(invocation, after):
            invoke_managed(self._supervisor, invocation)

    @contextlib.contextmanager
    def _concluded(self, invocation: Invocation, after: Callable[[Result], None]) -> Iterator[None]:
        """Conclude an invocation, even if the sandbox itself fails: record it, call `after` and set `done`."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - printed here, and the caller reads it
            traceback.print_exc()
            invocation.break_off(f"{type(error).__name__}: {error}")
        result = result_of(invocation)
        self.finished.append(replace(result, payload=b"", log_tail=""))
        after(result)
        invocation.done.set()

    # ---- Freeze, thaw, end

    def freeze(self) -> None:
        """Stop every process and all delivery. Do nothing if the environment is frozen or on Managed Instances."""
        self._supervisor.freeze()

    def thaw(self) -> None:
        """Continue every process and all delivery."""
        self._supervisor.thaw()

    def shutdown(self, reason: str = "spindown") -> None:
        """End the environment. `reason` is that of the SHUTDOWN event. Calling it twice is harmless."""
        with self._supervisor.changed:
            if self.phase.state in {Phase.SHUTDOWN, Phase.GONE}:
                return
            self.phase.apply(Step.SHUT_DOWN)
        self.thaw()
        if not self._supervisor.generation.ended:
            shut_down(self._supervisor, reason)
        self._supervisor.resources.close()
        self.phase.apply(Step.LEAVE)

    def kill(self) -> None:
        """Kill the processes. A running invocation then ends in an error, and the environment can be shut down."""
        for process in self.processes:
            process.signal(signal.SIGKILL)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()
