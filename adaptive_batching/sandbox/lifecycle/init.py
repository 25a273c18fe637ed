"""The Init phase, and the restore of SnapStart (docs/lambda-protocol.md, 7.1 and 8)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from adaptive_batching.sandbox.function import SNAP_START
from adaptive_batching.sandbox.protocol.generation import outcome
from adaptive_batching.sandbox.protocol.states import RuntimeState
from adaptive_batching.sandbox.telemetry import events

if TYPE_CHECKING:
    from adaptive_batching.sandbox.lifecycle.supervisor import Supervisor


def initialise(supervisor: Supervisor, phase: str, deadline: float) -> tuple[bool, float]:
    """Run an Init. Return whether it succeeded, and its duration in seconds. `deadline` is monotonic seconds."""
    resources, generation = supervisor.resources, supervisor.generation
    began, kind = time.monotonic(), supervisor.function.initialization_type
    resources.emit("initStart", events.init_start(kind, phase, resources.instance()))
    supervisor.start_extensions()
    done = supervisor.wait(generation.registry.all_registered, deadline)
    if done:
        runtime_began = time.time()
        supervisor.start_runtime()
        done = supervisor.wait(lambda: generation.ready, deadline)
        resources.output.sync()
        spent = [events.span("runtimeInit", runtime_began, time.time() - runtime_began)]
        status = outcome(generation.failure, done=done)
        resources.emit("initRuntimeDone", events.init_runtime_done(kind, phase, *status, spent))
    done = done and supervisor.wait(generation.registry.all_ready, deadline)
    resources.telemetry.close_subscriptions()
    for one in generation.registry.extensions:
        resources.emit("extension", events.extension(one.name, one.state.value, one.events, one.error_type))
    seconds = time.monotonic() - began
    status = outcome(generation.failure, done=done)
    resources.emit("initReport", events.init_report(kind, phase, *status, seconds))
    return done, seconds


def must_restore(supervisor: Supervisor) -> bool:
    """Return whether the generation is a snapshot that has not been restored yet."""
    return supervisor.function.initialization_type == SNAP_START and not supervisor.generation.restored


def restore(supervisor: Supervisor, deadline: float) -> tuple[bool, float]:
    """Restore a snapshot: let `restore/next` return, and wait for the runtime's first `next`.

    Return whether it succeeded, and its duration in seconds. `deadline` is monotonic seconds.
    """
    resources, generation = supervisor.resources, supervisor.generation
    began, time_began = time.monotonic(), time.time()
    resources.emit("restoreStart", events.restore_start(resources.instance()))
    with supervisor.changed:
        generation.restored = True
        supervisor.changed.notify_all()
    done = supervisor.wait(lambda: generation.runtime.state is RuntimeState.READY, deadline)
    resources.output.sync()
    seconds = time.monotonic() - began
    status, error_type = outcome(generation.failure, done=done)
    spans = [events.span("restore", time_began, seconds)]
    resources.emit("restoreRuntimeDone", events.restore_runtime_done(status, error_type, spans))
    resources.emit("restoreReport", events.restore_report(status, error_type, seconds))
    return done, seconds
