"""The webhook: down, silent, refusing, or none."""

from __future__ import annotations

import pytest

from notifier import webhook
from notifier.run import NotifierError
from tests.edge.functions.notifier.scene import SAVE, Scene, a_trace
from tests.fakes import webhook as fake
from tests.fakes.network.ports import free_port


@pytest.mark.parametrize("answer", [500, 503, 403, 404, 429, 302, fake.DROP])
def test_a_webhook_that_is_down_gets_it_when_it_is_up_again(scene: Scene, answer: int) -> None:
    trace = a_trace()
    scene.ship(trace)
    letter = scene.send({"traceId": trace})
    scene.hook.answers = [answer]
    with pytest.raises(NotifierError) as failed:
        scene.run()
    assert "secret" not in str(failed.value)  # the webhook's URL
    assert letter not in scene.markers()
    assert scene.lying() == 1
    scene.run()
    (told,) = scene.hook.texts
    assert "received" not in told.split("\n")[0]  # by the notifier alone
    assert letter in scene.markers()


def test_a_webhook_that_nobody_listens_at(scene: Scene) -> None:
    scene.send({})
    scene.webhook = f"http://127.0.0.1:{free_port()}/services/secret"
    with pytest.raises(NotifierError, match="cannot be reached: ConnectionRefusedError"):
        scene.run()
    scene.webhook = ""
    scene.run()
    assert len(scene.hook.texts) == 1


def test_a_webhook_that_does_not_answer_has_a_deadline(hook: fake.Webhook) -> None:
    hook.answers = [fake.HANG]
    with pytest.raises(webhook.WebhookError, match="cannot be reached: TimeoutError"):
        webhook.post(hook.url, "x", patience=0.2)


@pytest.mark.parametrize("url", ["", "ftp://127.0.0.1/x", "file:///etc/passwd", "http://[::1", "http://127.0.0.1:x/"])
def test_a_url_that_is_no_webhook(url: str) -> None:
    with pytest.raises(webhook.WebhookError):
        webhook.post(url, "x")


def test_a_message_that_is_refused_is_told_without_its_lines_and_does_not_hold_up_the_others(scene: Scene) -> None:
    traces = [a_trace() for _ in range(2)]
    for one in traces:
        scene.ship(one)
        scene.send({"traceId": one})
    scene.hook.answers = [400]
    scene.run()
    assert ["The webhook refused it with its lines." in one for one in scene.hook.texts] == [True, False]
    assert [SAVE in one for one in scene.hook.texts] == [True, True]
    assert "saving" not in scene.hook.texts[0]
    assert len(scene.markers()) == 2
