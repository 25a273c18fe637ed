"""What an event of the notifier says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier import events
from notifier.events import Arrived, UnknownEventError
from tests.unit.functions.notifier.build import NOW, REQUEST
from tests.unit.functions.notifier.test_letters import JSON, RECORD, STREAM

SCHEDULE = {"version": "0", "detail-type": "Scheduled Event", "source": "aws.events", "detail": {}}
ALARM: dict[str, Any] = {
    "AlarmName": "conference-save-errors",
    "NewStateValue": "ALARM",
    "NewStateReason": "Threshold Crossed: 1 datapoint [1.0 (20/11/26 17:41:00)] was greater than the threshold (0.0).",
    "StateChangeTime": "2026-11-20T17:42:06.000+0000",
    "OldStateValue": "OK",
    "Trigger": {
        "MetricName": "Errors",
        "Namespace": "AWS/Lambda",
        "Dimensions": [{"value": "conference-save", "name": "FunctionName"}],
        "Period": 60,
        "EvaluationPeriods": 1,
    },
}


def published(message: object, **more: object) -> dict[str, Any]:
    """What a topic invokes a function with."""
    sns = {"MessageId": "0f1d9ef0-1111-4000-8000-000000000001", "Timestamp": "2026-11-20T17:42:07.000Z", **more}
    sns["Message"] = message if isinstance(message, str) else json.dumps(message)
    return {"Records": [{"EventSource": "aws:sns", "EventVersion": "1.0", "Sns": sns}]}


def alarm(**trigger: object) -> dict[str, Any]:
    return published({**ALARM, "Trigger": {**ALARM["Trigger"], **trigger}})


def test_a_schedule_is_a_look_at_the_queues() -> None:
    assert events.read(SCHEDULE) == Arrived(look=True)


def test_an_alarm_is_about_the_newest_failed_request_of_its_function_and_window() -> None:
    (found,) = events.read(alarm()).notices
    assert (found.what, found.where, found.at) == ("alarm", "conference-save-errors", NOW)
    assert found.said.startswith("Threshold Crossed")
    assert found.clue
    assert (found.clue.values, found.clue.functions) == ((), ("conference-save",))
    assert (NOW - found.clue.since, found.clue.until) == (60_000 * 2 + events.LATENESS, NOW)


def test_an_alarm_of_a_queue_that_is_looked_at_is_a_reason_to_look() -> None:
    event = alarm(Namespace="AWS/SQS", Dimensions=[{"name": "QueueName", "value": "conference-dead"}])
    assert events.read(event, frozenset({"conference-dead"})) == Arrived(look=True)
    (found,) = events.read(event, frozenset({"another"})).notices
    assert found.what == "alarm"


@pytest.mark.parametrize("metric", sorted(events.LINELESS))
def test_an_alarm_without_a_failed_request_is_told_as_it_is(metric: str) -> None:
    (found,) = events.read(alarm(MetricName=metric)).notices
    assert found.clue is None


def test_an_alarm_of_a_metric_that_a_filter_made_looks_at_every_function() -> None:
    (found,) = events.read(alarm(Namespace="Conference", MetricName="TooManyConnections", Dimensions=[])).notices
    assert found.clue
    assert found.clue.functions == ()


def test_an_alarm_of_a_filter_of_ours_names_its_function_in_the_namespace() -> None:
    (found,) = events.read(alarm(Namespace="adaptive-batching/orders", MetricName="Timeouts", Dimensions=[])).notices
    assert found.clue
    assert found.clue.functions == ("orders",)


@pytest.mark.parametrize(("name", "has_lines"), [("Errors", True), ("Duration", False)])
def test_an_alarm_that_computes_is_about_the_metric_that_it_computes_with(name: str, has_lines: bool) -> None:  # noqa: FBT001
    metric = {"Namespace": "AWS/Lambda", "MetricName": name, "Dimensions": ALARM["Trigger"]["Dimensions"]}
    parts = [
        {"Id": "share", "Expression": "longest / 10 / 30", "ReturnData": True},
        {"Id": "longest", "MetricStat": {"Metric": metric, "Period": 3600, "Stat": "Maximum"}, "ReturnData": False},
    ]
    message = {**ALARM, "Trigger": {"EvaluationPeriods": 1, "Metrics": parts}}
    (found,) = events.read(published(message)).notices
    assert (found.clue is not None) == has_lines
    if found.clue:
        assert found.clue.functions == ("conference-save",)
        assert NOW - found.clue.since == 7_200_000 + events.LATENESS


def test_an_alarm_that_is_over_has_no_lines() -> None:
    (found,) = events.read(published({**ALARM, "NewStateValue": "OK"})).notices
    assert (found.what, found.clue) == ("alarm is OK:", None)


@pytest.mark.parametrize("event", [RECORD, STREAM, published(RECORD), {"detail-type": "x", "detail": RECORD}])
def test_a_failed_event_is_told_wherever_its_record_comes_from(event: dict[str, Any]) -> None:
    (found,) = events.read(event).notices
    assert (found.id, found.what, found.where) == (REQUEST, "failed event of", "conference-save")
    assert found.clue
    assert found.clue.values == (REQUEST,)


def test_the_record_of_a_success_tells_nothing() -> None:
    assert events.read({**RECORD, "requestContext": {**RECORD["requestContext"], "condition": "Success"}}) == Arrived()


def test_a_dead_letter_that_lambda_sent_to_a_topic() -> None:
    attributes = {"RequestID": {"Type": "String", "Value": REQUEST}}
    (found,) = events.read(published({"x": 1}, MessageAttributes=attributes)).notices
    assert found.clue
    assert (found.what, found.clue.values, found.clue.exact) == ("dead letter of Lambda", (REQUEST,), True)


@pytest.mark.parametrize("event", [alarm(), RECORD, STREAM, published(RECORD), published("text")])
def test_what_is_kept_makes_the_same_notice_again(event: dict[str, Any]) -> None:
    (found,) = events.read(event).notices
    assert events.read(json.loads(found.kept)).notices == (found,)


@pytest.mark.parametrize(
    "event",
    [{}, [], "x", None, {"Records": []}, {"Records": [{"eventSource": "aws:sqs", "body": "x"}]}, {"body": "secret"}],
)
def test_another_event_is_refused_without_its_values(event: object) -> None:
    with pytest.raises(UnknownEventError) as refused:
        events.read(event)
    assert "secret" not in str(refused.value)


@given(st.one_of(JSON, JSON.map(published), JSON.map(lambda one: published({"AlarmName": "a", "Trigger": one}))))
def test_any_event_is_read_or_refused(event: object) -> None:
    try:
        found = events.read(event)
    except UnknownEventError:
        return
    assert all(one.id for one in found.notices)
