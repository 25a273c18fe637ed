"""What belongs to one environment, over several processes of it: journal, core and store together, all of them real."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from extension import events
from tests.edge.extension.shell.scene import (
    FOLDER,
    KEY,
    Scene,
    left,
    left_by_another,
    line,
    records,
    said,
    shipped,
    taken_up,
)
from tests.fakes import inside, s3
from tests.fakes.s3_scripted import ScriptedS3

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extension.shell.executor import Environment

ROOT = Path(__file__).parents[4]
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def store() -> Iterator[s3.Moto]:
    with s3.moto() as running:
        yield running


def upload(scene: Scene, made: Environment, *bodies: bytes) -> events.Upload:
    """The core's first upload once these bodies have come; the thresholds are the scene's."""
    moment = events.Moment(time.monotonic(), time.time())
    actions = made.shipper.handle(events.Invoke("r1", moment.wall + 30), moment)
    for body in bodies:
        scene.started.keeper.keep(body)
    for event in scene.inbox.take(0):
        actions += made.shipper.handle(event, moment)  # type: ignore[arg-type]  # the keeper's
    (found,) = [action for action in actions if isinstance(action, events.Upload)]
    return found


def answers(scene: Scene, patience: float = 10.0) -> list[object]:
    """What the store has answered, as soon as it has; nothing if it does not within so many seconds."""
    end = time.monotonic() + patience
    found: list[object] = []
    while not found and time.monotonic() < end:
        found = scene.inbox.take(end - time.monotonic())  # may end too soon: the keeper has put something there too
    return found


# what a process leaves, and what the next one does with it


def test_a_put_begins_only_when_its_seal_is_in_the_journal(tmp_path: Path, store: s3.Moto) -> None:
    scene = Scene(tmp_path, store.environ(), SHIP_RATE_BYTES="1")
    made = scene.environment()
    action = upload(scene, made, line("one"))
    with inside.slow_disk(made):
        thread = threading.Thread(target=made.carry_out, args=(action,))
        thread.start()
        assert answers(scene, 0.3) == []  # the store was not asked
    thread.join(10)
    (answer,) = answers(scene)
    assert isinstance(answer, events.Uploaded)
    (sealed,) = left(tmp_path).seals
    assert (sealed.seal.key, sealed.seal.first, sealed.seal.last) == (action.chunk.key, 1, 1)
    assert (sealed.seal.state.sequence, sealed.after.sequence, sealed.environment) == (
        0,
        1,
        inside.journal(made).environment,
    )
    assert shipped(store) == ["one"]


def test_a_key_that_replaces_a_taken_one_is_in_the_journal_at_once(tmp_path: Path, store: s3.Moto) -> None:
    scene = Scene(tmp_path, store.environ(), SHIP_RATE_BYTES="1")
    made = scene.environment()
    action = upload(scene, made, line("one"))
    store.client().put_object(Bucket=store.bucket, Key=action.chunk.key, Body=b"")
    made.carry_out(action)
    (answer,) = answers(scene)
    taken = action.chunk.key
    for following in made.shipper.handle(answer, events.Moment(time.monotonic(), time.time())):  # type: ignore[arg-type]
        if isinstance(following, events.Rekeyed):
            made.carry_out(following)
    (sealed,) = left(tmp_path).seals
    assert sealed.seal.key == action.chunk.key != taken
    assert records(store) == []


def test_a_body_leaves_the_journal_when_its_chunk_is_stored_and_not_before(tmp_path: Path, store: s3.Moto) -> None:
    scene = Scene(tmp_path, store.environ(), SHIP_RATE_BYTES="1")
    made = scene.environment()
    action = upload(scene, made, line("one"))
    made.carry_out(action)
    (answer,) = answers(scene)
    scene.started.keeper.keep(line("two"))
    before = left(tmp_path)
    assert ([one.seal.key for one in before.seals], before.unsealed) == ([action.chunk.key], [(2, 2)])
    for following in made.shipper.handle(answer, events.Moment(time.monotonic(), time.time())):  # type: ignore[arg-type]
        made.carry_out(following)
    after = left(tmp_path)
    assert (after.seals, after.unsealed) == ([], [(2, 2)])
    assert shipped(store) == ["one"]


def test_a_body_leaves_the_journal_when_its_chunk_is_given_up(tmp_path: Path, store: s3.Moto) -> None:
    scene = Scene(tmp_path, store.environ(), SHIP_RATE_BYTES="1")
    made = scene.environment()
    action = upload(scene, made, line("one"))
    scene.started.keeper.keep(line("two"))
    made.carry_out(events.Drop(action.chunk))
    assert left(tmp_path).unsealed == [(2, 2)]


def test_chunks_that_were_left_over_go_first_under_their_own_key_and_what_was_in_none_follows(
    tmp_path: Path, store: s3.Moto, capfd: pytest.CaptureFixture[str]
) -> None:
    left_by_another(tmp_path, line("one"), line("two"), line("three"), sealed=2)
    scene = Scene(tmp_path, store.environ())
    consumer = scene.consumer()
    scene.started.keeper.keep(line("new"))
    scene.shut_down()
    assert consumer.run() == 0
    body, _ = store.get(KEY)
    assert (body.count(b"\n"), b'"one"' in body, b'"two"' in body) == (2, True, True)
    (closing,) = said(capfd)
    assert (closing["received"], closing["shipped"], closing["lost"]) == (4, 4, 0)
    numbers = {one["record"]: one["sequence"] for one in records(store) if one["type"] == "function"}
    assert numbers == {"one": 1, "two": 2, "three": 3, "new": 4}


def test_a_new_process_goes_on_with_environment_and_sequence(tmp_path: Path, store: s3.Moto) -> None:
    for text in ("of the first", "of the second", "of the third"):
        scene = Scene(tmp_path, store.environ())
        consumer = scene.consumer()
        scene.started.keeper.keep(line(text))
        scene.shut_down()
        assert consumer.run() == 0
        inside.journal(inside.environment(consumer)).close()
    found = records(store)
    assert len({one["environment"] for one in found}) == 1
    assert sorted(int(str(one["sequence"])) for one in found) == list(range(1, len(found) + 1))


def test_a_record_that_cannot_be_read_any_more_is_missed_and_the_chunk_does_not_overwrite(
    tmp_path: Path, store: s3.Moto
) -> None:
    left_by_another(tmp_path, line("one"), line("two"), sealed=2, records=5)
    made = Scene(tmp_path, store.environ()).environment()
    assert taken_up(made) == []
    accounts = made.shipper.accounts
    assert (accounts.received, accounts.lost, made.shipper.waiting_records) == (5, 0, 5)  # until the store has answered
    assert inside.waiting(made.shipper)[0].careful


def test_a_torn_tail_is_counted_in_the_last_line(
    tmp_path: Path, store: s3.Moto, capfd: pytest.CaptureFixture[str]
) -> None:
    left_by_another(tmp_path, line("one"))
    with (tmp_path / FOLDER / "segment-00000001").open("ab") as segment:
        segment.write(b"\0\0\0\x99 and no more")
    scene = Scene(tmp_path, store.environ())
    consumer = scene.consumer()
    scene.shut_down()
    assert consumer.run() == 0
    assert said(capfd)[-1]["tornBytes"] == 16
    assert shipped(store) == ["one"]


# poison


def test_a_chunk_whose_replay_failed_twice_is_set_aside_and_its_records_are_counted_as_lost(
    tmp_path: Path, store: s3.Moto, capfd: pytest.CaptureFixture[str]
) -> None:
    left_by_another(tmp_path, line("poison"), line("poison"), line("healthy"), sealed=2, replays=2)
    made = Scene(tmp_path, store.environ()).environment()
    assert taken_up(made) == [line("healthy")]
    accounts = made.shipper.accounts
    assert (accounts.received, accounts.lost, made.shipper.waiting_records) == (2, 2, 0)
    (line_,) = said(capfd)
    assert (line_["level"], line_["records"], line_["key"]) == ("error", 2, KEY)
    assert len(list((tmp_path / FOLDER).glob("aside-*"))) == 1


def test_bodies_whose_replay_failed_twice_are_set_aside_and_counted_as_lost(
    tmp_path: Path, store: s3.Moto, capfd: pytest.CaptureFixture[str]
) -> None:
    left_by_another(tmp_path, line("poison"), line("poison"), replays=2)
    made = Scene(tmp_path, store.environ()).environment()
    assert taken_up(made) == []
    accounts = made.shipper.accounts
    assert (accounts.received, accounts.lost, made.shipper.waiting_records) == (2, 2, 0)
    (line_,) = said(capfd)
    assert (line_["level"], line_["bodies"], line_["records"]) == ("error", 2, 2)
    assert len(list((tmp_path / FOLDER).glob("aside-*"))) == 1


def test_a_chunk_that_cannot_be_made_again_is_left_to_the_next_process_and_the_rest_goes_on(
    tmp_path: Path, store: s3.Moto, capfd: pytest.CaptureFixture[str]
) -> None:
    left_by_another(tmp_path, line("odd"), line("healthy"), sealed=1)
    scene = Scene(tmp_path, store.environ())
    consumer = scene.consumer()
    inside.journal(inside.environment(consumer)).left.seals[0].seal.tail = 5  # type: ignore[assignment]  # no text at all
    scene.shut_down()
    assert consumer.run() == 0
    assert said(capfd)[0]["message"] == "a fault of the extension; it goes on"
    assert shipped(store) == ["healthy"]
    (sealed,) = left(tmp_path).seals
    assert (sealed.seal.key, sealed.replays) == (KEY, 1)


def test_a_chunk_whose_replay_failed_once_is_tried_again(tmp_path: Path, store: s3.Moto) -> None:
    left_by_another(tmp_path, line("odd"), sealed=1, replays=1)
    made = Scene(tmp_path, store.environ()).environment()
    assert taken_up(made) == []
    assert made.shipper.waiting_records == 1


def test_a_chunk_that_could_be_made_is_no_poison_however_often_it_was_not_stored(
    tmp_path: Path, store: s3.Moto
) -> None:
    left_by_another(tmp_path, line("healthy"), line("healthy too"), sealed=1)
    for _ in range(4):
        made = Scene(tmp_path, store.environ()).environment()
        assert taken_up(made) == [line("healthy too")]
        assert made.shipper.waiting_records == 1
        inside.journal(made).close()


DIES = """
import signal, sys, time
from pathlib import Path
from extension.events import LogsReceived, Moment
from tests.edge.extension.shell.scene import Scene
from tests.fakes.s3 import Moto
made = Scene(Path(sys.argv[1]), Moto("http://127.0.0.1:9", "a-bucket", "eu-west-1").environ()).environment()
signal.setitimer(signal.ITIMER_VIRTUAL, 0.06)  # of the processor's time: the end of this process
for event in made.left_over():
    if isinstance(event, LogsReceived):
        made.shipper.handle(event, Moment(time.monotonic(), time.time()))
    else:
        made.take_up(event)
