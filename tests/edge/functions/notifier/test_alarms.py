"""Alarms are told with the newest request that failed."""

from __future__ import annotations

import pytest

from notifier.run import NotifierError
from tests.edge.functions.notifier.scene import SAVE, Scene, a_trace, now_alarm


def test_an_alarm_is_told_with_the_newest_request_that_failed(scene: Scene) -> None:
    scene.ship(a_trace(), ago=30)
    newest = scene.ship(a_trace(), ago=3)
    scene.ship(a_trace(), function="conference-submit")
    scene.run(now_alarm())
    (told,) = scene.hook.texts
    assert told.startswith(":warning: alarm `conference-save-errors`, ")
    assert f"{SAVE}  request {newest}" in told
    assert "saving" in told
    scene.run(now_alarm())  # SNS delivers at least once
    assert len(scene.hook.texts) == 1


def test_an_alarm_whose_lines_are_late_is_kept_and_told_by_a_later_look(scene: Scene) -> None:
    event = now_alarm()
    scene.run(event)
    assert scene.hook.texts == []
    request = scene.ship(a_trace())
    scene.run()
    (told,) = scene.hook.texts
    assert f"request {request}" in told
    scene.run()
    assert len(scene.hook.texts) == 1


def test_an_alarm_that_the_webhook_did_not_take_is_kept_and_the_looks_fail_until_it_does(scene: Scene) -> None:
    scene.hook.answers = [500, 500]
    scene.run(now_alarm(MetricName="Throttles"))
    with pytest.raises(NotifierError, match="answered 500"):
        scene.run()
    assert scene.hook.texts == []
    scene.run()
    scene.run()
    assert len(scene.hook.texts) == 1


def test_an_alarm_of_a_queue_of_dead_letters_tells_the_letters(scene: Scene) -> None:
    scene.send({})
    name = scene.urls[0].rpartition("/")[2]
    scene.run(now_alarm(Dimensions=[{"name": "QueueName", "value": name}]))
    (told,) = scene.hook.texts
    assert told.startswith(f":warning: dead letter in `{name}`")
