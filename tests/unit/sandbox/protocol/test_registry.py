"""Registration and identification: the refusal table of the protocol reference, 3.4, row by row."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

import pytest

from adaptive_batching.sandbox.protocol.registry import INVOKE, LIMIT, SHUTDOWN, Registry
from adaptive_batching.sandbox.protocol.states import ExtensionCall, ExtensionState
from adaptive_batching.sandbox.refusals import Refused

if TYPE_CHECKING:
    from collections.abc import Callable

ID = "11111111-2222-4333-8444-555555555555"


def registry(*names: str, managed: bool = False) -> Registry:
    return Registry(names or ("tiny",), managed=managed)


def full() -> Registry:
    return registry(*(f"e{number}" for number in range(LIMIT)))


def closed() -> Registry:
    found = registry()
    found.closed = True
    return found


def registered() -> Registry:
    found = registry()
    found.register("tiny", [INVOKE], ID)
    return found


def twice() -> None:
    registered().register("tiny", [], str(uuid.uuid4()))


def next_before_register() -> None:
    registry().named("tiny").apply(ExtensionCall.NEXT)


REFUSALS: list[tuple[str, Callable[[], object], str, str]] = [
    ("no identifier", lambda: registry().identify(None), "Extension.MissingExtensionIdentifier",
     "Missing Lambda-Extension-Identifier header"),
    ("not a UUID", lambda: registry().identify("x"), "Extension.InvalidExtensionIdentifier",
     "Invalid Lambda-Extension-Identifier"),
    ("unknown", lambda: registry().identify(ID), "Extension.UnknownExtensionIdentifier", f"Unknown extension {ID}"),
    ("no name", lambda: registry().register(None, [], ID), "Extension.InvalidExtensionName", "Empty extension name"),
    ("empty name", lambda: registry().register("", [], ID), "Extension.InvalidExtensionName", "Empty extension name"),
    ("internal after init", lambda: closed().register("other", [], ID), "Extension.RegistrationClosed",
     "Extension registration closed already"),
    ("registered twice", twice, "Extension.InvalidExtensionState",
     ("State transition from Registered to Registered failed for extension tiny. "
     "Error: State transition is not allowed")),
    ("next before register", next_before_register, "Extension.InvalidExtensionState",
     "State transition from Started to Ready failed for extension tiny. Error: State transition is not allowed"),
    ("one internal too many", lambda: full().register("other", [], ID), "Extension.TooManyExtensions",
     "Extension limit (10) reached"),
    ("unknown event", lambda: registry().register("tiny", ["NAP"], ID), "Extension.InvalidEventType",
     "NAP: unknown event type"),
    ("internal SHUTDOWN", lambda: registry().register("other", [SHUTDOWN], ID), "Extension.InvalidEventType",
     "SHUTDOWN: internal extensions cannot register for it"),
    ("INVOKE on Managed Instances", lambda: registry(managed=True).register("tiny", [INVOKE], ID),
     "Extension.InvalidEventType", "INVOKE: not supported on Managed Instances"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("call", "error_type", "message"), [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS]
)
def test_refusal(call: Callable[[], object], error_type: str, message: str) -> None:
    with pytest.raises(Refused) as refused:
        call()
    answer = refused.value.answer()
    assert answer.status == 403
    assert json.loads(answer.body) == {"errorMessage": message, "errorType": error_type}


def test_a_refused_event_registers_nothing() -> None:
    found = registry()
    with pytest.raises(Refused):
        found.register("tiny", [INVOKE, "NAP"], ID)
    assert found.named("tiny").state is ExtensionState.STARTED


def test_an_external_extension_may_register_after_the_runtime_was_ready() -> None:
    assert closed().register("tiny", [INVOKE], ID).state is ExtensionState.REGISTERED


def test_an_unknown_name_becomes_an_internal_extension() -> None:
    found = registry().register("other", [INVOKE], ID)
    assert not found.external
    assert found.state is ExtensionState.REGISTERED


def test_an_invocation_is_done_when_everyone_who_got_it_asks_again() -> None:
    found = registry("one", "two")
    one, two = found.register("one", [INVOKE], ID), found.register("two", [SHUTDOWN], str(uuid.uuid4()))
    for extension in (one, two):
        extension.apply(ExtensionCall.NEXT)
    one.inbox.append({"eventType": INVOKE})
    assert not found.invoke_done()
    one.inbox.popleft()
    one.apply(ExtensionCall.DELIVER)
    assert not found.invoke_done()
    one.apply(ExtensionCall.NEXT)
    assert found.invoke_done()