signal.setitimer(signal.ITIMER_VIRTUAL, 0)
print(made.shipper.waiting_records, made.shipper.accounts.lost)
"""


@pytest.mark.parametrize(("sealed", "lost"), [(8, 120_000), (0, 120_000)], ids=["a chunk", "bodies in no chunk"])
def test_what_ends_the_process_twice_while_it_is_read_again_is_set_aside_by_the_third(
    tmp_path: Path, sealed: int, lost: int
) -> None:
    bodies = [b"[" + b",".join([line(str(number))[1:-1]] * 15_000) + b"]" for number in range(8)]
    left_by_another(tmp_path, *bodies, sealed=sealed, records=120_000)
    ends = []
    for _ in range(3):
        command = [sys.executable, "-c", DIES, str(tmp_path)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
        ends.append((done.returncode, done.stdout.strip()))
    assert ends == [(-signal.SIGVTALRM, ""), (-signal.SIGVTALRM, ""), (0, f"0 {lost}")]
    assert len(list((tmp_path / FOLDER).glob("aside-*"))) == 1


# room


def test_a_byte_threshold_over_a_third_of_the_journal_is_lowered_and_that_is_said(
    tmp_path: Path, store: s3.Moto, capfd: pytest.CaptureFixture[str]
) -> None:
    made = Scene(tmp_path, store.environ(), SHIP_RATE_BYTES=str(50 * MIB), JOURNAL_BYTES=str(3 * MIB)).environment()
    assert inside.byte_threshold(made.shipper) == MIB
    (line_,) = said(capfd)
    assert f"SHIP_RATE_BYTES is {50 * MIB}" in str(line_["message"])
    assert str(line_["message"]).endswith(f"{MIB} is used")


def test_a_byte_threshold_of_a_third_of_the_journal_is_left_alone(
    tmp_path: Path, store: s3.Moto, capfd: pytest.CaptureFixture[str]
) -> None:
    made = Scene(tmp_path, store.environ(), SHIP_RATE_BYTES=str(MIB), JOURNAL_BYTES=str(3 * MIB)).environment()
    assert said(capfd) == []
    assert inside.byte_threshold(made.shipper) == MIB


# twice


def test_a_body_that_comes_again_after_a_restart_is_shipped_once_and_counted(
    tmp_path: Path, store: s3.Moto, capfd: pytest.CaptureFixture[str]
) -> None:
    left_by_another(tmp_path, line("its 200 was cut"))
    scene = Scene(tmp_path, store.environ())
    consumer = scene.consumer()
    scene.started.keeper.keep(line("its 200 was cut"))
    scene.shut_down()
    assert consumer.run() == 0
    assert shipped(store) == ["its 200 was cut"]
    assert said(capfd)[-1]["duplicateBodies"] == 1


def test_two_equal_lines_in_one_millisecond_are_two_lines(tmp_path: Path, store: s3.Moto) -> None:
    scene = Scene(tmp_path, store.environ())
    consumer = scene.consumer()
    one = line("equal")[1:-1]
    for body in (b"[" + one + b"," + one + b"]", b"[" + one + b"]", b"[" + one + b"] "):
        scene.started.keeper.keep(body)
    scene.shut_down()
    assert consumer.run() == 0
    assert shipped(store) == ["equal"] * 4


@pytest.mark.parametrize(("told", "asked"), [("on", "*"), ("off", None)])
def test_the_setting_decides_whether_the_store_is_asked_not_to_overwrite(
    tmp_path: Path, told: str, asked: str | None
) -> None:
    with ScriptedS3() as store:
        scene = Scene(tmp_path, store.environ(), CONDITIONAL_WRITE=told)
        consumer = scene.consumer()
        scene.started.keeper.keep(line("one"))
        scene.shut_down()
        assert consumer.run() == 0
        (request,) = store.requests
    assert request.headers.get("if-none-match") == asked


def test_the_chance_in_a_wait_is_drawn_by_the_system_from_0_to_1(tmp_path: Path) -> None:
    with ScriptedS3() as store:
        core = Scene(tmp_path, store.environ()).environment().shipper
    draws = [inside.chance(core) for _ in range(1000)]
    assert len(set(draws)) > 990
    assert 0.0 <= min(draws) < 0.1
    assert 0.9 < max(draws) < 1.0
