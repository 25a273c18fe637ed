"""The Init phase, and SnapStart's restore (protocol reference 7.1 and 8)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from adaptive_batching.sandbox.function import SNAP_START
from adaptive_batching.sandbox.protocol.states import RuntimeState
from adaptive_batching.sandbox.telemetry import events

if TYPE_CHECKING:
    from collections.abc import Callable

    from adaptive_batching.sandbox.lifecycle.resources import Stage
    from adaptive_batching.sandbox.protocol.generation import Life

    #: Waits until a condition holds or the deadline (monotonic) or a fault comes; says whether it holds, faultless.
    Wait = Callable[[Callable[[], bool], float], bool]


def initialise(stage: Stage, life: Life, phase: str, deadline: float, wait: Wait) -> tuple[bool, float]:
    """Run one Init; return whether it succeeded and how many seconds it took."""
    began, kind = time.monotonic(), stage.function.initialization_type
    stage.emit("initStart", events.init_start(kind, phase, stage.instance()))
    stage.start_extensions(life)
    done = wait(life.registry.all_registered, deadline)
    if done:
        runtime_began = time.time()
        stage.start_runtime(life)
        done = wait(lambda: life.ready, deadline)
        stage.drain.settle()
        spent = [events.span("runtimeInit", runtime_began, time.time() - runtime_began)]
        stage.emit("initRuntimeDone", events.init_runtime_done(kind, phase, *outcome(life, done=done), spent))
    done = done and wait(life.registry.all_ready, deadline)
    stage.telemetry.close_subscriptions()
    for one in life.registry.extensions:
        stage.emit("extension", events.extension(one.name, one.state.value, one.events, one.error_type))
    seconds = time.monotonic() - began
    stage.emit("initReport", events.init_report(kind, phase, *outcome(life, done=done), seconds))
    return done, seconds


def outcome(life: Life, *, done: bool) -> tuple[str, str | None]:
    """Return status and error type of a phase that is over."""
    if done:
        return "success", None
    return ("error", life.fault.error_type) if life.fault else ("timeout", None)


def must_restore(stage: Stage, life: Life) -> bool:
    """Say whether the life is a snapshot that nobody has restored yet."""
    return stage.function.initialization_type == SNAP_START and not life.restored


def restore(stage: Stage, life: Life, deadline: float, wait: Wait) -> tuple[bool, float]:
    """Wake a snapshot: let `restore/next` return, wait for the runtime's first `next`; return success and seconds."""
    began, time_began = time.monotonic(), time.time()
    stage.emit("restoreStart", events.restore_start(stage.instance()))
    with stage.changed:
        life.restored = True
        stage.changed.notify_all()
    done = wait(lambda: life.runtime.state is RuntimeState.READY, deadline)
    stage.drain.settle()
    seconds = time.monotonic() - began
    status, error_type = outcome(life, done=done)
    spans = [events.span("restore", time_began, seconds)]
    stage.emit("restoreRuntimeDone", events.restore_runtime_done(status, error_type, spans))
    stage.emit("restoreReport", events.restore_report(status, error_type, seconds))
    return done, seconds
