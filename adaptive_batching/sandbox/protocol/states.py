"""The three state machines of an execution environment, as tables. A missing entry is the refusal.

Source: the emulator core that AWS published (its `core/externalagent_states.go` and siblings), as summarised in the
protocol reference, 3.5 and 7. Pure: no clock, no I/O.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

S = TypeVar("S", bound=Enum)
C = TypeVar("C", bound=Enum)


class TransitionError(Exception):
    """A call that the current state does not allow. The machine is unchanged."""

    def __init__(self, state: Enum, call: Enum) -> None:
        super().__init__(f"{call.value} is not allowed in state {state.value}")


class Machine(Generic[S, C]):
    """A state and the table that says where each call leads."""

    def __init__(self, table: Mapping[tuple[S, C], S], state: S) -> None:
        self._table = table
        self.state = state

    def allows(self, call: C) -> bool:
        """Say whether `apply(call)` would succeed."""
        return (self.state, call) in self._table

    def apply(self, call: C) -> S:
        """Move on, or raise TransitionError and stay."""
        try:
            self.state = self._table[self.state, call]
        except KeyError:
            raise TransitionError(self.state, call) from None
        return self.state


class ExtensionState(Enum):
    """Values appear in `platform.extension.state` and in EXTENSION log lines."""

    STARTED = "Started"
    REGISTERED = "Registered"
    READY = "Ready"
    RUNNING = "Running"
    LAUNCH_ERROR = "LaunchError"
    INIT_ERROR = "InitError"
    EXIT_ERROR = "ExitError"
    EXITED = "Exited"
    SHUTDOWN_FAILED = "ShutdownFailed"


class ExtensionCall(Enum):
    """What an extension, or the platform on its behalf, does. Values name the state that the call aims at."""

    LAUNCH_FAILED = "LaunchError"
    REGISTER = "Registered"
    NEXT = "Ready"
    DELIVER = "Running"
    REPORT_INIT_ERROR = "InitError"
    REPORT_EXIT_ERROR = "ExitError"
    EXITED = "Exited"
    DIED = "ShutdownFailed"


_E, _EC = ExtensionState, ExtensionCall

EXTERNAL_EXTENSION: Mapping[tuple[ExtensionState, ExtensionCall], ExtensionState] = {
    (_E.STARTED, _EC.LAUNCH_FAILED): _E.LAUNCH_ERROR,
    (_E.STARTED, _EC.REGISTER): _E.REGISTERED,
    (_E.REGISTERED, _EC.NEXT): _E.READY,
    (_E.READY, _EC.DELIVER): _E.RUNNING,
    (_E.RUNNING, _EC.NEXT): _E.READY,
    (_E.REGISTERED, _EC.REPORT_INIT_ERROR): _E.INIT_ERROR,
    (_E.INIT_ERROR, _EC.REPORT_INIT_ERROR): _E.INIT_ERROR,
    (_E.REGISTERED, _EC.REPORT_EXIT_ERROR): _E.EXIT_ERROR,
    (_E.READY, _EC.REPORT_EXIT_ERROR): _E.EXIT_ERROR,
    (_E.RUNNING, _EC.REPORT_EXIT_ERROR): _E.EXIT_ERROR,
    (_E.RUNNING, _EC.EXITED): _E.EXITED,
    (_E.RUNNING, _EC.DIED): _E.SHUTDOWN_FAILED,
}

#: An internal extension lives inside the runtime's process: it is never launched and never exits by itself.
INTERNAL_EXTENSION: Mapping[tuple[ExtensionState, ExtensionCall], ExtensionState] = {
    entry: target
    for entry, target in EXTERNAL_EXTENSION.items()
    if entry[1] not in {_EC.LAUNCH_FAILED, _EC.EXITED, _EC.DIED}
}


class RuntimeState(Enum):
    """Where the runtime stands in its loop."""

    STARTED = "Started"
    READY = "Ready"
    RUNNING = "Running"
    RESPONDED = "Responded"
    INIT_ERROR = "InitError"
    RESTORE_READY = "RestoreReady"
    RESTORING = "Restoring"
    RESTORE_ERROR = "RestoreError"


class RuntimeCall(Enum):
    """What the runtime, or the platform towards it, does."""

    NEXT = "Ready"
    DELIVER = "Running"
    RESPOND = "Responded"
    REPORT_INIT_ERROR = "InitError"
    RESTORE_NEXT = "RestoreReady"
    RESTORE = "Restoring"
    REPORT_RESTORE_ERROR = "RestoreError"


_R, _RC = RuntimeState, RuntimeCall

RUNTIME: Mapping[tuple[RuntimeState, RuntimeCall], RuntimeState] = {
    (_R.STARTED, _RC.NEXT): _R.READY,
    (_R.READY, _RC.NEXT): _R.READY,  # a second connection asks: the runtime lost its first one
    (_R.READY, _RC.DELIVER): _R.RUNNING,
    (_R.RUNNING, _RC.RESPOND): _R.RESPONDED,
    (_R.RESPONDED, _RC.NEXT): _R.READY,
    (_R.STARTED, _RC.REPORT_INIT_ERROR): _R.INIT_ERROR,
    (_R.STARTED, _RC.RESTORE_NEXT): _R.RESTORE_READY,
    (_R.RESTORE_READY, _RC.RESTORE): _R.RESTORING,
    (_R.RESTORING, _RC.NEXT): _R.READY,
    (_R.RESTORING, _RC.REPORT_RESTORE_ERROR): _R.RESTORE_ERROR,
}


class Phase(Enum):
    """Where an environment stands in its life."""

    CREATED = "created"
    INIT = "init"
    IDLE = "idle"
    INVOKE = "invoke"
    FAILED = "failed"  # the processes are gone; the next invocation runs a suppressed init
    SHUTDOWN = "shutdown"
    GONE = "gone"


class Step(Enum):
    """What moves an environment on."""

    START = "start"
    INIT_DONE = "init done"
    INVOKE = "invoke"
    INVOKE_DONE = "invoke done"
    FAIL = "fail"
    SHUT_DOWN = "shut down"
    LEAVE = "leave"


ENVIRONMENT: Mapping[tuple[Phase, Step], Phase] = {
    (Phase.CREATED, Step.START): Phase.INIT,
    (Phase.INIT, Step.INIT_DONE): Phase.IDLE,
    (Phase.INIT, Step.FAIL): Phase.FAILED,
    (Phase.IDLE, Step.INVOKE): Phase.INVOKE,
    (Phase.FAILED, Step.INVOKE): Phase.INVOKE,
    (Phase.INVOKE, Step.INVOKE_DONE): Phase.IDLE,
    (Phase.INVOKE, Step.FAIL): Phase.FAILED,
    (Phase.IDLE, Step.FAIL): Phase.FAILED,
    (Phase.IDLE, Step.SHUT_DOWN): Phase.SHUTDOWN,
    (Phase.FAILED, Step.SHUT_DOWN): Phase.SHUTDOWN,
    (Phase.CREATED, Step.SHUT_DOWN): Phase.SHUTDOWN,
    (Phase.SHUTDOWN, Step.LEAVE): Phase.GONE,
}
