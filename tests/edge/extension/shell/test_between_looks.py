"""Between two looks at the inbox there is little work: events are answered while a store loads or a journal is read."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from extension.inbox import TAKEN_BYTES
from extension.shell.poller import Polled
from tests.edge.extension.shell.scene import Scene, left_by_another, records, said, shipped
from tests.edge.extension.shell.scene import line as body
from tests.edge.extension.test_process import ROOT, line, platform, started
from tests.fakes import s3

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from extension.shell.consumer import Consumer
    from tests.fakes.lambda_api import LambdaApi

NEVER_LOADED = "import threading\nthreading.Event().wait()\n"
BROKEN = "raise ImportError('no such thing')\n"


@pytest.fixture(scope="module")
def store() -> Iterator[s3.Moto]:
    with s3.moto() as running:
        yield running


@pytest.fixture
def opt(tmp_path: Path) -> Path:
    """The layer's folder."""
    shutil.copy(ROOT / "layer" / "boot.py", tmp_path)
    shutil.copytree(ROOT / "extension", tmp_path / "extension", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def with_boto3(opt: Path, source: str) -> Path:
    """The same, with a boto3 that is this."""
    (opt / "vendor" / "boto3").mkdir(parents=True)
    (opt / "vendor" / "boto3" / "__init__.py").write_text(source)
    return opt


@pytest.mark.holds("faults: an invocation is held within its bounds while the store is loaded")
def test_invocations_and_shutdown_are_answered_while_boto3_is_being_loaded(
    opt: Path, api: LambdaApi, store: s3.Moto
) -> None:
    with started(with_boto3(opt, NEVER_LOADED), api, store, S3_CLIENT="boto3") as process:
        for number in (1, 2):
            api.invoke(f"r{number}")
            api.deliver(line("one"), platform("runtimeDone", f"r{number}"))
            api.wait_for_next(number + 1, process.ended)
        api.shut_down()
        assert process.exit_code() == 0
        last = process.said()[-1]
    assert (last["received"], last["shipped"], last["lost"]) == (4, 0, 4)


def test_a_boto3_that_cannot_be_loaded_is_said_with_the_first_upload(opt: Path, api: LambdaApi, store: s3.Moto) -> None:
    with started(with_boto3(opt, BROKEN), api, store, S3_CLIENT="boto3") as process:
        api.invoke("r1")
        api.deliver(line("one"), platform("runtimeDone", "r1"))
        api.wait_for_next(2, process.ended)
        api.shut_down()
        assert process.exit_code() == 0
        said = process.said()
    assert "ImportError at " in str(said[0]["why"])
    assert (said[-1]["received"], said[-1]["lost"]) == (2, 2)


INVOKE = Polled(b'{"eventType":"INVOKE","requestId":"r"}')  # without a deadline: it is not held


class Asking(Scene):
    """A scene whose poller has the next INVOKE at once, as long as something of an earlier process is to be read."""

    over = False
    consumer_: Consumer

    def release(self) -> None:
        super().release()
        if not self.consumer_.executor.replay.is_over:
            self.inbox.put(INVOKE)
        elif not self.over:
            self.over = True
            self.shut_down()


@pytest.mark.holds("journal: what an earlier process left is read again in slices, events come first")
def test_between_any_two_bodies_of_an_earlier_process_events_are_answered_and_new_batches_come_after_them(
    tmp_path: Path, store: s3.Moto
) -> None:
    texts = [f"left {number}" for number in range(40)]
    left_by_another(tmp_path, *[body(text) for text in texts], sealed=20)
    scene = Asking(tmp_path, store.environ())
    scene.consumer_ = consumer = scene.consumer()
    scene.receive(body("new"))
    scene.inbox.put(INVOKE)
    assert consumer.run() == 0
    assert scene.released > 40
    found = {str(one["record"]): one["sequence"] for one in records(store) if one["type"] == "function"}
    assert found == {text: number for number, text in enumerate([*texts, "new"], 1)}
    consumer.executor.journal.close()


def test_whatever_waits_in_the_queue_at_the_end_is_counted(
    tmp_path: Path, store: s3.Moto, capfd: pytest.CaptureFixture[str]
) -> None:
    scene = Scene(tmp_path, store.environ())
    consumer = scene.consumer()
    for text in ("a", "b", "c"):  # each with one behind it is more than is taken at once
        scene.receive(body(text * (TAKEN_BYTES * 2 // 3)))
    scene.shut_down(0)
    assert consumer.run() == 0
    last = said(capfd)[-1]
    assert (last["received"], last["lost"]) == (3, 3)
    consumer.executor.journal.close()


@pytest.mark.holds("faults: an event waits for one batch at most")
def test_an_event_does_not_wait_behind_the_batches_that_came_before_it(tmp_path: Path, store: s3.Moto) -> None:
    scene = Scene(tmp_path, store.environ())
    consumer = scene.consumer()
    for number in range(10):
        scene.receive(body(f"line {number}"))
    consumer.pending = scene.inbox.take(0)
    scene.inbox.put(INVOKE)
    scene.receive(body("later"))
    seen: list[int] = []
    scene.release = lambda: seen.append(consumer.waiting_records)  # type: ignore[method-assign]  # its own poller
    assert consumer.consume_pending() is None
    assert seen == [0]  # released before the first of them was read
    assert consumer.waiting_records == 10
    scene.shut_down()
    assert consumer.run() == 0
    assert shipped(store) == [*[f"line {number}" for number in range(10)], "later"]
    consumer.executor.journal.close()
