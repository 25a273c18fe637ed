"""What `event/next` answers, in every wrong form: read with defaults, and nothing raises."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extension.events import Invoke, Shutdown
from extension.shell.next_event import read

NOW = 1_795_608_000.0
ARN = "arn:aws:lambda:eu-west-1:111122223333:function:f"
INVOKE = {"eventType": "INVOKE", "requestId": "r1", "deadlineMs": (NOW + 30) * 1000, "invokedFunctionArn": ARN}
SHUTDOWN = {"eventType": "SHUTDOWN", "shutdownReason": "spindown", "deadlineMs": (NOW + 2) * 1000}


def told(event: object) -> tuple[Invoke | Shutdown | None, str]:
    return read(json.dumps(event).encode(), NOW)


def test_an_invoke_and_a_shutdown_as_they_are_documented() -> None:
    invoke, nothing = told(INVOKE)
    assert isinstance(invoke, Invoke)
    assert (invoke.request_id, invoke.deadline, invoke.arn, nothing) == ("r1", NOW + 30, ARN, "")
    shutdown, nothing = told(SHUTDOWN)
    assert isinstance(shutdown, Shutdown)
    assert (shutdown.reason, shutdown.deadline, nothing) == ("spindown", NOW + 2, "")


@pytest.mark.parametrize("timeout", [1, 3, 29, 30, 899, 900])
@pytest.mark.parametrize("late", [-0.1, -0.05, 0.0, 0.001, 0.4, 0.8])
def test_the_timeout_is_the_deadline_less_the_arrival_in_whole_seconds(timeout: int, late: float) -> None:
    event, _ = told({**INVOKE, "deadlineMs": round((NOW + timeout - late) * 1000)})
    assert isinstance(event, Invoke)
    assert event.timeout == timeout


@pytest.mark.parametrize("left", [-3600, -1, 0, 0.1, 901, 3600, 10**300])
def test_a_deadline_that_no_timeout_makes_tells_none(left: float) -> None:
    event, _ = told({**INVOKE, "deadlineMs": (NOW + left) * 1000})
    assert isinstance(event, Invoke)
    assert event.timeout == 0


@pytest.mark.holds("shutdown: a deadline that cannot be counts as the two seconds that there always are")
@pytest.mark.parametrize(
    ("left", "used"),
    [
        *[(0.1, 0.1), (0.5, 0.5), (2.0, 2.0), (10.0, 10.0)],
        *[(0.099, 2.0), (0.0, 2.0), (-1.0, 2.0), (-3600.0, 2.0), (10.001, 2.0), (3600.0, 2.0)],
    ],
)
def test_a_shutdown_s_deadline_is_believed_from_a_tenth_of_a_second_to_ten_seconds(left: float, used: float) -> None:
    event, problem = told({**SHUTDOWN, "deadlineMs": round((NOW + left) * 1000)})
    assert isinstance(event, Shutdown)
    assert event.deadline == NOW + used
    assert bool(problem) == (left != used)


@pytest.mark.holds("shutdown: a deadline that cannot be counts as the two seconds that there always are")
@pytest.mark.parametrize(
    "deadline", ["null", '"soon"', '"1795608002000"', "0", "-1", "true", "[]", "{}", "NaN", "Infinity", "1" + "0" * 400]
)
def test_a_shutdown_s_deadline_of_another_kind_is_two_seconds(deadline: str) -> None:
    event, problem = read(f'{{"eventType":"SHUTDOWN","deadlineMs":{deadline}}}'.encode(), NOW)
    assert isinstance(event, Shutdown)
    assert (event.deadline, event.reason) == (NOW + 2, "")
    assert problem == "SHUTDOWN has no deadline that can be: 2.0 s are used, which there always are"


@pytest.mark.parametrize("deadline", [None, "soon", 0, -5, True, []])
def test_an_invoke_without_a_deadline_has_one_that_is_over(deadline: object) -> None:
    event, problem = told({**INVOKE, "deadlineMs": deadline})
    assert isinstance(event, Invoke)
    assert (event.deadline, problem) == (0.0, "an INVOKE has no deadline: it is not held")


@pytest.mark.holds("faults: an event that cannot be read is released at once, said once, and is no fault")
@pytest.mark.parametrize("request_id", [None, "", 7, [], {}])
def test_an_invoke_without_a_request_is_no_event(request_id: object) -> None:
    assert told({**INVOKE, "requestId": request_id}) == (None, "an INVOKE names no request: it is released at once")


@pytest.mark.holds("faults: an event that cannot be read is released at once, said once, and is no fault")
@pytest.mark.parametrize("kind", [None, "", "invoke", "RESUME", 7, ["INVOKE"], {"INVOKE": 1}])
def test_an_event_of_another_type_is_no_invoke(kind: object) -> None:
    problem = "an event is neither INVOKE nor SHUTDOWN: it is released at once"
    assert told({**INVOKE, "eventType": kind}) == (None, problem)


@pytest.mark.parametrize("body", [b"", b"no JSON", b"\xff", b"{", b"[" * 100_000, b"1" * 5000])
def test_what_is_not_json_is_no_event(body: bytes) -> None:
    assert read(body, NOW) == (None, "an event is not JSON: it is released at once")


@pytest.mark.parametrize("event", [None, 1, "INVOKE", [], [INVOKE], True])
def test_what_is_not_an_object_is_no_event(event: object) -> None:
    assert told(event) == (None, "an event is not a JSON object: it is released at once")


@pytest.mark.parametrize("wrong", [None, 7, [], {}])
def test_a_reason_and_an_arn_of_another_kind_are_empty(wrong: object) -> None:
    shutdown, _ = told({**SHUTDOWN, "shutdownReason": wrong})
    invoke, _ = told({**INVOKE, "invokedFunctionArn": wrong})
    assert isinstance(shutdown, Shutdown)
    assert isinstance(invoke, Invoke)
    assert (shutdown.reason, invoke.arn) == ("", "")


ANY = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=5)
MEMBERS = st.sampled_from([*INVOKE, "shutdownReason"])


@given(st.dictionaries(MEMBERS, ANY), st.sampled_from(["INVOKE", "SHUTDOWN", None]))
def test_whatever_its_members_are_nothing_raises(members: dict[str, object], kind: str | None) -> None:
    event, _ = told({"eventType": kind, **members})
    assert event is None or 0 <= event.deadline < float("inf")


@given(st.binary())
def test_whatever_the_bytes_are_nothing_raises(body: bytes) -> None:
    read(body, NOW)
