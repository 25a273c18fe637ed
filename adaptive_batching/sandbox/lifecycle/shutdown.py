"""End a generation: first the runtime, then the extensions (docs/lambda-protocol.md, 7.4 and 7.5).

Extensions get the SHUTDOWN event, and SIGKILL at the deadline.
"""

from __future__ import annotations

import signal
import threading
import time
from typing import TYPE_CHECKING

from adaptive_batching.sandbox.host.processes import EXTENSION, RUNTIME
from adaptive_batching.sandbox.protocol.registry import SHUTDOWN
from adaptive_batching.sandbox.protocol.states import ExtensionCall

if TYPE_CHECKING:
    from collections.abc import Callable

    from adaptive_batching.sandbox.host.processes import Process
    from adaptive_batching.sandbox.lifecycle.supervisor import Supervisor
    from adaptive_batching.sandbox.protocol.generation import Generation

#: Seconds from the beginning to SIGKILL: with external extensions, and with internal ones only.
WINDOW_EXTERNAL, WINDOW_INTERNAL = 2.0, 0.5
#: The share of the window that the runtime gets.
RUNTIME_SHARE = 0.3
#: The longest time, in seconds, to flush telemetry between the runtime's end and the SHUTDOWN event.
FLUSH = 1.0
#: Seconds from the SHUTDOWN event to the delivery of late telemetry, with the fault `late`.
LATE = 0.1


def window(generation: Generation) -> float:
    """Return the time for the shutdown in seconds: 0 without extensions, 0.5 with internal ones only, else 2."""
    if any(one.external for one in generation.registry.extensions):
        return WINDOW_EXTERNAL
    return WINDOW_INTERNAL if generation.registry.extensions else 0.0


def shut_down(supervisor: Supervisor, reason: str, between: Callable[[], None] = lambda: None) -> None:
    """End every process of the generation.

    `reason` is that of the SHUTDOWN event. `between` is called after the end of the runtime and before that event.
    """
    generation, telemetry = supervisor.generation, supervisor.resources.telemetry
    # With the fault `late`, queued telemetry is not flushed before the SHUTDOWN event but delivered after it.
    late = supervisor.options.faults.strikes("late")
    budget = window(generation)
    deadline = time.monotonic() + budget
    deadline_ms = int((time.time() + budget) * 1000)
    with supervisor.changed:
        generation.ending = True
    _end_runtime(generation, budget * RUNTIME_SHARE)
    between()
    if late:
        telemetry.pause(0.0)
    else:
        telemetry.flush(min(FLUSH, max(0.0, deadline - time.monotonic()) / 2))
    notified = _notify_extensions(supervisor, reason, deadline_ms)
    if late:
        threading.Timer(LATE, telemetry.resume).start()
    _end_extensions(generation, notified, deadline)
    with supervisor.changed:
        generation.ended = True
        supervisor.changed.notify_all()


def _end_runtime(generation: Generation, share: float) -> None:
    for process in generation.processes_of(RUNTIME):
        if share:
            process.signal(signal.SIGTERM)
            process.over.wait(share)
        process.signal(signal.SIGKILL)
        process.over.wait()


def _notify_extensions(supervisor: Supervisor, reason: str, deadline_ms: int) -> set[str]:
    """Queue the SHUTDOWN event for each extension that registered for it, and return their names."""
    reason = reason.upper() if supervisor.options.upper_case_reason else reason
    with supervisor.changed:
        extensions = supervisor.generation.registry.subscribed(SHUTDOWN)
        for extension in extensions:
            extension.inbox.append({"eventType": SHUTDOWN, "shutdownReason": reason, "deadlineMs": deadline_ms})
        supervisor.changed.notify_all()
    return {extension.name for extension in extensions}


def _end_extensions(generation: Generation, notified: set[str], deadline: float) -> None:
    """Kill the extensions that were not notified at once, and the others at the deadline unless they have exited."""
    processes = generation.processes_of(EXTENSION)
    for process in processes:
        if process.name not in notified:
            process.signal(signal.SIGKILL)
    for process in processes:
        if not process.over.wait(max(0.0, deadline - time.monotonic())):
            process.signal(signal.SIGKILL)
    for process in processes:
        process.over.wait()
        _note_exit(generation, process)


def _note_exit(generation: Generation, process: Process) -> None:
    machine = generation.registry.named(process.name).machine
    call = ExtensionCall.EXITED if process.exit_code == 0 else ExtensionCall.DIED
    if machine.allows(call):
        machine.apply(call)
