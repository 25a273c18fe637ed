"""The shell in one process: faults of our own, and what an environment takes up, with a real journal and a real store.

A fault is made by an item that no helper thread would put into the inbox; nothing of ours is replaced.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from extension import app, events, objects
from extension.consumer import Consumer
from extension.environment import Environment
from extension.events import ReaderState, Seal
from extension.extensions_api import ExtensionsApi
from extension.inbox import CAPACITY_BYTES, Inbox
from extension.journal import Journal
from extension.listener import Listener
from extension.poller import Polled
from extension.settings import PREFIX, from_environ
from extension.startup import Started
from tests import s3
from tests.edge.extension.lambda_api import PATIENCE, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Unreadable(str):
    """A body that cannot be read, not even as bytes; with one record, as far as one can see."""

    __slots__ = ()

    def count(self, *_: object) -> int:
        return 1


FAULT = events.LogsReceived(Unreadable("no bytes"))  # type: ignore[arg-type]  # reading it raises
SHUTDOWN = Polled(json.dumps({"eventType": "SHUTDOWN", "shutdownReason": "spindown", "deadlineMs": 0}).encode())
WALL = 1_795_608_000.0


@pytest.fixture(scope="module")
def store() -> Iterator[s3.Moto]:
    with s3.moto() as running:
        yield running


class Scene:
    """What start-up would have left behind, around a real inbox; `event/next` is answered by the test."""

    def __init__(self, tmp: Path, store: s3.Moto, *, capacity: int = CAPACITY_BYTES, **values: str) -> None:
        told = {PREFIX + name: value for name, value in {"S3_BUCKET": store.bucket, **values}.items()}
        self.environ = s3.clean_environ(**store.environ(), TMPDIR=str(tmp), AWS_LAMBDA_FUNCTION_NAME="f", **told)
        for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            del self.environ[name]  # a profile would ask for boto3
        self.settings = from_environ(self.environ)
        self.inbox = Inbox(capacity)
        self.started = Started(ExtensionsApi("127.0.0.1:1"), self.inbox, "on-demand")
        self.started.api = "telemetry"
        self.released = 0

    def release(self) -> None:
        """In the poller's place."""
        self.released += 1

    def consumer(self) -> Consumer:
        return Consumer(self.settings, self.started, self.environ, self)  # type: ignore[arg-type]  # one method is used

    def shut_down(self, seconds: float = 2.0) -> None:
        self.inbox.put(events.Shutdown("spindown", time.time() + seconds))


def invoke(request: str) -> Polled:
    deadline = int((time.time() + 30) * 1000)
    return Polled(json.dumps({"eventType": "INVOKE", "requestId": request, "deadlineMs": deadline}).encode())


def line(text: str) -> bytes:
    return json.dumps([{"time": "t", "type": "function", "record": text}]).encode()


def said(capfd: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(one) for one in capfd.readouterr().err.splitlines()]


def shipped(store: s3.Moto) -> list[str]:
    keys = list(store.keys())
    found = [record for key in keys for record in objects.decode(store.get(key)[0])]
    for key in keys:
        store.client().delete_object(Bucket=store.bucket, Key=key)
    return [str(record["record"]) for record in found if record["type"] == "function"]


def test_one_fault_is_said_with_its_traceback_counted_and_survived(
    tmp_path: Path, store: s3.Moto, capfd: pytest.CaptureFixture[str]
) -> None:
    scene = Scene(tmp_path, store)
    consumer = scene.consumer()
    scene.inbox.put(FAULT)
    scene.started.keeper.keep(line("after the fault"))
    scene.inbox.put(FAULT)
    scene.started.keeper.keep(line("after another"))
    scene.shut_down()
    assert consumer.run() == 0
    lines = said(capfd)
    faults = [one for one in lines if one["message"] == "a fault of the extension; it goes on, a batch is lost"]
    assert [(one["records"], one["bytes"]) for one in faults] == [(1, 8)] * 2
    assert "Traceback" in str(faults[0]["why"])
    closing = lines[-1]
    assert (closing["errors"], closing["received"], closing["shipped"], closing["lost"]) == (2, 4, 2, 2)
    assert shipped(store) == ["after the fault", "after another"]


