"""The state machines are tables: what stands in them happens, what does not is refused and changes nothing."""

from __future__ import annotations

from itertools import product

import pytest

from adaptive_batching.sandbox.protocol.states import (
    ENVIRONMENT,
    EXTERNAL_EXTENSION,
    INTERNAL_EXTENSION,
    RUNTIME,
    ExtensionCall,
    ExtensionState,
    Machine,
    Phase,
    RuntimeCall,
    RuntimeState,
    Step,
    TransitionError,
)

TABLES = [
    (EXTERNAL_EXTENSION, ExtensionState, ExtensionCall),
    (INTERNAL_EXTENSION, ExtensionState, ExtensionCall),
    (RUNTIME, RuntimeState, RuntimeCall),
    (ENVIRONMENT, Phase, Step),
]
ENTRIES = [
    pytest.param(table, state, call, id=f"{number}-{state.value}-{call.value}")
    for number, (table, states, calls) in enumerate(TABLES)
    for state, call in product(states, calls)
]


@pytest.mark.parametrize(("table", "state", "call"), ENTRIES)
def test_an_entry_is_followed_and_a_missing_entry_is_refused_without_a_trace(table, state, call):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    machine = Machine(table, state)
    if (state, call) in table:
        assert machine.allows(call)
        assert machine.apply(call) is table[state, call]
        assert machine.state is table[state, call]
    else:
        assert not machine.allows(call)
        with pytest.raises(TransitionError):
            machine.apply(call)
        assert machine.state is state


DEAD = [ExtensionState.INIT_ERROR, ExtensionState.EXIT_ERROR, ExtensionState.LAUNCH_ERROR]


@pytest.mark.parametrize("state", DEAD)
@pytest.mark.parametrize("call", [ExtensionCall.REGISTER, ExtensionCall.NEXT, ExtensionCall.REPORT_EXIT_ERROR])
def test_after_an_error_no_call_works_any_more(state: ExtensionState, call: ExtensionCall) -> None:
    assert (state, call) not in EXTERNAL_EXTENSION


def test_an_environment_that_is_gone_stays_gone() -> None:
    assert not [step for step in Step if (Phase.GONE, step) in ENVIRONMENT]
