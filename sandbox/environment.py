"""One Lambda execution environment, and its life: init, invoke, freeze, reset, SHUTDOWN (protocol reference 7)."""

from __future__ import annotations

import json
import signal
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any, Self

from sandbox import ending, events, memory, reporting
from sandbox.clock import stamp
from sandbox.events import Event
from sandbox.function import MANAGED, PROVISIONED, SNAP_START, Function
from sandbox.initialising import initialise, must_restore, restore
from sandbox.launch import SandboxError
from sandbox.life import Fault, Invocation
from sandbox.options import Options
from sandbox.registry import INVOKE
from sandbox.results import Result, failure_payload, result_of
from sandbox.stage import Stage
from sandbox.states import ENVIRONMENT, Machine, Phase, Step, TransitionError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from sandbox.delivery import Delivery
    from sandbox.processes import Process
    from sandbox.telemetry import Telemetry

#: Seconds that a freeze waits for a POST in flight; production cuts it.
FREEZE_PATIENCE = 1.0
#: Seconds that restoring a snapshot may take.
RESTORE_TIMEOUT = 10.0


class Environment:
    """One environment of one function. Use as a context manager, or call `start` and `shutdown`."""

    def __init__(self, function: Function, options: Options | None = None) -> None:
        self.function = function
        self.options = options or Options()
        self.phase: Machine[Phase, Step] = Machine(ENVIRONMENT, Phase.CREATED)
        self.extension_lines: list[str] = []
        self.function_lines: list[str] = []
        self.frozen = False
        self._unreported: dict[str, float] = {}  # seconds of init and restore that the next report tells
        self._stage = Stage(function, self.options, lambda: self._life, self)
        self._changed = self._stage.changed
        self._life = self._stage.new_life()

    # ---- What others may look at

    @property
    def address(self) -> str:
        """`host:port` of the Runtime API."""
        return self._stage.server.address

    @property
    def temporary(self) -> Path:
        """The environment's /tmp, as a folder of the host."""
        return self._stage.dwelling.folders.temporary

    @property
    def is_private(self) -> bool:
        """Whether the environment has a mount namespace of its own."""
        return self._stage.dwelling.private

    @property
    def log_path(self) -> Path:
        """The file that holds the log stream."""
        return self._stage.log.path

    @property
    def telemetry(self) -> Telemetry:
        """The stream of its events."""
        return self._stage.telemetry

    @property
    def deliveries(self) -> list[Delivery]:
        """Every delivery answered with 2xx, in order."""
        return self.telemetry.deliveries()

    @property
    def processes(self) -> list[Process]:
        """The processes of the current life: the runtime and the external extensions."""
        with self._changed:
            return list(self._life.processes)

    @property
    def usable(self) -> bool:
        """Whether it can still be invoked; on Managed Instances a fault ends an environment for good."""
        with self._changed:
            return not (self._life.managed and self._life.fault is not None)

    # ---- Sink of the processes

    def wrote(self, process: Process, text: str, at: float) -> None:
        """One record of a process's output."""
        kind = "function" if process.kind == "runtime" else "extension"
        (self.function_lines if kind == "function" else self.extension_lines).append(text)
        self.telemetry.emit(Event(at, kind, text, is_object=events.is_json_object(text)))

    def ended(self, process: Process) -> None:
        """A process has exited; outside of an ending that is fatal."""
        code = process.exit_code or 0
        how = f"signal: {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
        with self._changed:
            if process.kind == "runtime":
                self._life.fail(Fault("Runtime.ExitError", f"Runtime exited with error: {how}"))
            else:
                self._life.fail(Fault("Extension.Crash", f"extension {process.name}: {how}"))
            self._changed.notify_all()

    # ---- Life

    def start(self) -> Self:
        """Run the Init phase. A failed init is no exception: the next invocation tries again, as in production."""
        self.phase.apply(Step.START)
        kind = self.function.initialization_type
        limit = self.options.init_timeout or self.function.init_timeout
        phase = "snap-start" if kind == SNAP_START else "init"
        done, seconds = initialise(self._stage, self._life, phase, time.monotonic() + limit, self._wait)
        if not done:
            self._end_life("failure")
        else:
            self._unreported = {} if kind in {SNAP_START, MANAGED} else {"init_seconds": seconds}
            if kind in {SNAP_START, PROVISIONED} and self.options.freeze:
                self.freeze()  # the snapshot is taken; or: initialised long before the first invocation
        self.phase.apply(Step.INIT_DONE if done else Step.FAIL)
        return self

    def _wait(self, condition: Callable[[], bool], deadline: float) -> bool:
        """Wait until a condition holds, a fault happened or the deadline passed; say whether it holds, faultless."""
        with self._changed:
            self._changed.wait_for(
                lambda: condition() or self._life.fault is not None, max(0.0, deadline - time.monotonic())
            )
            return self._life.fault is None and condition()

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
        after: Callable[[], None] = lambda: None,
    ) -> Invocation:
        """Start an invocation and return at once; `answered` and `done` of it are events to wait for.

        `after` is called when the environment can be invoked again. Raises SandboxError when it cannot be invoked now.
        """
        root = f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]};Parent={uuid.uuid4().hex[:16]};Sampled=0"
        invocation = Invocation(payload, self.function.timeout, self.function.arn, trace or root, client_context)
        run = self._run
        with self._changed:
            if self._life.managed:
                run = self._run_managed
                if self.phase.state is not Phase.IDLE or self._life.fault:
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
        self._stage.log.mark()
        invocation.begin()
        if self.options.faults.strikes("wipe-tmp"):
            self._stage.dwelling.wipe()
        finished = self._prepare(invocation) and self._serve(invocation)
        if finished:
            self._report(invocation, "success", None)
        else:
            self._fail(invocation)
        invocation.log_tail = self._stage.log.tail()
        if finished and self.options.freeze:
            self.freeze()
        with self._changed:
            self.phase.apply(Step.INVOKE_DONE if finished else Step.FAIL)
        after()
        invocation.done.set()

    def _prepare(self, invocation: Invocation) -> bool:
        """Thaw, restore a snapshot or repeat a failed init, tell the start; say whether the runtime can be invoked."""
        self.thaw()
        if self._life.fault is not None and not self._life.ended:  # something died while nobody was invoking
            self._end_life("failure")
        if not self._life.ended and not self._restored(RESTORE_TIMEOUT):
            self._tell_start(invocation)
            return False
        self._tell_start(invocation)
        if not self._life.ended:
            return True
        with self._changed:
            self._life = self._stage.new_life()
        self.telemetry.reopen()
        done, _ = initialise(self._stage, self._life, "invoke", invocation.deadline, self._wait)
        return done and self._restored(invocation.deadline - time.monotonic())

    def _restored(self, seconds: float) -> bool:
        """Restore the snapshot, if this is one; say whether the runtime is there."""
        if not must_restore(self._stage, self._life):
            return True
        done, spent = restore(self._stage, self._life, time.monotonic() + seconds, self._wait)
        self._unreported = {"restore_seconds": spent} if done else {}
        return done

    def _tell_start(self, invocation: Invocation) -> None:
        trace = events.tracing(invocation.trace)
        record = events.start(invocation.request_id, self.function.version, self.function.arn, trace)
        self._stage.emit("start", record, invocation.started_time)

    def _serve(self, invocation: Invocation) -> bool:
        """Let the runtime and the extensions work; say whether all finished in time."""
        life = self._life
        with self._changed:
            event = {
                "eventType": INVOKE,
                "deadlineMs": invocation.deadline_ms,
                "requestId": invocation.request_id,
                "invokedFunctionArn": invocation.function_arn,
                "tracing": {"type": "X-Amzn-Trace-Id", "value": invocation.trace},
            }
            for extension in life.registry.subscribed(INVOKE):
                extension.inbox.append(event)
            self._hand_over(invocation)
        self._kill()
        if not self._wait(lambda: invocation.runtime_done_at is not None, invocation.deadline):
            return False
        self._stage.drain.settle()
        self._stage.emit("runtimeDone", reporting.runtime_done(invocation, time.monotonic(), "success", None))
        return self._wait(life.registry.invoke_done, invocation.deadline)

    def _kill(self) -> None:
        """Carry out the faults that kill a process in the middle of an invocation."""
        for process in self.processes:
            if self.options.faults.strikes(f"kill-{process.kind}"):
                process.signal(signal.SIGKILL)

    def _hand_over(self, invocation: Invocation) -> None:
        with self._changed:
            self._life.running[invocation.request_id] = invocation
            self._life.queue.append(invocation)
            self._changed.notify_all()

    def _report(self, invocation: Invocation, status: str, error_type: str | None) -> None:
        life = self._life
        usage: dict[str, Any] = {
            "memory_mb": self.function.memory,
            "used_mb": memory.peak_mb([process.pid for process in life.processes]),
            "bill_init": self.options.shapes.bill_init,
            **self._unreported,
        }
        self._unreported = {}
        extensions = bool(life.registry.subscribed(INVOKE))
        now = time.monotonic()
        invocation.report = reporting.report(invocation, now, status, error_type, usage, extensions=extensions)
        self._tell_end(invocation)

    def _tell_end(self, invocation: Invocation) -> None:
        self._stage.emit("end", events.end(invocation.request_id))
        self._stage.emit("report", invocation.report)
        with self._changed:
            self._life.running.pop(invocation.request_id, None)

    def _fail(self, invocation: Invocation) -> None:
        """An invocation that timed out or whose environment broke: runtimeDone, answer, report, reset."""
        self._stage.drain.settle()
        fault = self._life.fault
        status, error_type = ("error", fault.error_type) if fault else ("timeout", None)
        if invocation.runtime_done_at is None:
            done = reporting.runtime_done(invocation, time.monotonic(), status, error_type)
            self._stage.emit("runtimeDone", done)
        self._answer_failure(invocation, fault)
        self._end_life("failure" if fault else "timeout", lambda: self._report(invocation, status, error_type))

    def _answer_failure(self, invocation: Invocation, fault: Fault | None) -> None:
        if fault is None:
            text = f"Task timed out after {invocation.timeout:.2f} seconds"
            self._stage.log.add(f"{stamp(time.time())} {invocation.request_id} {text}\n")
            fault = Fault("Sandbox.Timedout", text)
        invocation.answer(failure_payload(fault, invocation.request_id), "Unhandled", fault.error_type)

    def _run_managed(self, invocation: Invocation, after: Callable[[], None]) -> None:
        """Managed Instances: requests overlap, nothing freezes, there is no runtimeDone and no reset."""
        invocation.begin()
        self._tell_start(invocation)
        self._hand_over(invocation)
        finished = self._wait(lambda: invocation.response is not None, invocation.deadline)
        self._stage.drain.settle()
        fault = self._life.fault
        if not finished:
            self._answer_failure(invocation, fault)
        status, error_type = ("error", fault.error_type) if fault else ("timeout", None)
        if finished:
            status, error_type = ("error", invocation.error_type) if invocation.function_error else ("success", None)
        invocation.report = reporting.managed_report(invocation, time.monotonic(), status, error_type)
        self._tell_end(invocation)
        invocation.log_tail = self._stage.log.tail()
        after()
        invocation.done.set()

    # ---- Freeze, thaw, end

    def freeze(self) -> None:
        """Stop every process and all delivery. Does nothing when frozen already, nor on Managed Instances."""
        if self.frozen or self._life.managed:
            return
        self.telemetry.pause(0.0 if self.options.faults.strikes("cut-post") else FREEZE_PATIENCE)
        self.frozen = True
        for process in self.processes:
            process.freeze()

    def thaw(self) -> None:
        """Let processes and delivery go on."""
        if not self.frozen:
            return
        self.frozen = False
        for process in self.processes:
            process.signal(signal.SIGCONT)
        self.telemetry.resume()

    def _end_life(self, reason: str, between: Callable[[], None] = lambda: None) -> None:
        said = reason.upper() if self.options.upper_case_reason else reason
        late = self.options.faults.strikes("late")
        ending.end(self._life, self._changed, self.telemetry, said, between, late=late)

    def shutdown(self, reason: str = "spindown") -> None:
        """End the environment for good. Safe to call twice."""
        with self._changed:
            if self.phase.state in {Phase.SHUTDOWN, Phase.GONE}:
                return
            self.phase.apply(Step.SHUT_DOWN)
        self.thaw()
        if not self._life.ended:
            self._end_life(reason)
        self._stage.close()
        self.phase.apply(Step.LEAVE)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()
