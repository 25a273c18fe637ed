"""The shell in one process: faults of our own, with a real journal and a real store.

A fault is made by an item that no helper thread would put into the inbox; nothing of ours is replaced.
"""

from __future__ import annotations

import http.client
import json
import re
import threading
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pytest

from extension import events
from extension.errors import ReadError
from extension.extensions_api import ExtensionsApi
from extension.journal import Journal
from extension.listener import Listener
from extension.records import objects
from extension.shell import app
from extension.shell.poller import Polled
from tests.edge.extension.shell.scene import Scene, invoke, line, said, shipped
from tests.fakes import s3
from tests.fakes.lambda_api import PATIENCE
from tests.fakes.network import inside
from tests.fakes.network.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fakes.lambda_api import LambdaApi


class Unreadable(str):
    """A body that cannot be read, not even as bytes; with one record, as far as one can see."""

    __slots__ = ()

    def count(self, *_: object) -> int:
        return 1


FAULT = events.LogsReceived(Unreadable("no bytes"))  # type: ignore[arg-type]  # reading it raises
SHUTDOWN = Polled(json.dumps({"eventType": "SHUTDOWN", "shutdownReason": "spindown", "deadlineMs": 0}).encode())


@pytest.fixture(scope="module")
def store() -> Iterator[s3.Moto]:
    with s3.moto() as running:
        yield running


@pytest.mark.holds("faults: a single fault is reported and counted, and shipping continues")
@pytest.mark.holds("faults: if reading a batch raises, that batch alone is lost: moved to quarantine and counted")
def test_one_fault_is_said_with_its_traceback_counted_and_survived(
    tmp_path: Path, store: s3.Moto, capfd: pytest.CaptureFixture[str]
) -> None:
    scene = Scene(tmp_path, store.environ())
    consumer = scene.consumer()
    scene.inbox.put(FAULT)
    scene.receive(line("after the fault"))
    scene.inbox.put(FAULT)
    scene.receive(line("after another"))
    scene.shut_down()
    assert consumer.run() == 0
    lines = said(capfd)
    faults = [one for one in lines if one["message"] == "internal error: one batch dropped, shipping continues"]
    assert [(one["records"], one["bytes"]) for one in faults] == [(1, 8)] * 2
    assert re.fullmatch(r"ReadError at .*extension.core.shipper:\d+; from AttributeError at .*", str(faults[0]["why"]))
    closing = lines[-1]
    assert (closing["errors"], closing["received"], closing["shipped"], closing["lost"]) == (2, 4, 2, 2)
    assert shipped(store) == ["after the fault", "after another"]


@pytest.mark.holds("faults: if reading a batch raises, that batch alone is lost: moved to quarantine and counted")
def test_a_batch_whose_reading_raised_is_set_aside_and_its_neighbours_are_shipped_and_forgotten(
    tmp_path: Path, store: s3.Moto
) -> None:
    scene = Scene(tmp_path, store.environ())
    consumer = scene.consumer()
    for text in ("before", "poison", "behind"):
        scene.receive(line(text))
    before, poison, behind = scene.inbox.take(0)
    for item in (before, events.LogsReceived(FAULT.body, poison.serial), behind):  # type: ignore[attr-defined]
        scene.inbox.put(item)
    scene.shut_down()
    assert consumer.run() == 0
    assert shipped(store) == ["before", "behind"]
    (aside,) = (tmp_path / "adaptive-batching-extension").glob("aside-*")
    assert line("poison") in aside.read_bytes()
    consumer.executor.journal.close()
    left = Journal.open(str(tmp_path), "another", lambda *_: None).left
    assert (left.seals, left.unsealed) == ([], [])


def test_what_the_last_process_left_and_cannot_be_read_is_counted(
    tmp_path: Path, store: s3.Moto, capfd: pytest.CaptureFixture[str]
) -> None:
    scene = Scene(tmp_path, store.environ())
    consumer = scene.consumer()
    consumer.pending.append(FAULT)
    consumer.consume_pending()  # as it is done with each of them
    scene.shut_down()
    assert consumer.run() == 0
    last = said(capfd)[-1]
    assert (last["received"], last["lost"], last["errors"]) == (1, 1, 1)


@pytest.mark.holds("faults: after two faults in a row, the extension only polls")
def test_two_faults_in_a_row_end_in_a_loop_that_only_polls(
    tmp_path: Path, store: s3.Moto, capfd: pytest.CaptureFixture[str]
) -> None:
    scene = Scene(tmp_path, store.environ())
    consumer = scene.consumer()
    for text in ("waits", "waits too"):
        scene.receive(line(text))
    for fault in (FAULT, FAULT):
        scene.inbox.put(fault)
    with pytest.raises(ReadError):
        consumer.run()
    (first,) = said(capfd)
    assert first["records"] == 1
    for item in (invoke("r1"), invoke("r2")):
        scene.inbox.put(item)
    scene.receive(line("later"))
    scene.inbox.put(SHUTDOWN)
    assert app.poll_only(scene.inbox, scene, consumer.pending, consumer.waiting_records) == 0  # type: ignore[arg-type]  # one method is used
    assert scene.released == 3
    (closing,) = said(capfd)
    assert (closing["level"], closing["records"]) == ("error", 4)  # the first fault's batch was told before
    consumer.executor.journal.close()
    left = Journal.open(str(tmp_path), "another", lambda *_: None).left
    assert left.unsealed == [(1, 3)]  # a reset is followed by another process


