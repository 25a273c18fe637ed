"""The steps of one invocation: thaw, Init if needed, deliver, wait, report, reset (docs/lambda-protocol.md, 7.2).

Freeze and thaw follow section 7.3, the reset section 7.4.
"""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING, Any

from adaptive_batching.sandbox.host import cgroups
from adaptive_batching.sandbox.lifecycle import reports
from adaptive_batching.sandbox.lifecycle.init import initialise, must_restore, restore
from adaptive_batching.sandbox.lifecycle.results import failure_payload
from adaptive_batching.sandbox.lifecycle.shutdown import shut_down
from adaptive_batching.sandbox.protocol.generation import Failure, outcome
from adaptive_batching.sandbox.protocol.invocation import Invocation, Response
from adaptive_batching.sandbox.protocol.registry import INVOKE
from adaptive_batching.sandbox.telemetry import events
from adaptive_batching.sandbox.timestamps import stamp

if TYPE_CHECKING:
    from adaptive_batching.sandbox.lifecycle.supervisor import Supervisor

#: Seconds that restoring a snapshot may take.
RESTORE_TIMEOUT = 10.0


def invoke(supervisor: Supervisor, invocation: Invocation) -> bool:
    """Run an invocation, report it and freeze the environment. Return whether the generation goes on."""
    log = supervisor.resources.log
    log.mark()
    invocation.begin()
    _inject_before(supervisor)
    finished = _prepare(supervisor, invocation) and _serve(supervisor, invocation)
    if finished:
        _report(supervisor, invocation, "success", None)
    else:
        _fail(supervisor, invocation)
    invocation.log_tail = log.tail()
    if finished and supervisor.options.freeze:
        supervisor.freeze()
    return finished


def invoke_managed(supervisor: Supervisor, invocation: Invocation) -> None:
    """Run an invocation on Managed Instances, where requests overlap, without freeze, runtimeDone and reset."""
    invocation.begin()
    _emit_start(supervisor, invocation)
    _hand_over(supervisor, invocation)
    finished = supervisor.wait(lambda: invocation.response is not None, invocation.deadline)
    supervisor.resources.output.sync()
    failure = supervisor.generation.failure
    if not finished:
        _answer_failure(supervisor, invocation, failure)
    status, error_type = outcome(failure, done=finished)
    if finished and invocation.function_error:
        status, error_type = "error", invocation.error_type
    invocation.report = reports.managed_report(invocation, time.monotonic(), status, error_type)
    _emit_end(supervisor, invocation)
    invocation.log_tail = supervisor.resources.log.tail()


def _inject_before(supervisor: Supervisor) -> None:
    """Inject the faults that change the environment before an invocation."""
    faults, mounts = supervisor.options.faults, supervisor.resources.mounts
    if faults.strikes("wipe-tmp"):
        mounts.wipe()
    if "full-tmp" in faults.rates:
        mounts.fill() if faults.strikes("full-tmp") else mounts.relieve()
    if "hang-dns" in faults.rates:
        mounts.resolve(names=not faults.strikes("hang-dns"))


def _inject_within(supervisor: Supervisor) -> None:
    """Inject the faults that kill a process in the middle of an invocation."""
    for process in supervisor.processes:
        if supervisor.options.faults.strikes(f"kill-{process.kind}"):
            process.signal(signal.SIGKILL)


def _prepare(supervisor: Supervisor, invocation: Invocation) -> bool:
    """Thaw, restore a snapshot or repeat a failed Init, and emit the start. Return whether the runtime is ready."""
    supervisor.thaw()
    generation = supervisor.generation
    if generation.failure is not None and not generation.ended:  # a process died between two invocations
        shut_down(supervisor, "failure")
    if not generation.ended and not _restored(supervisor, RESTORE_TIMEOUT):
        _emit_start(supervisor, invocation)
        return False
    _emit_start(supervisor, invocation)
    if not generation.ended:
        return True
    supervisor.begin_again()
    done, _ = initialise(supervisor, "invoke", invocation.deadline)
    return done and _restored(supervisor, invocation.deadline - time.monotonic())