def test_a_batch_whose_reading_raised_is_set_aside_and_its_neighbours_are_shipped_and_forgotten(
    tmp_path: Path, store: s3.Moto
) -> None:
    scene = Scene(tmp_path, store)
    consumer = scene.consumer()
    for text in ("before", "poison", "behind"):
        scene.started.keeper.keep(line(text))
    before, poison, behind = scene.inbox.take(0)
    for item in (before, events.LogsReceived(FAULT.body, poison.serial), behind):  # type: ignore[attr-defined]
        scene.inbox.put(item)
    scene.shut_down()
    assert consumer.run() == 0
    assert shipped(store) == ["before", "behind"]
    (aside,) = (tmp_path / "adaptive-batching-extension").glob("aside-*")
    assert line("poison") in aside.read_bytes()
    consumer._environment._journal.close()
    left = Journal.open(str(tmp_path), "another", lambda *_: None).left
    assert (left.seals, left.unsealed) == ([], [])


def test_two_faults_in_a_row_end_in_a_loop_that_only_polls(
    tmp_path: Path, store: s3.Moto, capfd: pytest.CaptureFixture[str]
) -> None:
    scene = Scene(tmp_path, store)
    consumer = scene.consumer()
    for fault in (FAULT, FAULT):
        scene.inbox.put(fault)
    with pytest.raises(TypeError):
        consumer.run()
    assert len(said(capfd)) == 1
    for item in (invoke("r1"), invoke("r2")):
        scene.inbox.put(item)
    scene.started.keeper.keep(line("later"))
    scene.inbox.put(SHUTDOWN)
    assert app._poll_only(scene.inbox, scene, consumer.taken, consumer.unshipped) == 0  # type: ignore[arg-type]  # one method is used
    assert scene.released == 3
    (closing,) = said(capfd)
    assert (closing["level"], closing["records"]) == ("error", 2)
    consumer._environment._journal.close()
    left = Journal.open(str(tmp_path), "another", lambda *_: None).left
    assert left.unsealed == [(1, 1)]  # a reset is followed by another process


def test_a_shutdown_that_was_taken_together_with_two_faults_is_obeyed(
    tmp_path: Path, store: s3.Moto, capfd: pytest.CaptureFixture[str]
) -> None:
    scene = Scene(tmp_path, store)
    consumer = scene.consumer()
    for _ in range(2):
        scene.inbox.put(FAULT)
    scene.inbox.put(SHUTDOWN)
    with pytest.raises(TypeError):
        consumer.run()
    assert [type(item) for item in consumer.taken] == [Polled]
    assert app._poll_only(scene.inbox, scene, consumer.taken, 0) == 0  # type: ignore[arg-type]  # one method is used
    assert len(said(capfd)) == 1


def test_a_fault_at_an_invoke_releases_it(tmp_path: Path, store: s3.Moto, capfd: pytest.CaptureFixture[str]) -> None:
    scene = Scene(tmp_path, store)
    consumer = scene.consumer()
    scene.inbox.put(Polled(b"no JSON at all"))
    thread = threading.Thread(target=consumer.run)
    thread.start()
    scene.inbox.put(invoke("r1"))
    scene.shut_down()
    thread.join(10)
    assert not thread.is_alive()
    assert scene.released == 2
    assert said(capfd)[-1]["errors"] == 1


def test_a_batch_that_the_full_queue_gave_up_is_read_back_from_the_journal(
    tmp_path: Path, store: s3.Moto, capfd: pytest.CaptureFixture[str]
) -> None:
    scene = Scene(tmp_path, store, capacity=100)
    consumer = scene.consumer()
    for text in ("the first", "the second"):
        scene.started.keeper.keep(line(text))
    assert [type(item) for item, _ in scene.inbox._items] == [events.GivenUp, events.LogsReceived]
    scene.shut_down()
    assert consumer.run() == 0
    (last,) = said(capfd)
    assert (last["received"], last["shipped"], last["lost"]) == (2, 2, 0)
    assert shipped(store) == ["the first", "the second"]


