"""The inside of an environment: its stage, its current life, what its processes say, freeze, thaw and end."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

from adaptive_batching.sandbox.lifecycle import shutdown
from adaptive_batching.sandbox.lifecycle.resources import Stage
from adaptive_batching.sandbox.protocol.generation import Fault
from adaptive_batching.sandbox.telemetry import events
from adaptive_batching.sandbox.telemetry.events import Event

if TYPE_CHECKING:
    from collections.abc import Callable

    from adaptive_batching.sandbox.function import Function
    from adaptive_batching.sandbox.host.processes import Process
    from adaptive_batching.sandbox.options import Options

#: Seconds that a freeze waits for a POST in flight.
FREEZE_PATIENCE = 1.0


class Core:
    """What an environment and the invocations in it share. `changed` guards `life`."""

    def __init__(self, function: Function, options: Options) -> None:
        self.function = function
        self.options = options
        self.extension_lines: list[str] = []
        self.function_lines: list[str] = []
        self.lost_lines: list[str] = []  # on purpose, by a fault
        self.frozen = False
        self.unreported: dict[str, float] = {}  # seconds of init and restore that the next report tells
        self.stage = Stage(function, options, lambda: self.life, self)
        self.changed = self.stage.changed
        self.life = self.stage.new_life()

    @property
    def processes(self) -> list[Process]:
        """The processes of the current life."""
        with self.changed:
            return list(self.life.processes)

    # ---- Sink of the processes

    def wrote(self, process: Process, text: str, at: float) -> None:
        """One record of a process's output."""
        event = Event(at, "function", text, is_object=events.is_json_object(text))
        if process.kind != "runtime":
            self.extension_lines.append(text)
            self.stage.telemetry.emit(Event(at, "extension", text, is_object=event.is_object))
            return
        self.function_lines.append(text)
        in_stream = delivered = True
        if self.options.lose_containing in text:
            gone = self.options.faults.strikes("lose-line")
            in_stream = not (self.options.faults.strikes("lose-stream-line") or gone)
            delivered = not (self.options.faults.strikes("lose-delivered-line") or gone)
        if not (in_stream and delivered):
            self.lost_lines.append(text)
        self.stage.telemetry.emit(event, in_stream=in_stream, delivered=delivered)

    def ended(self, process: Process) -> None:
        """A process has exited; outside of an ending that is fatal."""
        code = process.exit_code or 0
        how = f"signal: {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
        out_of_memory = code == -signal.SIGKILL and self.stage.limits.out_of_memory()
        with self.changed:
            if process in self.life.processes:
                self.stage.telemetry.detach(process.name)
            if process.kind != "runtime":
                self.life.fail(Fault("Extension.Crash", f"extension {process.name}: {how}"))
            elif out_of_memory:
                self.life.fail(Fault("Runtime.OutOfMemory", "Runtime exited with error: signal: killed"))
            else:
                self.life.fail(Fault("Runtime.ExitError", f"Runtime exited with error: {how}"))
            self.changed.notify_all()

    # ---- Steps of a life

    def wait(self, condition: Callable[[], bool], deadline: float) -> bool:
        """Wait until a condition holds, a fault happened or the deadline passed; say whether it holds, faultless."""
        with self.changed:
            self.changed.wait_for(
                lambda: condition() or self.life.fault is not None, max(0.0, deadline - time.monotonic())
            )
            return self.life.fault is None and condition()

    def begin_again(self) -> None:
        """Replace a life that has ended by a new one."""
        with self.changed:
            self.life = self.stage.new_life()
        self.stage.telemetry.reopen(clear=self.options.clear_subscriptions)

    def freeze(self) -> None:
        """Stop every process and all delivery. Does nothing when frozen already, nor on Managed Instances."""
        if self.frozen or self.life.managed:
            return
        if self.options.faults.strikes("cut-post"):
            self.stage.telemetry.drop_answers()
        else:
            self.stage.telemetry.pause(FREEZE_PATIENCE)
        self.frozen = True
        for process in self.processes:
            process.freeze()
        self.options.faults.note_freeze()

    def thaw(self) -> None:
        """Let processes and delivery go on."""
        if not self.frozen:
            return
        self.frozen = False
        for process in self.processes:
            process.signal(signal.SIGCONT)
        self.stage.telemetry.resume()

    def end_life(self, reason: str, between: Callable[[], None] = lambda: None) -> None:
        """End every process; `between` runs when the runtime is gone and before extensions are told."""
        said = reason.upper() if self.options.upper_case_reason else reason
        late = self.options.faults.strikes("late")
        shutdown.end(self.life, self.changed, self.stage.telemetry, said, between, late=late)
