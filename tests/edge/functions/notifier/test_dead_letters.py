"""Dead letters are told once each, with their lines, and stay in their queues."""

from __future__ import annotations

import threading
import uuid
from datetime import UTC, datetime

import pytest

from notifier import queues
from notifier.queues import Peek
from notifier.run import MOST_POSTS, NotifierError
from tests.edge.functions.notifier.scene import SAVE, Scene, a_trace, now_alarm
from tests.fakes import webhook as fake
from tests.fakes.shipped import Shipped, done, started, text


def test_three_dead_letters_are_told_once_each_and_are_still_there(scene: Scene) -> None:
    traces = [a_trace() for _ in range(3)]
    requests = [scene.ship(one) for one in traces]
    ids = {scene.send({"traceId": one}) for one in traces}
    for _ in range(3):
        scene.run()
    assert len(scene.hook.texts) == 3
    for trace, request in zip(traces, requests, strict=True):
        (told,) = [one for one in scene.hook.texts if trace in one]
        assert f"{SAVE}  request {request}  trace {trace}  ValueError: no" in told
        assert "ERROR  failed  ValueError: no" in told
        assert f"`adaptive-batching logs trace {trace}`" in told
    assert scene.markers() == ids
    assert scene.lying() == 3


def test_lines_that_are_not_there_yet_are_waited_for(scene: Scene) -> None:
    trace = a_trace()
    letter = scene.send({"traceId": trace})
    scene.run()
    assert scene.hook.texts == []
    assert scene.markers() == {f"{letter}.waited-1", f"{letter}.received-0"}
    request = scene.ship(trace)
    scene.run()
    (told,) = scene.hook.texts
    assert f"request {request}" in told


def test_after_three_looks_it_is_told_without_lines_and_says_so(scene: Scene) -> None:
    trace = a_trace()
    letter = scene.send({"traceId": trace})
    for posted in (0, 0, 1, 1):
        scene.run()
        assert len(scene.hook.texts) == posted
    (told,) = scene.hook.texts
    assert "No line of its request is on S3 after 3 looks." in told
    assert f"`adaptive-batching logs trace {trace}`" in told
    assert scene.markers() == {f"{letter}.received-0", f"{letter}.waited-1", f"{letter}.waited-2", letter}


def test_a_request_of_the_trace_that_did_not_fail_is_not_what_is_waited_for(scene: Scene) -> None:
    """The lines of submit are there before those of save."""
    trace, request = a_trace(), str(uuid.uuid4())
    submitted = Shipped(scene.folder, "conference-submit", now=datetime.now(UTC))(
        started(request), text({"message": "queued", "traceId": trace}, request=request), done(request)
    )
    scene.moto.client().put_object(Bucket=scene.bucket, Key=submitted, Body=(scene.folder / submitted).read_bytes())
    scene.send({"traceId": trace})
    scene.run()
    scene.run()
    assert scene.hook.texts == []
    scene.run()
    (told,) = scene.hook.texts
    assert f"conference-submit  request {request}" in told
    assert "No request of this trace has failed in the lines on S3." in told


def test_a_message_that_names_no_request_is_told_at_once(scene: Scene) -> None:
    scene.send({"name": "secret of a customer"})
    scene.run()
    (told,) = scene.hook.texts
    assert "It names no request." in told
    assert "secret" not in told


def test_of_many_dead_letters_a_run_tells_some_and_the_next_ones_the_others(scene: Scene) -> None:
    for _ in range(MOST_POSTS + 2):
        scene.send({})
    scene.run()
    assert len(scene.hook.texts) == MOST_POSTS
    assert ["2 more wait and are told next." in one for one in scene.hook.texts] == [False] * (MOST_POSTS - 1) + [True]
    scene.run()
    scene.run()
    assert len(scene.hook.texts) == MOST_POSTS + 2
    assert scene.lying() == MOST_POSTS + 2


def test_while_one_run_tells_a_message_another_one_does_not_see_it(scene: Scene) -> None:
    scene.send({})
    scene.hook.answers = [fake.HANG]
    failed: list[Exception] = []

    def first() -> None:
        try:
            scene.run()
        except NotifierError as error:
            failed.append(error)

    thread = threading.Thread(target=first)
    thread.start()
    assert scene.hook.arrived.wait(30)
    scene.run()
    assert scene.hook.texts == []
    scene.hook.over.set()
    thread.join(30)
    assert failed  # its webhook did not answer
    scene.run()
    assert len(scene.hook.texts) == 1


def test_a_queue_that_is_not_there_does_not_hold_up_the_others(scene: Scene) -> None:
    scene.urls.insert(0, scene.urls[0] + "-that-is-not-there")
    scene.send({}, scene.urls[1])
    with pytest.raises(NotifierError, match="that-is-not-there: ReceiveMessage answered"):
        scene.run()
    assert len(scene.hook.texts) == 1


def test_when_it_is_late_nothing_new_is_begun_and_the_event_is_kept(scene: Scene) -> None:
    scene.send({})
    scene.run(now_alarm(MetricName="Throttles"), is_late=lambda: True)
    assert scene.hook.texts == []
    scene.run()
    assert len(scene.hook.texts) == 2


def test_a_message_is_hidden_for_longer_than_a_run_takes(scene: Scene) -> None:
    for _ in range(3):
        scene.send({})
    peek = Peek(scene.world.clients["sqs"], scene.urls[0], wait=0)
    assert len(list(peek.messages(lambda: False))) == 3
    assert list(Peek(scene.world.clients["sqs"], scene.urls[0], wait=0).messages(lambda: False)) == []
    peek.give_back()
    assert scene.lying() == 3
    assert queues.HIDDEN > 90  # the timeout in template.yaml: tests/template/test_notifier.py