def test_a_batch_that_the_full_queue_gave_up_and_no_journal_has_is_said_and_counted(
    tmp_path: Path, store: s3.Moto, capfd: pytest.CaptureFixture[str]
) -> None:
    scene = Scene(tmp_path, store, capacity=100)
    consumer = scene.consumer()
    scene.started.keeper.open(None, None)
    for text in ("the first", "the second"):
        scene.started.keeper.keep(line(text))
    scene.shut_down()
    assert consumer.run() == 0
    given_up, last = said(capfd)
    size = len(line("the first"))
    assert given_up["message"] == "the queue was full: a batch is lost"
    assert (given_up["records"], given_up["bytes"]) == (1, size)
    assert (last["received"], last["shipped"], last["lost"], last["lostBytes"]) == (2, 1, 1, size)
    assert shipped(store) == ["the second"]


def test_what_was_refused_and_what_came_twice_is_told_in_the_last_object_and_the_last_line(
    tmp_path: Path, store: s3.Moto, capfd: pytest.CaptureFixture[str]
) -> None:
    scene = Scene(tmp_path, store)
    scene.started.listener = listener = Listener(scene.started.keeper.keep)
    listener.start(free_port())
    consumer = scene.consumer()
    for _ in range(2):
        scene.started.keeper.keep(line("twice"))
    with closing(http.client.HTTPConnection("127.0.0.1", listener.port, timeout=PATIENCE)) as platform:
        platform.request("POST", "/", headers={"Content-Length": str(16 * 1024 * 1024 + 1)})
        assert platform.getresponse().status == 413
    scene.shut_down()
    assert consumer.run() == 0
    (key,) = store.keys()
    *_, report = objects.decode(store.get(key)[0])
    (last,) = said(capfd)
    assert shipped(store) == ["twice"]
    told = report["record"]
    assert isinstance(told, dict)
    assert (report["type"], told["duplicateBodies"], told["refusedRequests"]) == ("extension.report", 1, 1)
    assert last["message"] == "this environment ends"
    assert last.items() >= {**told, "shipped": 1, "waiting": 0, "puts": 1}.items()


@pytest.mark.parametrize("reason", ["TIMEOUT", "timeout"])
def test_the_reason_of_a_shutdown_may_be_written_in_capitals(
    tmp_path: Path, store: s3.Moto, capfd: pytest.CaptureFixture[str], reason: str
) -> None:
    scene = Scene(tmp_path, store)
    deadline = int((time.time() + 2) * 1000)
    event = {"eventType": "SHUTDOWN", "shutdownReason": reason, "deadlineMs": deadline}
    scene.inbox.put(invoke("r1"))
    scene.inbox.put(Polled(json.dumps(event).encode()))
    assert scene.consumer().run() == 0
    (last,) = said(capfd)
    assert (last["shutdownReason"], last["requestId"]) == ("timeout", "r1")


def environment(scene: Scene) -> Environment:
    return Environment(scene.settings, scene.started, scene.environ)


def taken_up(made: Environment) -> list[bytes]:
    """The bodies that were in no chunk; the chunks are taken up."""
    bodies = []
    for left in made.left_over():
        if isinstance(left, events.LogsReceived):
            bodies.append(left.body)
        else:
            made.take_up(left)
    return bodies


def left_by_another(tmp: Path, *bodies: bytes, sealed: int = 0, replays: int = 0) -> None:
    """A journal with these bodies, the first `sealed` of them in a closed chunk whose replay has failed so often."""
    journal = Journal.open(str(tmp), "0123456789ab", lambda *_: None)
    for body in bodies:
        journal.append(body, WALL)
    if sealed:
        seal = Seal("the-key-of-before.log", 1, sealed, ReaderState(None, (), 0), "bytes")
        journal.seal(seal, ReaderState(None, (), sealed))
    for _ in range(replays):
        journal.replaying(1)
    journal.close()


def test_chunks_that_were_left_over_go_first_under_their_own_key_and_what_was_in_none_follows(
    tmp_path: Path, store: s3.Moto, capfd: pytest.CaptureFixture[str]
) -> None:
    left_by_another(tmp_path, line("one"), line("two"), line("three"), sealed=2)
    scene = Scene(tmp_path, store)
    consumer = scene.consumer()
    scene.started.keeper.keep(line("new"))
    scene.shut_down()
    assert consumer.run() == 0
    (own, *_) = [key for key in store.keys() if key == "the-key-of-before.log"]  # noqa: SIM118 - not a mapping
    first = objects.decode(store.get(own)[0])
    assert [(one["record"], one["sequence"], one["environment"]) for one in first] == [
        ("one", 1, "0123456789ab"),
        ("two", 2, "0123456789ab"),
    ]
    (last,) = said(capfd)
    assert (last["received"], last["shipped"], last["lost"]) == (4, 4, 0)
    assert sorted(shipped(store)) == ["new", "one", "three", "two"]


