"""What an earlier process left is read again in slices: what happens in between, and what is said of what is left."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from extension import events
from extension.core.recovery import Poison, Rebuilt
from extension.core.replay import Replay
from extension.records import objects
from extension.records.body import Body
from extension.records.chunk import ReaderState, Seal
from tests.unit.extension.build import EPOCH, at, core, function_line, invoke, logs, platform, told

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extension.core.shipper import Shipper

KEY = "left.log"


def body(text: str, records: int = 1) -> bytes:
    return json.dumps([function_line(text)] * records).encode()


class Left:
    """A journal with these bodies; the first `sealed` are in a closed chunk."""

    def __init__(self, *bodies: bytes, sealed: int = 0, replays: int = 0, odd: bool = False) -> None:
        self._bodies = dict(enumerate(bodies, 1))
        likely = {serial: events.likely_records(one) for serial, one in self._bodies.items()}
        after = ReaderState(None, (), sum(likely[serial] for serial in range(1, sealed + 1)))
        seals = [Seal(KEY, 1, sealed, ReaderState(None, (), 0), after, "bytes")] if sealed else []
        if odd:
            seals[0].report_line = 5  # type: ignore[assignment]  # no text at all
        unsealed = [(sealed + 1, len(bodies))] if len(bodies) > sealed else []
        self.left = SimpleNamespace(seals=seals, unsealed=unsealed, replays={1: replays}, likely=likely)
        self.said: list[str] = []

    def entries(self, first: int, last: int) -> Iterator[tuple[int, float, bytes]]:
        yield from ((serial, EPOCH, self._bodies[serial]) for serial in range(first, last + 1))

    def replaying(self, first: int) -> None:
        self.said.append(f"replaying {first}")

    def replayed(self, first: int) -> None:
        self.said.append(f"replayed {first}")


def started(left: Left) -> tuple[Shipper, Replay]:
    made = core()
    replay = Replay(left, told(), objects.Origin("f", "1", "0123456789ab"), lambda: Body(gzip=False))
    made.resume(None, replay)
    return made, replay


def steps(replay: Replay, most: int = 1000) -> list[object]:
    found: list[object] = []
    while not replay.is_over and len(found) < most:
        found.append(replay.step())
    return found


@pytest.mark.holds("journal: what an earlier process left is read again in slices, events come first")
def test_a_slice_is_one_body_chunks_come_first_and_what_is_left_is_known_at_any_time() -> None:
    left = Left(body("a"), body("b", 2), body("c", 3), body("d", 4), sealed=2)
    _, replay = started(left)
    seen = []
    while not replay.is_over:
        seen.append((replay.left(), type(replay.step()).__name__))
    assert seen == [
        ((10, {KEY: 3}), "NoneType"),
        ((10, {KEY: 3}), "NoneType"),
        ((10, {KEY: 3}), "Rebuilt"),
        ((7, {}), "LogsReceived"),
        ((4, {}), "LogsReceived"),
        ((0, {}), "NoneType"),
    ]
    assert left.said == ["replaying 1", "replayed 1", "replaying 3", "replayed 3"]


def test_poison_is_not_read_and_counted_by_what_is_likely() -> None:
    _, replay = started(Left(body("a"), body("b", 2), replays=2))
    (poison, _) = steps(replay)
    assert isinstance(poison, Poison)
    assert (poison.first, poison.last, poison.lost, poison.bodies) == (1, 2, 3, 2)
    assert replay.left() == (0, {})


def test_a_chunk_that_cannot_be_made_again_is_left_to_the_next_process_and_the_rest_is_read() -> None:
    left = Left(body("a"), body("b"), sealed=1, odd=True)
    _, replay = started(left)
    assert replay.step() is None
    with pytest.raises(AttributeError):
        replay.step()
    assert [type(one).__name__ for one in steps(replay)] == ["LogsReceived", "NoneType"]
    assert left.said == ["replaying 1", "replaying 2", "replayed 2"]


@pytest.mark.holds("journal: what an earlier process left is read again in slices, events come first")
def test_between_two_slices_an_invocation_is_released_and_a_chunk_is_shipped() -> None:
    made, replay = started(Left(body("a"), body("b"), body("c"), sealed=1))
    (_, chunk) = steps(replay, 2)
    assert isinstance(chunk, Rebuilt)
    assert made.recover(chunk) == []
    actions = made.handle(invoke("r1", at(0.0)), at(0.0))
    assert [type(one).__name__ for one in actions] == ["Upload"]
    actions = made.handle(events.Uploaded(1), at(0.01)) + made.handle(logs(platform("runtimeDone", "r1")), at(0.02))
    actions += made.handle(None, at(0.1))
    assert "Upload" in [type(one).__name__ for one in actions]
    actions = made.handle(events.Uploaded(2), at(0.2))
    assert [one.request_id for one in actions if isinstance(one, events.Release)] == ["r1"]
    assert replay.left() == (2, {})


def test_what_an_earlier_process_received_says_nothing_about_the_invocation_that_runs() -> None:
    old = json.dumps([platform("runtimeDone", "r1")]).encode()
    made, replay = started(Left(old))
    made.handle(invoke("r1", at(0.0)), at(0.0))
    (event,) = steps(replay, 1)
    assert isinstance(event, events.LogsReceived)
    assert event.replayed
    assert made.handle(event, at(0.01)) == []
    assert made.handle(None, at(0.1)) == []  # it is held for the end of its handler
    assert made.wake_at() == 1000.0 + 0.5  # silence ends that


@pytest.mark.holds("shutdown: what an earlier process left and was not read in time is counted")
@pytest.mark.parametrize(("reason", "lost", "waiting"), [("spindown", 6, 0), ("timeout", 0, 6)])
def test_a_shutdown_in_the_middle_of_a_replay_waits_for_it_and_counts_what_was_not_read(
    reason: str, lost: int, waiting: int
) -> None:
    made, _ = started(Left(body("a"), body("b", 2), body("c", 3), sealed=2))
    made.handle(events.Shutdown(reason, at(0.0).wall + 2.0), at(0.0))
    for tenth in range(1, 19):
        assert made.handle(None, at(tenth / 10)) == []  # not quiet: more is to come
    (leave,) = made.handle(None, at(1.95))
    assert isinstance(leave, events.Exit)
    assert (leave.lost_records, leave.counts["received"], leave.counts["waiting"]) == (lost, 6, waiting)
    assert leave.counts.get("perhapsStored") == ({KEY: 3} if lost else None)


@pytest.mark.parametrize(
    ("reason", "serial", "lost", "waiting"), [("spindown", 4, 2, 0), ("failure", 4, 0, 2), ("failure", None, 2, 0)]
)
def test_a_batch_that_was_not_read_any_more_is_counted_too(
    reason: str, serial: int | None, lost: int, waiting: int
) -> None:
    made = core()
    made.handle(events.Shutdown(reason, at(0.0).wall + 2.0), at(0.0))
    (leave,) = made.handle(None, at(1.95))
    assert isinstance(leave, events.Exit)
    leave.leaves(events.UnreadBatch(serial, 2, 50))
    assert (leave.lost_records, leave.counts["received"], leave.counts["lost"]) == (lost, 2, lost)
    assert leave.counts["waiting"] == waiting
