"""One Lambda execution environment, and its life: init, invoke, freeze, reset, SHUTDOWN (protocol reference 7)."""

from __future__ import annotations

import json
import signal
import tempfile
import threading
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from sandbox import ending, events, isolation, launch, memory, routes
from sandbox.apis import Apis
from sandbox.clock import stamp
from sandbox.dialects import Dialect
from sandbox.events import Event
from sandbox.function import MANAGED, SNAP_START, Function, Place, extension_variables, runtime_variables
from sandbox.isolation import Dwelling, Folders
from sandbox.launch import SandboxError
from sandbox.life import Fault, Invocation, Life
from sandbox.logstream import LogStream
from sandbox.options import APIS, Options
from sandbox.processes import Drain, Process
from sandbox.registry import INVOKE, LIMIT
from sandbox.states import ENVIRONMENT, ExtensionCall, Machine, Phase, RuntimeState, Step, TransitionError
from sandbox.telemetry import Telemetry
from sandbox.wire import Server

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from sandbox.delivery import Delivery
    from sandbox.subscriptions import Subscription

#: Seconds that a freeze waits for a POST in flight; production cuts it, see the faults.
FREEZE_PATIENCE = 1.0


@dataclass(frozen=True)
class Result:
    """What a caller of Invoke reads, and what the environment says about it. `report` is the report's record."""

    request_id: str
    payload: bytes
    function_error: str | None
    log_tail: str
    report: dict[str, Any]
    status: int = 200

    def json(self) -> Any:  # noqa: ANN401 - any JSON
        """Return the payload, decoded."""
        return json.loads(self.payload)