def test_a_chunk_whose_replay_failed_twice_is_set_aside_and_its_records_are_counted_as_lost(
    tmp_path: Path, store: s3.Moto, capfd: pytest.CaptureFixture[str]
) -> None:
    left_by_another(tmp_path, line("poison"), line("poison"), line("healthy"), sealed=2, replays=2)
    scene = Scene(tmp_path, store)
    made = environment(scene)
    assert taken_up(made) == [line("healthy")]
    accounts = made.shipper.accounts
    assert (accounts.received, accounts.lost, made.shipper.waiting_records) == (2, 2, 0)
    (line_,) = said(capfd)
    assert (line_["level"], line_["records"], line_["key"]) == ("error", 2, "the-key-of-before.log")
    assert len(list((tmp_path / "adaptive-batching-extension").glob("aside-*"))) == 1


def test_bodies_whose_replay_failed_twice_are_set_aside_and_counted_as_lost(
    tmp_path: Path, store: s3.Moto, capfd: pytest.CaptureFixture[str]
) -> None:
    left_by_another(tmp_path, line("poison"), line("poison"), replays=2)
    made = environment(Scene(tmp_path, store))
    assert taken_up(made) == []
    accounts = made.shipper.accounts
    assert (accounts.received, accounts.lost, made.shipper.waiting_records) == (2, 2, 0)
    (line_,) = said(capfd)
    assert (line_["level"], line_["bodies"], line_["records"]) == ("error", 2, 2)
    assert len(list((tmp_path / "adaptive-batching-extension").glob("aside-*"))) == 1


def test_a_chunk_that_cannot_be_made_again_is_left_to_the_next_process_and_the_rest_goes_on(
    tmp_path: Path, store: s3.Moto, capfd: pytest.CaptureFixture[str]
) -> None:
    left_by_another(tmp_path, line("odd"), line("healthy"), sealed=1)
    scene = Scene(tmp_path, store)
    consumer = scene.consumer()
    consumer._environment._journal.left.seals[0].seal.tail = 5  # type: ignore[assignment]  # no text at all
    scene.shut_down()
    assert consumer.run() == 0
    assert said(capfd)[0]["message"] == "a fault of the extension; it goes on"
    assert shipped(store) == ["healthy"]
    consumer._environment._journal.close()
    (sealed,) = Journal.open(str(tmp_path), "another", lambda *_: None).left.seals
    assert (sealed.seal.key, sealed.replays) == ("the-key-of-before.log", 1)


def test_a_chunk_whose_replay_failed_once_is_tried_again(tmp_path: Path, store: s3.Moto) -> None:
    left_by_another(tmp_path, line("odd"), sealed=1, replays=1)
    made = environment(Scene(tmp_path, store))
    assert taken_up(made) == []
    assert made.shipper.waiting_records == 1


def test_a_byte_threshold_over_a_third_of_the_journal_is_lowered_and_that_is_said(
    tmp_path: Path, store: s3.Moto, capfd: pytest.CaptureFixture[str]
) -> None:
    mib = 1024 * 1024
    scene = Scene(tmp_path, store, SHIP_RATE_BYTES=str(50 * mib), JOURNAL_BYTES=str(3 * mib))
    assert environment(scene).shipper._batcher._bytes == mib
    (line_,) = said(capfd)
    assert f"SHIP_RATE_BYTES is {50 * mib}" in str(line_["message"])
    assert str(line_["message"]).endswith(f"{mib} is used")


def test_a_byte_threshold_of_a_third_of_the_journal_is_left_alone(
    tmp_path: Path, store: s3.Moto, capfd: pytest.CaptureFixture[str]
) -> None:
    mib = 1024 * 1024
    made = environment(Scene(tmp_path, store, SHIP_RATE_BYTES=str(mib), JOURNAL_BYTES=str(3 * mib)))
    assert said(capfd) == []
    assert made.shipper._batcher._bytes == mib
