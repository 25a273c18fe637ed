"""The supervisor of one environment: it holds the resources and the generation, and freezes and thaws processes.

It does not import `init`, `invoke` and `shutdown`, whose functions take it as an argument.
"""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from adaptive_batching.sandbox.host import executable
from adaptive_batching.sandbox.host.processes import EXTENSION, RUNTIME
from adaptive_batching.sandbox.host.variables import extension_variables
from adaptive_batching.sandbox.protocol import exits
from adaptive_batching.sandbox.protocol.generation import Failure
from adaptive_batching.sandbox.protocol.registry import LIMIT
from adaptive_batching.sandbox.protocol.states import ExtensionCall
from adaptive_batching.sandbox.telemetry import events
from adaptive_batching.sandbox.telemetry.events import Event

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping, Sequence

    from adaptive_batching.sandbox.function import Function
    from adaptive_batching.sandbox.host.processes import Process
    from adaptive_batching.sandbox.lifecycle.resources import Resources
    from adaptive_batching.sandbox.options import Options
    from adaptive_batching.sandbox.protocol.generation import Generation

#: The longest time, in seconds, that a freeze waits for a POST in flight.
FREEZE_TIMEOUT = 1.0


@dataclass
class Written:
    """The records that the processes wrote. `lost` are lines of the function that a fault dropped."""

    extension: list[str] = field(default_factory=list)
    function: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


class Supervisor:
    """Runs one generation after the other on the same resources, as the sink of their processes.

    `unreported` are durations of Init and restore, in seconds, for the next report. `changed` guards the generation.
    """

    def __init__(self, resources: Resources) -> None:
        self.resources = resources
        self.written = Written()
        self.frozen = False
        self.unreported: dict[str, float] = {}

    @property
    def function(self) -> Function:
        """The function that runs."""
        return self.resources.function

    @property
    def options(self) -> Options:
        """The options of the environment."""
        return self.resources.options

    @property
    def changed(self) -> threading.Condition:
        """Guards the generation, and is notified of each change."""
        return self.resources.context.changed

    @property
    def generation(self) -> Generation:
        """The current generation. It may have ended."""
        return self.resources.context.generation

    @property
    def processes(self) -> list[Process]:
        """The processes of the current generation."""
        with self.changed:
            return list(self.generation.processes)

    # ---- Sink of the processes

    def wrote(self, process: Process, text: str, at: float) -> None:
        """Pass on one record of a process's output. `at` is seconds since the epoch."""
        telemetry, faults = self.resources.telemetry, self.options.faults
        is_object = events.is_json_object(text)
        if process.kind != RUNTIME:
            self.written.extension.append(text)
            if self.options.overheard:
                self.options.overheard(process.name, text)
            telemetry.emit(Event(at, "extension", text, is_object=is_object))
            return
        self.written.function.append(text)
        in_stream = delivered = True
        if self.options.lose_containing in text:
            lost = faults.strikes("lose-line")
            in_stream = not (faults.strikes("lose-stream-line") or lost)
            delivered = not (faults.strikes("lose-delivered-line") or lost)
        if not (in_stream and delivered):
            self.written.lost.append(text)
        telemetry.emit(Event(at, "function", text, is_object=is_object), in_stream=in_stream, delivered=delivered)

    def ended(self, process: Process) -> None:
        """Handle the end of a process. Unless the generation is ending, it fails."""
        code = process.exit_code or 0
        out_of_memory = code == -signal.SIGKILL and self.resources.limits.out_of_memory()
        with self.changed:
            if process in self.generation.processes:
                self.resources.telemetry.detach(process.name)
            if process.kind != RUNTIME:
                self.generation.fail(Failure("Extension.Crash", exits.of_extension(code)))
            else:
                error_type = "Runtime.OutOfMemory" if out_of_memory else "Runtime.ExitError"
                self.generation.fail(Failure(error_type, exits.of_runtime(code)))
            self.changed.notify_all()

    # ---- Steps of a generation

    def begin_again(self) -> None:
        """Replace the generation, which has ended, with a new one."""
        with self.changed:
            self.resources.context.generation = self.resources.new_generation()
        self.resources.telemetry.reopen(clear=self.options.clear_subscriptions)

    def start_extensions(self) -> None:
        """Start every extension, all at once. One that cannot be started fails the generation."""
        variables = extension_variables(self.resources.variables())
        for number, file in enumerate(self.resources.extensions):
            error = "TooManyExtensions" if number >= LIMIT else file.error
            if not error:
                self._start(EXTENSION, file.name, [file.path], "/", variables)
                continue
            with self.changed:
                extension = self.generation.registry.named(file.name)
                extension.apply(ExtensionCall.LAUNCH_FAILED)
                extension.error_type = error
                why = f"fork/exec {file.path}: {file.why}" if file.why else f"extension {file.name}: {error}"
                self.generation.fail(Failure("Extension.LaunchError", why))

    def start_runtime(self) -> None:
        """Start the function's runtime. One that cannot be started fails the generation."""
        resources = self.resources
        command = resources.runtime_command()
        if why := executable.refusal(command[0], resources.mounts.host):
            with self.changed:
                self.generation.fail(Failure("Runtime.InvalidEntrypoint", f"fork/exec {command[0]}: {why}"))
            return
        self._start(RUNTIME, RUNTIME, command, resources.mounts.task, resources.variables())

    def _start(self, kind: str, name: str, words: Sequence[str], folder: str, variables: Mapping[str, str]) -> None:
        process = self.resources.run(kind, name, words, folder, variables, self)
        with self.changed:
            self.generation.processes.append(process)

    def wait(self, condition: Callable[[], bool], deadline: float) -> bool:
        """Wait until a condition holds, the generation fails or the deadline (monotonic seconds) passes.

        Return whether the condition holds without a failure.
        """
        with self.changed:
            self.changed.wait_for(
                lambda: condition() or self.generation.failure is not None, max(0.0, deadline - time.monotonic())
            )
            return self.generation.failure is None and condition()

    def freeze(self) -> None:
        """Stop every process and all delivery. Do nothing if the environment is frozen or on Managed Instances."""
        if self.frozen or self.generation.managed:
            return
        faults, telemetry = self.options.faults, self.resources.telemetry
        if faults.strikes("cut-post"):
            telemetry.drop_answers()
        else:
            telemetry.pause(FREEZE_TIMEOUT)
        self.frozen = True
        for process in self.processes:
            process.freeze()
        faults.note_freeze()

    def thaw(self) -> None:
        """Continue every process and all delivery."""
        if not self.frozen:
            return
        self.frozen = False
        for process in self.processes:
            process.signal(signal.SIGCONT)
        self.resources.telemetry.resume()