class Environment:
    """One environment of one function. Use as a context manager, or call `start` and `shutdown`."""

    def __init__(self, function: Function, options: Options | None = None) -> None:
        self.function = function
        self.options = options or Options()
        self.phase: Machine[Phase, Step] = Machine(ENVIRONMENT, Phase.CREATED)
        self.log_stream = f"{time.strftime('%Y/%m/%d', time.gmtime())}/[{function.version}]{uuid.uuid4().hex}"
        self.extension_lines: list[str] = []
        self.function_lines: list[str] = []
        self.frozen = False
        self.init_seconds: float | None = None
        self._unreported_init: float | None = None
        self._changed = threading.Condition(threading.RLock())
        self._dwelling = self._dwell()
        self._log = LogStream(self._log_path(), json_format=function.log_format == "JSON", echo=self.options.echo)
        self.telemetry = Telemetry(self._log, self._dialect)
        self._files = launch.find_extensions(self._dwelling.folders.opt, self._dwelling.opt)
        self._life = self._new_life()
        self._drain = Drain(self)
        apis = Apis(
            function, self.telemetry, self._changed, lambda: self._life, APIS[self.options.apis], self.options.schemas
        )
        self._server = Server(routes.serve(apis))

    # ---- Building

    def _dwell(self) -> Dwelling:
        layers, runtime = self.function.layers, self.options.awslambdaric.resolve()
        for folder in (self.function.folder, *layers):
            if not folder.is_dir():
                raise SandboxError(f"{folder} is not a folder")
        if self.function.runtime.startswith("python") and not (runtime / "awslambdaric").is_dir():
            raise SandboxError(f"{runtime} holds no awslambdaric; `make build/runtime/awslambdaric` installs it there")
        launch.runtime_command(self.function, self.options.interpreter, "")
        root = Path(tempfile.mkdtemp(prefix="sandbox-")).resolve()
        (root / "temporary").mkdir()
        empty = root / "empty"
        empty.mkdir()
        opt = isolation.merge_layers(layers, root / "opt") if layers else empty
        private = self.options.private != "never" and not isolation.can_be_private(self.options.interpreter)
        held = runtime if runtime.is_dir() else empty
        return Dwelling(Folders(root, root / "temporary", self.function.folder.resolve(), opt, held), private=private)

    def _log_path(self) -> Path:
        folder = self.options.log_folder or self._dwelling.folders.root
        folder.mkdir(parents=True, exist_ok=True)
        return folder / (self.log_stream.replace("/", "-") + ".log")

    def _dialect(self, subscription: Subscription) -> Dialect:
        return Dialect(
            subscription.api,
            subscription.schema,
            self.function.log_format == "JSON",
            self.function.initialization_type == SNAP_START,
            self.options.shapes,
        )

    def _new_life(self) -> Life:
        managed = self.function.initialization_type == MANAGED
        return Life([file.name for file in self._files], managed=managed)

    def _place(self) -> Place:
        home = self._dwelling
        return Place(home.task, home.opt, home.runtime, str(self.options.interpreter.parent), home.temporary)

    # ---- What others may look at

    @property
    def address(self) -> str:
        """`host:port` of the Runtime API."""
        return self._server.address

    @property
    def temporary(self) -> Path:
        """The environment's /tmp, as a folder of the host."""
        return self._dwelling.folders.temporary

    @property
    def is_private(self) -> bool:
        """Whether the environment has a mount namespace of its own."""
        return self._dwelling.private

    @property
    def log_path(self) -> Path:
        """The file that holds the log stream."""
        return self._log.path

    @property
    def deliveries(self) -> list[Delivery]:
        """Every delivery answered with 2xx, in order."""
        return self.telemetry.deliveries()

    @property
    def processes(self) -> list[Process]:
        """The processes of the current life: the runtime and the external extensions."""
        with self._changed:
            return list(self._life.processes)

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
        succeeded = self._init("init", time.monotonic() + self.options.init_timeout)
        if not succeeded:
            self._end_life("failure")
        self.phase.apply(Step.INIT_DONE if succeeded else Step.FAIL)
        return self

    def _emit(self, kind: str, record: dict[str, Any], at: float | None = None) -> None:
        self.telemetry.emit(Event(time.time() if at is None else at, f"platform.{kind}", record))

    def _wait(self, condition: Callable[[], bool], deadline: float) -> bool:
        """Wait until a condition holds, a fault happened or the deadline passed; say whether it holds, faultless."""
        with self._changed:
            self._changed.wait_for(
                lambda: condition() or self._life.fault is not None, max(0.0, deadline - time.monotonic())
            )
            return self._life.fault is None and condition()

    def _init(self, phase: str, deadline: float) -> bool:
        began, kind = time.monotonic(), self.function.initialization_type
        self._emit("initStart", events.init_start(kind, phase, self._instance()))
        life = self._life
        self._start_extensions()
        done = self._wait(life.registry.all_registered, deadline)
        if done:
            self._start_runtime()
            runtime_began = time.time()
            done = self._wait(lambda: life.runtime.state is RuntimeState.READY, deadline)
            self._drain.settle()
            status, error_type = self._init_outcome(done=done)
            spent = [events.span("runtimeInit", runtime_began, time.time() - runtime_began)]
            self._emit("initRuntimeDone", events.init_runtime_done(kind, phase, status, error_type, spent))
        done = done and self._wait(life.registry.all_ready, deadline)
        self.telemetry.close_subscriptions()
        for one in life.registry.extensions:
            record = events.extension(one.name, one.state.value, one.events, one.error_type)
            self._emit("extension", record)
        status, error_type = self._init_outcome(done=done)
        self.init_seconds = time.monotonic() - began
        self._unreported_init = self.init_seconds if phase == "init" and done else None
        self._emit("initReport", events.init_report(kind, phase, status, error_type, self.init_seconds))
        return done

    def _init_outcome(self, *, done: bool) -> tuple[str, str | None]:
        if done:
            return "success", None
        fault = self._life.fault
        return ("error", fault.error_type) if fault else ("timeout", None)

    def _instance(self) -> events.Instance:
        function = self.function
        version = f"{function.runtime}.v1" if function.runtime != "image" else None
        arn = f"arn:aws:lambda:{function.region}::runtime:{'0' * 64}" if version else None
        return events.Instance(
            function.name, function.version, self.log_stream, function.memory * 1024 * 1024, version, arn
        )

    def _start_extensions(self) -> None:
        variables = extension_variables(self._variables())
        for number, file in enumerate(self._files):
            error = "TooManyExtensions" if number >= LIMIT else file.error
            if not error:
                command = self._dwelling.command([file.path], "/")
                process = Process("extension", file.name, command, variables, self._drain, self.ended)
                with self._changed:
                    self._life.processes.append(process)
                continue
            with self._changed:
                extension = self._life.registry.named(file.name)
                extension.apply(ExtensionCall.LAUNCH_FAILED)
                extension.error_type = error
                self._life.fail(Fault("Extension.LaunchError", f"extension {file.name}: {error}"))

    def _start_runtime(self) -> None:
        home = self._dwelling
        words = launch.runtime_command(self.function, self.options.interpreter, home.runtime)
        process = Process(
            "runtime",
            "runtime",
            home.command(words, home.task),
            self._variables(),
            self._drain,
            self.ended,
            frames=True,
        )
        with self._changed:
            self._life.processes.append(process)

    def _variables(self) -> dict[str, str]:
        return runtime_variables(self.function, self._place(), self.address, self.log_stream)

    # ---- Invoke

    def invoke(self, payload: object = None, *, trace: str | None = None) -> Result:
        """Invoke once, wait until the invocation has ended (report written, environment frozen), return the result.

        `payload` is encoded as JSON unless it is bytes already.
        """
        data = payload if isinstance(payload, bytes) else json.dumps({} if payload is None else payload).encode()
        invocation = self.begin(data, trace=trace)
        invocation.done.wait()
        return self.result(invocation)

    @staticmethod
    def result(invocation: Invocation) -> Result:
        """Return what is known about an invocation that was answered."""
        return Result(
            invocation.request_id,
            invocation.response or b"",
            invocation.function_error,
            invocation.log_tail,
            dict(invocation.report),
        )

    def begin(
        self,
        payload: bytes,
        *,
        trace: str | None = None,
        client_context: str | None = None,
        after: Callable[[], None] = lambda: None,
    ) -> Invocation:
        """Start an invocation and return at once; `answered` and `done` of it are events to wait for.

        `after` is called when the environment can be invoked again.
        """
        root = f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]};Parent={uuid.uuid4().hex[:16]};Sampled=0"
        invocation = Invocation(payload, self.function.timeout, self.function.arn, trace or root, client_context)
        with self._changed:
            try:
                self.phase.apply(Step.INVOKE)
            except TransitionError as error:
                raise SandboxError(f"the environment cannot be invoked now: {error}") from None
        threading.Thread(target=self._run, args=(invocation, after), name="invoke", daemon=True).start()
        return invocation

    def _run(self, invocation: Invocation, after: Callable[[], None]) -> None:
        self.thaw()
        self._log.mark()
        invocation.begin()
        with self._changed:
            broken = self._life.fault is not None
        if broken and not self._life.ended:
            self._end_life("failure")
        self._emit(
            "start",
            events.start(
                invocation.request_id, self.function.version, self.function.arn, events.tracing(invocation.trace)
            ),
            invocation.started_time,
        )
        ready = self._reinit(invocation) if self._life.ended else True
        finished = ready and self._serve(invocation)
        if finished:
            self._report(invocation, "success", None)
        else:
            self._fail(invocation)
        invocation.log_tail = self._log.tail()
        if finished and self.options.freeze and not self._life.managed:
            self.freeze()
        with self._changed:
            self.phase.apply(Step.INVOKE_DONE if finished else Step.FAIL)
        after()
        invocation.done.set()

    def _reinit(self, invocation: Invocation) -> bool:
        """Run the suppressed init: Init inside an invocation, under the function's timeout."""
        with self._changed:
            self._life = self._new_life()
        self.telemetry.reopen()
        return self._init("invoke", invocation.deadline)

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
            life.running[invocation.request_id] = invocation
            life.queue.append(invocation)
            self._changed.notify_all()
        if not self._wait(lambda: invocation.runtime_done_at is not None, invocation.deadline):
            return False
        self._drain.settle()
        self._emit_runtime_done(invocation)
        return self._wait(life.registry.invoke_done, invocation.deadline)

    def _emit_runtime_done(self, invocation: Invocation) -> None:
        now = time.monotonic()
        done_at, responded_at = invocation.runtime_done_at or now, invocation.responded_at or now
        latency = responded_at - invocation.started_at
        responded_time = invocation.started_time + latency
        spans = [
            events.span("responseLatency", invocation.started_time, latency),
            events.span("responseDuration", responded_time, 0.0),
            events.span("runtimeOverhead", responded_time, done_at - responded_at),
        ]
        record = events.runtime_done(
            invocation.request_id,
            "success",
            None,
            seconds=done_at - invocation.started_at,
            produced_bytes=len(invocation.response or b""),
            spans=spans,
            trace=None,
        )
        self._emit("runtimeDone", record)

    def _report(self, invocation: Invocation, status: str, error_type: str | None) -> None:
        now = time.monotonic()
        seconds = min(now - invocation.started_at, invocation.timeout)
        life = self._life
        metrics = events.report_metrics(
            seconds,
            self.function.memory,
            memory.peak_mb([process.pid for process in life.processes]),
            init_seconds=self._unreported_init,
            bill_init=self.options.shapes.bill_init,
        )
        self._unreported_init = None
        spans = []
        if life.registry.subscribed(INVOKE) and invocation.runtime_done_at is not None and status == "success":
            overhead = now - invocation.runtime_done_at
            spans = [events.span("extensionOverhead", invocation.runtime_done_time, overhead)]
        invocation.report = events.report(invocation.request_id, status, error_type, metrics, spans)
        self._emit("end", events.end(invocation.request_id))
        self._emit("report", invocation.report)
        life.running.pop(invocation.request_id, None)

    def _fail(self, invocation: Invocation) -> None:
        """An invocation that timed out or whose environment broke: runtimeDone, answer, reset, report."""
        life = self._life
        self._drain.settle()
        fault = life.fault
        status, error_type = ("error", fault.error_type) if fault else ("timeout", None)
        produced = len(invocation.response or b"")
        elapsed = time.monotonic() - invocation.started_at
        if invocation.runtime_done_at is None:
            record = events.runtime_done(
                invocation.request_id, status, error_type, seconds=elapsed, produced_bytes=produced
            )
            self._emit("runtimeDone", record)
        if fault:
            invocation.answer(self._fault_payload(fault, invocation), "Unhandled", fault.error_type)
        else:
            text = f"{invocation.request_id} Task timed out after {invocation.timeout:.2f} seconds"
            self._log.add(f"{stamp(time.time())} {text}\n")
            body = {"errorType": "Sandbox.Timedout", "errorMessage": f"RequestId: {text.replace(' ', ' Error: ', 1)}"}
            invocation.answer(json.dumps(body).encode(), "Unhandled", "Sandbox.Timedout")
        reason = "failure" if fault else "timeout"
        self._end_life(reason, lambda: self._report(invocation, status, error_type))

    @staticmethod
    def _fault_payload(fault: Fault, invocation: Invocation) -> bytes:
        if fault.payload is not None:
            return fault.payload
        message = f"RequestId: {invocation.request_id} Error: {fault.message}"
        return json.dumps({"errorType": fault.error_type, "errorMessage": message}).encode()

    # ---- Freeze, thaw, end

    def freeze(self) -> None:
        """Stop every process and all delivery. Does nothing when frozen already."""
        if self.frozen:
            return
        self.telemetry.pause(FREEZE_PATIENCE)
        self.frozen = True
        for process in self.processes:
            process.signal(signal.SIGSTOP)

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
        ending.end(self._life, self._changed, self.telemetry, said, between)

    def shutdown(self, reason: str = "spindown") -> None:
        """End the environment for good. Safe to call twice."""
        with self._changed:
            if self.phase.state in {Phase.SHUTDOWN, Phase.GONE}:
                return
            self.phase.apply(Step.SHUT_DOWN)
        self.thaw()
        if not self._life.ended:
            self._end_life(reason)
        self.telemetry.stop()
        self._server.stop()
        self._drain.stop()
        self._log.close()
        self._dwelling.close()
        self.phase.apply(Step.LEAVE)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()


__all__ = ["Environment", "Result", "SandboxError"]