def _restored(supervisor: Supervisor, seconds: float) -> bool:
    """Restore the snapshot if the generation is one. Return whether the runtime is ready."""
    if not must_restore(supervisor):
        return True
    done, spent = restore(supervisor, time.monotonic() + seconds)
    supervisor.unreported = {"restore_seconds": spent} if done else {}
    return done


def _emit_start(supervisor: Supervisor, invocation: Invocation) -> None:
    function = supervisor.function
    record = events.start(invocation.request_id, function.version, function.arn, invocation.tracing())
    supervisor.resources.emit("start", record, invocation.started_time)


def _serve(supervisor: Supervisor, invocation: Invocation) -> bool:
    """Deliver the invocation. Return whether the runtime and the extensions finished before the deadline."""
    resources, registry = supervisor.resources, supervisor.generation.registry
    with supervisor.changed:
        event = {
            "eventType": INVOKE,
            "deadlineMs": invocation.deadline_ms,
            "requestId": invocation.request_id,
            "invokedFunctionArn": invocation.function_arn,
            "tracing": {"type": "X-Amzn-Trace-Id", "value": invocation.trace},
        }
        for extension in registry.subscribed(INVOKE):
            extension.inbox.append(event)
        _hand_over(supervisor, invocation)
    _inject_within(supervisor)
    if not supervisor.wait(lambda: invocation.runtime_done_at is not None, invocation.deadline):
        return False
    resources.output.sync()
    resources.emit("runtimeDone", reports.runtime_done(invocation, time.monotonic(), "success", None))
    return supervisor.wait(registry.invoke_done, invocation.deadline)


def _hand_over(supervisor: Supervisor, invocation: Invocation) -> None:
    with supervisor.changed:
        supervisor.generation.running[invocation.request_id] = invocation
        supervisor.generation.queue.append(invocation)
        supervisor.changed.notify_all()


def _report(supervisor: Supervisor, invocation: Invocation, status: str, error_type: str | None) -> None:
    generation = supervisor.generation
    resident = cgroups.peak_mb([process.pid for process in generation.processes])
    usage: dict[str, Any] = {
        "memory_mb": supervisor.function.memory,
        "used_mb": supervisor.resources.limits.used_mb(resident),
        "bill_init": supervisor.options.shapes.bill_init,
        **supervisor.unreported,
    }
    supervisor.unreported = {}
    extensions = bool(generation.registry.subscribed(INVOKE))
    now = time.monotonic()
    invocation.report = reports.report(invocation, now, status, error_type, usage, extensions=extensions)
    _emit_end(supervisor, invocation)


def _emit_end(supervisor: Supervisor, invocation: Invocation) -> None:
    supervisor.resources.emit("end", events.end(invocation.request_id))
    supervisor.resources.emit("report", invocation.report)
    with supervisor.changed:
        supervisor.generation.running.pop(invocation.request_id, None)


def _fail(supervisor: Supervisor, invocation: Invocation) -> None:
    """Conclude an invocation that timed out or whose generation failed: runtimeDone, answer, report, reset."""
    resources = supervisor.resources
    resources.output.sync()
    failure = supervisor.generation.failure
    status, error_type = outcome(failure)
    if invocation.runtime_done_at is None:
        done = reports.runtime_done(invocation, time.monotonic(), status, error_type)
        resources.emit("runtimeDone", done)
    _answer_failure(supervisor, invocation, failure)
    reason = "failure" if failure else "timeout"
    shut_down(supervisor, reason, lambda: _report(supervisor, invocation, status, error_type))


def _answer_failure(supervisor: Supervisor, invocation: Invocation, failure: Failure | None) -> None:
    if failure is None:
        text = f"Task timed out after {invocation.timeout:.2f} seconds"
        supervisor.resources.log.add(f"{stamp(time.time())} {invocation.request_id} {text}\n")
        failure = Failure("Sandbox.Timedout", text)
    payload = failure_payload(failure, invocation.request_id)
    invocation.answer(Response(payload, "Unhandled", failure.error_type))
