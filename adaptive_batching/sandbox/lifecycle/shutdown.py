"""How a life ends: the runtime first, then SHUTDOWN to the extensions, SIGKILL at the deadline (protocol 7.4, 7.5)."""

from __future__ import annotations

import signal
import threading
import time
from typing import TYPE_CHECKING

from adaptive_batching.sandbox.protocol.registry import SHUTDOWN
from adaptive_batching.sandbox.protocol.states import ExtensionCall

if TYPE_CHECKING:
    from collections.abc import Callable

    from adaptive_batching.sandbox.host.processes import Process
    from adaptive_batching.sandbox.protocol.generation import Life
    from adaptive_batching.sandbox.telemetry.fanout import Telemetry

#: Seconds from the beginning to the last SIGKILL.
WINDOW_EXTERNAL, WINDOW_INTERNAL = 2.0, 0.5
#: The runtime's share of the window.
RUNTIME_SHARE = 0.3
#: Seconds at most in which telemetry is flushed between the runtime's end and the SHUTDOWN event.
FLUSH = 1.0
#: Seconds between the SHUTDOWN event and late telemetry.
LATE = 0.1


def window(life: Life) -> float:
    """Return the budget in seconds: 0 without extensions, 0.5 with internal ones only, else 2."""
    if any(one.external for one in life.registry.extensions):
        return WINDOW_EXTERNAL
    return WINDOW_INTERNAL if life.registry.extensions else 0.0


def end(
    life: Life,
    changed: threading.Condition,
    telemetry: Telemetry,
    reason: str,
    between: Callable[[], None] = lambda: None,
    *,
    late: bool = False,
) -> None:
    """End every process of a life. `between` runs when the runtime is gone and before extensions are told.

    `late`: a fault; what waits is not flushed before the SHUTDOWN event but delivered a moment after it.
    """
    budget = window(life)
    deadline = time.monotonic() + budget
    deadline_ms = int((time.time() + budget) * 1000)
    with changed:
        life.ending = True
    _end_runtime(life, budget * RUNTIME_SHARE)
    between()
    if late:
        telemetry.pause(0.0)
    else:
        telemetry.flush(min(FLUSH, max(0.0, deadline - time.monotonic()) / 2))
    with changed:
        told = life.registry.subscribed(SHUTDOWN)
        for extension in told:
            extension.inbox.append({"eventType": SHUTDOWN, "shutdownReason": reason, "deadlineMs": deadline_ms})
        changed.notify_all()
    if late:
        threading.Timer(LATE, telemetry.resume).start()
    names = {extension.name for extension in told}
    for process in life.process("extension"):
        if process.name not in names:
            process.signal(signal.SIGKILL)
    for process in life.process("extension"):
        if not process.over.wait(max(0.0, deadline - time.monotonic())):
            process.signal(signal.SIGKILL)
    for process in life.process("extension"):
        process.over.wait()
        _note_exit(life, process)
    with changed:
        life.ended = True
        changed.notify_all()


def _end_runtime(life: Life, share: float) -> None:
    for process in life.process("runtime"):
        if share:
            process.signal(signal.SIGTERM)
            process.over.wait(share)
        process.signal(signal.SIGKILL)
        process.over.wait()


def _note_exit(life: Life, process: Process) -> None:
    machine = life.registry.named(process.name).machine
    call = ExtensionCall.EXITED if process.exit_code == 0 else ExtensionCall.DIED
    if machine.allows(call):
        machine.apply(call)