def test_batches_behind_the_shutdown_of_a_loop_that_only_polls_are_counted(
    tmp_path: Path, store: s3.Moto, capfd: pytest.CaptureFixture[str]
) -> None:
    scene = Scene(tmp_path, store.environ())
    scene.inbox.put(events.LogsReceived(line("in the queue")), 1)
    pending = [SHUTDOWN, events.LogsReceived(line("taken")), events.UnreadBatch(None, 2, 9)]
    assert app.poll_only(scene.inbox, scene, pending, 0) == 0  # type: ignore[arg-type]  # one method is used
    assert said(capfd)[-1]["records"] == 4


@contextmanager
def shell(scene: Scene, api: LambdaApi) -> Iterator[list[int]]:
    """The whole shell, polling this API; it has to end by itself. Its exit code is in the list then."""
    scene.started.calls = ExtensionsApi(api.address)
    scene.started.calls.register(("INVOKE", "SHUTDOWN"))
    scene.started.calls.ask_next()
    codes: list[int] = []
    thread = threading.Thread(
        target=lambda: codes.append(app.run(scene.settings, scene.started, scene.environ)), daemon=True
    )
    thread.start()
    yield codes
    thread.join(10)


@pytest.mark.holds("faults: after two faults in a row, the extension only polls")
def test_a_shutdown_that_was_taken_together_with_two_faults_is_obeyed(
    tmp_path: Path, store: s3.Moto, api: LambdaApi, capfd: pytest.CaptureFixture[str]
) -> None:
    scene = Scene(tmp_path, store.environ())
    for item in (FAULT, FAULT, SHUTDOWN):
        scene.inbox.put(item)
    with shell(scene, api) as codes:
        pass
    assert codes == [0]
    assert [one["message"] for one in said(capfd)] == [
        "internal error: one batch dropped, shipping continues",
        "internal error: shipping stopped for this environment, the function continues",
        "environment shutting down: nothing was shipped since the internal error",
    ]


@pytest.mark.holds("faults: after two faults in a row, what is received is journalled, and what is lost is reported")
def test_what_comes_after_two_faults_in_a_row_is_in_the_journal_and_counted_at_the_end(
    tmp_path: Path, store: s3.Moto, api: LambdaApi, capfd: pytest.CaptureFixture[str]
) -> None:
    scene = Scene(tmp_path, store.environ())
    for item in (events.LogsReceived(line("waits")), FAULT, FAULT):
        scene.inbox.put(item)
    with shell(scene, api) as codes:
        api.invoke("r1")
        api.wait_for_next(2)
        scene.receive(line("later"))
        api.shut_down()
    assert codes == [0]
    lines = said(capfd)
    assert lines[0]["records"] == 1  # the first fault's batch is told at once
    assert lines[-1]["records"] == 3  # what waited, the second fault's batch, and what came later
    files = (path for path in tmp_path.rglob("*") if path.is_file())
    assert any(line("later") in path.read_bytes() for path in files)


ODD = [b"no JSON at all", b"[]", b'{"eventType":"INVOKE","requestId":7}', b'{"eventType":"RESUME","requestId":"r0"}']


@pytest.mark.holds("faults: an event that cannot be read is released at once, said once, and is no fault")
def test_events_that_cannot_be_read_are_released_said_once_each_and_the_shipping_goes_on(
    tmp_path: Path, store: s3.Moto, capfd: pytest.CaptureFixture[str]
) -> None:
    scene = Scene(tmp_path, store.environ())
    consumer = scene.consumer()
    scene.receive(line("before"))
    for body in ODD * 2:
        scene.inbox.put(Polled(body))
    scene.receive(line("behind"))
    scene.shut_down()
    assert consumer.run() == 0
    *told, last = said(capfd)
    assert [str(one["message"]).partition(":")[0] for one in told] == [
        "an event is not JSON",
        "an event is not a JSON object",
        "an INVOKE names no request",
        "an event is neither INVOKE nor SHUTDOWN",
    ]
    assert told[0]["began"] == "no JSON at all"
    assert scene.released == 8
    assert (last["errors"], last["shipped"], last["lost"], last["heldMs"]) == (0, 2, 0, 0)
    assert shipped(store) == ["before", "behind"]


@pytest.mark.holds("faults: an event that cannot be read is released at once, said once, and is no fault")
def test_what_is_only_polled_after_two_faults_is_released_too_and_its_text_is_no_shutdown(
    tmp_path: Path, store: s3.Moto
) -> None:
    scene = Scene(tmp_path, store.environ())
    pending: list[object] = [Polled(body) for body in ODD]
    pending.append(Polled(b'{"eventType":"INVOKE","requestId":"r1","tracing":{"value":"SHUTDOWN"}}'))
    assert app.poll_only(scene.inbox, scene, [*pending, SHUTDOWN], 0) == 0  # type: ignore[arg-type]  # one method is used
    assert scene.released == 1 + 5


