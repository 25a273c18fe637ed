"""The course of one invocation: thaw, init if there is none, hand over, wait, report, reset (protocol 7.2 to 7.4)."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING, Any

from adaptive_batching.sandbox.host import memory
from adaptive_batching.sandbox.lifecycle import reports
from adaptive_batching.sandbox.lifecycle.init import initialise, must_restore, restore
from adaptive_batching.sandbox.lifecycle.results import failure_payload
from adaptive_batching.sandbox.protocol.generation import Fault, Invocation
from adaptive_batching.sandbox.protocol.registry import INVOKE
from adaptive_batching.sandbox.telemetry import events
from adaptive_batching.sandbox.timestamps import stamp

if TYPE_CHECKING:
    from adaptive_batching.sandbox.lifecycle.supervisor import Core

#: Seconds that restoring a snapshot may take.
RESTORE_TIMEOUT = 10.0


def run(core: Core, invocation: Invocation) -> bool:
    """Carry an invocation through and report it; say whether the environment survived. Frozen afterwards."""
    core.stage.log.mark()
    invocation.begin()
    _spoil(core)
    finished = _prepare(core, invocation) and _serve(core, invocation)
    if finished:
        _report(core, invocation, "success", None)
    else:
        _fail(core, invocation)
    invocation.log_tail = core.stage.log.tail()
    if finished and core.options.freeze:
        core.freeze()
    return finished


def run_managed(core: Core, invocation: Invocation) -> None:
    """Managed Instances: requests overlap, nothing freezes, there is no runtimeDone and no reset."""
    invocation.begin()
    _tell_start(core, invocation)
    _hand_over(core, invocation)
    finished = core.wait(lambda: invocation.response is not None, invocation.deadline)
    core.stage.drain.settle()
    fault = core.life.fault
    if not finished:
        _answer_failure(core, invocation, fault)
    status, error_type = ("error", fault.error_type) if fault else ("timeout", None)
    if finished:
        status, error_type = ("error", invocation.error_type) if invocation.function_error else ("success", None)
    invocation.report = reports.managed_report(invocation, time.monotonic(), status, error_type)
    _tell_end(core, invocation)
    invocation.log_tail = core.stage.log.tail()


def _spoil(core: Core) -> None:
    """Carry out the faults that change the environment before an invocation."""
    faults, home = core.options.faults, core.stage.dwelling
    if faults.strikes("wipe-tmp"):
        home.wipe()
    if "full-tmp" in faults.rates:
        home.fill() if faults.strikes("full-tmp") else home.relieve()
    if "hang-dns" in faults.rates:
        home.resolve(names=not faults.strikes("hang-dns"))


def _prepare(core: Core, invocation: Invocation) -> bool:
    """Thaw, restore a snapshot or repeat a failed init, tell the start; say whether the runtime can be invoked."""
    core.thaw()
    if core.life.fault is not None and not core.life.ended:  # something died while nobody was invoking
        core.end_life("failure")
    if not core.life.ended and not _restored(core, RESTORE_TIMEOUT):
        _tell_start(core, invocation)
        return False
    _tell_start(core, invocation)
    if not core.life.ended:
        return True
    core.begin_again()
    done, _ = initialise(core.stage, core.life, "invoke", invocation.deadline, core.wait)
    return done and _restored(core, invocation.deadline - time.monotonic())


def _restored(core: Core, seconds: float) -> bool:
    """Restore the snapshot, if this is one; say whether the runtime is there."""
    if not must_restore(core.stage, core.life):
        return True
    done, spent = restore(core.stage, core.life, time.monotonic() + seconds, core.wait)
    core.unreported = {"restore_seconds": spent} if done else {}
    return done


def _tell_start(core: Core, invocation: Invocation) -> None:
    record = events.start(invocation.request_id, core.function.version, core.function.arn, invocation.tracing())
    core.stage.emit("start", record, invocation.started_time)


def _serve(core: Core, invocation: Invocation) -> bool:
    """Let the runtime and the extensions work; say whether all finished in time."""
    life = core.life
    with core.changed:
        event = {
            "eventType": INVOKE,
            "deadlineMs": invocation.deadline_ms,
            "requestId": invocation.request_id,
            "invokedFunctionArn": invocation.function_arn,
            "tracing": {"type": "X-Amzn-Trace-Id", "value": invocation.trace},
        }
        for extension in life.registry.subscribed(INVOKE):
            extension.inbox.append(event)
        _hand_over(core, invocation)
    _kill(core)
    if not core.wait(lambda: invocation.runtime_done_at is not None, invocation.deadline):
        return False
    core.stage.drain.settle()
    core.stage.emit("runtimeDone", reports.runtime_done(invocation, time.monotonic(), "success", None))
    return core.wait(life.registry.invoke_done, invocation.deadline)


def _kill(core: Core) -> None:
    """Carry out the faults that kill a process in the middle of an invocation."""
    for process in core.processes:
        if core.options.faults.strikes(f"kill-{process.kind}"):
            process.signal(signal.SIGKILL)


def _hand_over(core: Core, invocation: Invocation) -> None:
    with core.changed:
        core.life.running[invocation.request_id] = invocation
        core.life.queue.append(invocation)
        core.changed.notify_all()


def _report(core: Core, invocation: Invocation, status: str, error_type: str | None) -> None:
    life = core.life
    usage: dict[str, Any] = {
        "memory_mb": core.function.memory,
        "used_mb": core.stage.limits.used_mb(memory.peak_mb([process.pid for process in life.processes])),
        "bill_init": core.options.shapes.bill_init,
        **core.unreported,
    }
    core.unreported = {}
    extensions = bool(life.registry.subscribed(INVOKE))
    now = time.monotonic()
    invocation.report = reports.report(invocation, now, status, error_type, usage, extensions=extensions)
    _tell_end(core, invocation)


def _tell_end(core: Core, invocation: Invocation) -> None:
    core.stage.emit("end", events.end(invocation.request_id))
    core.stage.emit("report", invocation.report)
    with core.changed:
        core.life.running.pop(invocation.request_id, None)


def _fail(core: Core, invocation: Invocation) -> None:
    """An invocation that timed out or whose environment broke: runtimeDone, answer, report, reset."""
    core.stage.drain.settle()
    fault = core.life.fault
    status, error_type = ("error", fault.error_type) if fault else ("timeout", None)
    if invocation.runtime_done_at is None:
        done = reports.runtime_done(invocation, time.monotonic(), status, error_type)
        core.stage.emit("runtimeDone", done)
    _answer_failure(core, invocation, fault)
    core.end_life("failure" if fault else "timeout", lambda: _report(core, invocation, status, error_type))


def _answer_failure(core: Core, invocation: Invocation, fault: Fault | None) -> None:
    if fault is None:
        text = f"Task timed out after {invocation.timeout:.2f} seconds"
        core.stage.log.add(f"{stamp(time.time())} {invocation.request_id} {text}\n")
        fault = Fault("Sandbox.Timedout", text)
    invocation.answer(failure_payload(fault, invocation.request_id), "Unhandled", fault.error_type)
