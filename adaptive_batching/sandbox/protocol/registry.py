"""The extensions of one generation: their registrations, states and queued events. Pure.

The checks are in the platform's order: whether the identifier is missing, malformed or unknown, and then the state
(docs/lambda-protocol.md, 3.4).
"""

from __future__ import annotations

import uuid
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from adaptive_batching.sandbox import refusals
from adaptive_batching.sandbox.protocol.states import (
    EXTERNAL_EXTENSION,
    INTERNAL_EXTENSION,
    ExtensionCall,
    ExtensionState,
    Machine,
    TransitionError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

#: The largest number of extensions of one function.
LIMIT = 10
INVOKE, SHUTDOWN = "INVOKE", "SHUTDOWN"


@dataclass(eq=False)
class Extension:
    """One extension. `inbox` holds the events that it has not fetched with `event/next`."""

    name: str
    external: bool
    identifier: str
    machine: Machine[ExtensionState, ExtensionCall]
    events: tuple[str, ...] = ()
    inbox: deque[Mapping[str, Any]] = field(default_factory=deque)
    error_type: str | None = None

    @property
    def state(self) -> ExtensionState:
        """The state of its state machine."""
        return self.machine.state

    @property
    def waits(self) -> bool:
        """Whether it is blocked in `event/next` without an event to fetch."""
        return self.state is ExtensionState.READY and not self.inbox

    def apply(self, call: ExtensionCall) -> None:
        """Apply a call to its state machine. Raises Refused if it is not allowed."""
        before = self.state.value
        try:
            self.machine.apply(call)
        except TransitionError:
            raise refusals.wrong_state(self.name, before, call.value) from None


class Registry:
    """The extensions of one generation. A reset starts with a new registry.

    `launched` are the names of the external extensions. `closed` says that internal ones can no longer register.
    """

    def __init__(self, launched: Sequence[str], *, managed: bool = False) -> None:
        self.extensions = [
            Extension(name, True, "", Machine(EXTERNAL_EXTENSION, ExtensionState.STARTED)) for name in launched
        ]
        self.closed = False
        self._managed = managed
        self._known: dict[str, Extension] = {}

    def register(self, name: str | None, events: Iterable[str], identifier: str) -> Extension:
        """Register an extension under a new identifier. Raises Refused.

        A name that was not launched is that of an internal extension.
        """
        if not name:
            raise refusals.empty_name()
        wanted = tuple(dict.fromkeys(events))
        extension = next((one for one in self.extensions if one.name == name), None)
        external = extension is not None and extension.external
        self._check_events(wanted, external=external)
        if extension is None:
            extension = self._internal(name)
        else:
            extension.apply(ExtensionCall.REGISTER)
        extension.events = wanted
        extension.identifier = identifier
        self._known[identifier] = extension
        return extension

    def _check_events(self, wanted: Sequence[str], *, external: bool) -> None:
        for event in wanted:
            if event not in {INVOKE, SHUTDOWN}:
                raise refusals.invalid_event(event, "unknown event type")
            if event == INVOKE and self._managed:
                raise refusals.invalid_event(event, "not supported on Managed Instances")
            if event == SHUTDOWN and not external:
                raise refusals.invalid_event(event, "internal extensions cannot register for it")

    def _internal(self, name: str) -> Extension:
        if self.closed:
            raise refusals.registration_closed()
        if len(self.extensions) >= LIMIT:
            raise refusals.too_many_extensions(LIMIT)
        machine = Machine(INTERNAL_EXTENSION, ExtensionState.STARTED)
        machine.apply(ExtensionCall.REGISTER)
        extension = Extension(name, False, "", machine)
        self.extensions.append(extension)
        return extension

    def identify(self, identifier: str | None) -> Extension:
        """Return the extension that the value of an identifier header names. Raises Refused."""
        if identifier is None:
            raise refusals.missing_identifier()
        try:
            canonical = str(uuid.UUID(identifier))
        except ValueError:
            raise refusals.invalid_identifier() from None
        extension = self._known.get(canonical)
        if extension is None:
            raise refusals.unknown_identifier(canonical)
        return extension

    def named(self, name: str) -> Extension:
        """Return the launched extension whose file has this name."""
        return next(one for one in self.extensions if one.name == name)

    def subscribed(self, event: str) -> list[Extension]:
        """Return the extensions that registered for an event and can still receive it."""
        alive = {ExtensionState.REGISTERED, ExtensionState.READY, ExtensionState.RUNNING}
        return [one for one in self.extensions if event in one.events and one.state in alive]

    def all_registered(self) -> bool:
        """Return whether every launched extension has registered or failed."""
        return all(one.state is not ExtensionState.STARTED for one in self.extensions)

    def all_ready(self) -> bool:
        """Return whether every extension has asked for its first event."""
        return all(one.state is ExtensionState.READY for one in self.extensions)

    def invoke_done(self) -> bool:
        """Return whether every extension that got the INVOKE event has asked for the next event."""
        return all(one.waits for one in self.subscribed(INVOKE))