@pytest.mark.holds("shutdown: a deadline that cannot be counts as the two seconds that there always are")
@pytest.mark.parametrize(
    "deadline",
    ["", '"deadlineMs":null,', '"deadlineMs":"soon",', '"deadlineMs":0,', '"deadlineMs":-1,', '"deadlineMs":1e400,'],
)
def test_a_shutdown_whose_deadline_is_nonsense_ships_all_that_waits(
    tmp_path: Path, store: s3.Moto, capfd: pytest.CaptureFixture[str], deadline: str
) -> None:
    scene = Scene(tmp_path, store.environ())
    consumer = scene.consumer()
    scene.receive(line("waits"))
    scene.inbox.put(Polled(f'{{{deadline}"eventType":"SHUTDOWN","shutdownReason":"spindown"}}'.encode()))
    assert consumer.run() == 0
    warning, last = said(capfd)
    assert str(warning["message"]).startswith("SHUTDOWN has no deadline that can be: 2.0 s are used")
    assert (last["shipped"], last["lost"]) == (1, 0)
    assert shipped(store) == ["waits"]


@pytest.mark.holds("accounts: a batch that the full queue drops is read back from the journal")
def test_a_batch_that_the_full_queue_gave_up_is_read_back_from_the_journal(
    tmp_path: Path, store: s3.Moto, capfd: pytest.CaptureFixture[str]
) -> None:
    scene = Scene(tmp_path, store.environ(), capacity=100)
    consumer = scene.consumer()
    for text in ("the first", "the second"):
        scene.receive(line(text))
    assert [type(item) for item in inside.queued(scene.inbox)] == [events.UnreadBatch, events.LogsReceived]
    scene.shut_down()
    assert consumer.run() == 0
    (last,) = said(capfd)
    assert (last["received"], last["shipped"], last["lost"]) == (2, 2, 0)
    assert shipped(store) == ["the first", "the second"]


@pytest.mark.holds(
    "accounts: a batch that the full queue drops and no journal holds is reported and counted as lost: records, bytes"
)
def test_a_batch_that_the_full_queue_gave_up_and_no_journal_has_is_said_and_counted(
    tmp_path: Path, store: s3.Moto, capfd: pytest.CaptureFixture[str]
) -> None:
    scene = Scene(tmp_path, store.environ(), capacity=100)
    consumer = scene.consumer()
    scene.started.intake.open(None, None)
    for text in ("the first", "the second"):
        scene.receive(line(text))
    scene.shut_down()
    assert consumer.run() == 0
    given_up, last = said(capfd)
    size = len(line("the first"))
    assert given_up["message"] == "queue full: one batch dropped, its records are lost"
    assert (given_up["records"], given_up["bytes"]) == (1, size)
    assert (last["received"], last["shipped"], last["lost"], last["lostBytes"]) == (2, 1, 1, size)
    assert shipped(store) == ["the second"]


@pytest.mark.holds("input: a body over 4 MiB is refused with 413 before it is read, and counted")
@pytest.mark.holds("accounts: at SHUTDOWN, all counters are one line on stderr")
@pytest.mark.holds("accounts: duplicate bodies and refused requests are counted too")
def test_what_was_refused_and_what_came_twice_is_told_in_the_last_object_and_the_last_line(
    tmp_path: Path, store: s3.Moto, capfd: pytest.CaptureFixture[str]
) -> None:
    scene = Scene(tmp_path, store.environ())
    scene.started.listener = listener = Listener(scene.started.intake.accept)
    listener.start(free_port())
    consumer = scene.consumer()
    for _ in range(2):
        scene.receive(line("twice"))
    with closing(http.client.HTTPConnection("127.0.0.1", listener.port, timeout=PATIENCE)) as platform:
        platform.request("POST", "/", headers={"Content-Length": str(16 * 1024 * 1024)})
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
    assert last["message"] == "environment shutting down"
    assert last.items() >= {**told, "shipped": 1, "waiting": 0, "puts": 1}.items()


@pytest.mark.holds("shutdown: a timeout or failure is recorded with the request that it hit")
@pytest.mark.parametrize("reason", ["TIMEOUT", "timeout"])
def test_the_reason_of_a_shutdown_may_be_written_in_capitals(
    tmp_path: Path, store: s3.Moto, capfd: pytest.CaptureFixture[str], reason: str
) -> None:
    scene = Scene(tmp_path, store.environ())
    deadline = int((time.time() + 2) * 1000)
    event = {"eventType": "SHUTDOWN", "shutdownReason": reason, "deadlineMs": deadline}
    scene.inbox.put(invoke("r1"))
    scene.inbox.put(Polled(json.dumps(event).encode()))
    assert scene.consumer().run() == 0
    (last,) = said(capfd)
    assert (last["shutdownReason"], last["requestId"]) == ("timeout", "r1")
