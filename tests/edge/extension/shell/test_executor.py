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
    invoke,
    left,
    left_by_another,
    line,
    records,
    recovered,
    said,
    shipped,
)
from tests.fakes import s3
from tests.fakes.network import inside
from tests.fakes.s3_scripted import ScriptedS3

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extension.shell.executor import Executor

ROOT = Path(__file__).parents[4]
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def store() -> Iterator[s3.Moto]:
    with s3.moto() as running:
        yield running


def upload(scene: Scene, made: Executor, *bodies: bytes) -> events.Upload:
    """The core's first upload once these bodies have come; the thresholds are the scene's."""
    moment = events.Moment(time.monotonic(), time.time())
    actions = made.shipper.handle(events.Invoke("r1", moment.wall + 30), moment)
    for body in bodies:
        scene.receive(body)
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


@pytest.mark.holds("journal: a seal (key, range, request id, sequence, state) is written before the first attempt")
def test_a_put_begins_only_when_its_seal_is_in_the_journal(tmp_path: Path, store: s3.Moto) -> None:
    scene = Scene(tmp_path, store.environ(), SHIP_RATE_BYTES="1")
    made = scene.executor()
    action = upload(scene, made, line("one"))
    with inside.slow_disk(made.journal):
        thread = threading.Thread(target=made.carry_out, args=(action,))
        thread.start()
        assert answers(scene, 0.3) == []  # the store was not asked
    thread.join(10)
    (answer,) = answers(scene)
    assert isinstance(answer, events.Uploaded)
    (sealed,) = left(tmp_path).seals
    assert (sealed.key, sealed.first, sealed.last) == (action.chunk.key, 1, 1)
    assert (sealed.before.sequence, sealed.after.sequence, sealed.environment) == (0, 1, made.journal.environment)
    assert shipped(store) == ["one"]


@pytest.mark.holds("journal: a key that replaces a taken one is written to the journal at once")
def test_a_key_that_replaces_a_taken_one_is_in_the_journal_at_once(tmp_path: Path, store: s3.Moto) -> None:
    scene = Scene(tmp_path, store.environ(), SHIP_RATE_BYTES="1")
    made = scene.executor()
    action = upload(scene, made, line("one"))
    store.client().put_object(Bucket=store.bucket, Key=action.chunk.key, Body=b"")
    made.carry_out(action)
    (answer,) = answers(scene)
    for following in made.shipper.handle(answer, events.Moment(time.monotonic(), time.time())):  # type: ignore[arg-type]
        if isinstance(following, events.KeyChanged):
            made.carry_out(following)
            used = following.chunk.key
    (sealed,) = left(tmp_path).seals
    assert sealed.key == used != action.chunk.key
    assert records(store) == []


@pytest.mark.holds(
    "journal: a body is journalled and queued before the 200; the answer waits up to 5 s for the journal"
)
@pytest.mark.holds("journal: a body leaves the journal when its chunk is stored or given up, not before")
def test_a_body_leaves_the_journal_when_its_chunk_is_stored_and_not_before(tmp_path: Path, store: s3.Moto) -> None:
    scene = Scene(tmp_path, store.environ(), SHIP_RATE_BYTES="1")
    made = scene.executor()
    action = upload(scene, made, line("one"))
    made.carry_out(action)
    (answer,) = answers(scene)
    scene.receive(line("two"))
    before = left(tmp_path)
    assert ([one.key for one in before.seals], before.unsealed) == ([action.chunk.key], [(2, 2)])
    for following in made.shipper.handle(answer, events.Moment(time.monotonic(), time.time())):  # type: ignore[arg-type]
        made.carry_out(following)
    after = left(tmp_path)
    assert (after.seals, after.unsealed) == ([], [(2, 2)])
    assert shipped(store) == ["one"]


@pytest.mark.holds("journal: a body leaves the journal when its chunk is stored or given up, not before")
def test_a_body_leaves_the_journal_when_its_chunk_is_given_up(tmp_path: Path, store: s3.Moto) -> None:
    scene = Scene(tmp_path, store.environ(), SHIP_RATE_BYTES="1")
    made = scene.executor()
    action = upload(scene, made, line("one"))
    scene.receive(line("two"))
    made.carry_out(events.Discard(action.chunk.seal))
    assert left(tmp_path).unsealed == [(2, 2)]


@pytest.mark.holds(
    "journal: what an earlier process left is shipped first: the chunks, then the bodies that were in none"
)
def test_chunks_that_were_left_over_go_first_under_their_own_key_and_what_was_in_none_follows(
    tmp_path: Path, store: s3.Moto, capfd: pytest.CaptureFixture[str]
) -> None:
    left_by_another(tmp_path, line("one"), line("two"), line("three"), sealed=2)
    scene = Scene(tmp_path, store.environ())
    consumer = scene.consumer()
    scene.receive(line("new"))
    scene.shut_down()
    assert consumer.run() == 0
    body, _ = store.get(KEY)
    assert (body.count(b"\n"), b'"one"' in body, b'"two"' in body) == (2, True, True)
    (closing,) = said(capfd)
    assert (closing["received"], closing["shipped"], closing["lost"]) == (4, 4, 0)
    numbers = {one["record"]: one["sequence"] for one in records(store) if one["type"] == "function"}
    assert numbers == {"one": 1, "two": 2, "three": 3, "new": 4}


@pytest.mark.parametrize("client", ["light", "boto3"])
def test_a_chunk_of_an_earlier_process_keeps_its_key_and_is_tagged_and_encrypted_as_this_one_is_told(
    tmp_path: Path, store: s3.Moto, client: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither is a part of key or bytes, so the seal holds neither."""
    left_by_another(tmp_path, line("one"), sealed=1)
    prefix = "{account}/{year}/"  # that of other chunks
    scene = Scene(tmp_path, store.environ(), TAGS="team=payments", SSE="AES256", S3_PREFIX=prefix, S3_CLIENT=client)
    for name, value in scene.environ.items():
        monkeypatch.setenv(name, value)  # boto3 reads the process's own
    consumer = scene.consumer()
    scene.shut_down(10)
    assert consumer.run() == 0
    client_of_ours = store.client()
    (key,) = store.keys()
    assert key == KEY
    assert store.get(key)[1]["ServerSideEncryption"] == "AES256"
    assert client_of_ours.get_object_tagging(Bucket=store.bucket, Key=key)["TagSet"] == [
        {"Key": "team", "Value": "payments"}
    ]
    assert shipped(store) == ["one"]


@pytest.mark.parametrize(
    ("registered", "invoked", "begin"),
    [
        ("111122223333", False, "eu-west-1/111122223333/v7/2"),
        ("", True, "eu-west-1/999900001111/v7/2"),
        ("", False, "eu-west-1/unknown/v7/2"),
    ],
)
def test_the_account_of_a_key_is_what_registering_told_else_that_of_the_first_invoke(
    tmp_path: Path, store: s3.Moto, registered: str, begin: str, *, invoked: bool
) -> None:
    scene = Scene(tmp_path, store.environ(), S3_PREFIX="{region}/{account}/v{version}/{year}/")
    scene.environ["AWS_LAMBDA_FUNCTION_VERSION"] = "7"
    scene.started.calls.account = registered
    consumer = scene.consumer()
    if invoked:
        consumer.pending = [invoke("r1", "arn:aws:lambda:eu-west-1:999900001111:function:f")]
        consumer.consume_pending()
    scene.receive(line("one"))
    scene.shut_down(10)
    assert consumer.run() == 0
    keys = store.keys()
    assert [key[: len(begin)] for key in keys] == [begin] * len(keys)
    assert shipped(store) == ["one"]


@pytest.mark.holds("journal: a new process continues environment id and sequence numbers")
def test_a_new_process_goes_on_with_environment_and_sequence(tmp_path: Path, store: s3.Moto) -> None:
    for text in ("of the first", "of the second", "of the third"):
        scene = Scene(tmp_path, store.environ())
        consumer = scene.consumer()
        scene.receive(line(text))
        scene.shut_down()
        assert consumer.run() == 0
        consumer.executor.journal.close()
    found = records(store)
    assert len({one["environment"] for one in found}) == 1
    assert sorted(int(str(one["sequence"])) for one in found) == list(range(1, len(found) + 1))


@pytest.mark.holds(
    "journal: a chunk made again with records missing never overwrites; they are lost unless it was stored whole before"
)
def test_a_record_that_cannot_be_read_any_more_is_missed_and_the_chunk_does_not_overwrite(
    tmp_path: Path, store: s3.Moto
) -> None:
    left_by_another(tmp_path, line("one"), line("two"), sealed=2, records=5)
    made = Scene(tmp_path, store.environ()).executor()
    assert recovered(made) == []
    counters = made.shipper.counters
    assert (counters.received, counters.lost, made.shipper.waiting_records) == (5, 0, 5)  # until the store has answered
    assert made.shipper.waiting[0].must_not_overwrite


@pytest.mark.holds("journal: a torn tail is cut at the last whole batch and counted")
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


@pytest.mark.holds("journal: poison is moved to quarantine after two failed replays, and counted as lost")
def test_a_chunk_whose_replay_failed_twice_is_set_aside_and_its_records_are_counted_as_lost(
    tmp_path: Path, store: s3.Moto, capfd: pytest.CaptureFixture[str]
) -> None:
    left_by_another(tmp_path, line("poison"), line("poison"), line("healthy"), sealed=2, replays=2)
    made = Scene(tmp_path, store.environ()).executor()
    assert recovered(made) == [line("healthy")]
    counters = made.shipper.counters
    assert (counters.received, counters.lost, made.shipper.waiting_records) == (2, 2, 0)
    (line_,) = said(capfd)
    assert (line_["level"], line_["records"], line_["key"]) == ("error", 2, KEY)
    assert len(list((tmp_path / FOLDER).glob("aside-*"))) == 1


@pytest.mark.holds("journal: poison is moved to quarantine after two failed replays, and counted as lost")
def test_bodies_whose_replay_failed_twice_are_set_aside_and_counted_as_lost(
    tmp_path: Path, store: s3.Moto, capfd: pytest.CaptureFixture[str]
) -> None:
    left_by_another(tmp_path, line("poison"), line("poison"), replays=2)
    made = Scene(tmp_path, store.environ()).executor()
    assert recovered(made) == []
    counters = made.shipper.counters
    assert (counters.received, counters.lost, made.shipper.waiting_records) == (2, 2, 0)
    (line_,) = said(capfd)
    assert (line_["level"], line_["bodies"], line_["records"]) == ("error", 2, 2)
    assert len(list((tmp_path / FOLDER).glob("aside-*"))) == 1


def test_a_chunk_that_cannot_be_made_again_is_left_to_the_next_process_and_the_rest_goes_on(
    tmp_path: Path, store: s3.Moto, capfd: pytest.CaptureFixture[str]
) -> None:
    left_by_another(tmp_path, line("odd"), line("healthy"), sealed=1)
    scene = Scene(tmp_path, store.environ())
    consumer = scene.consumer()
    consumer.executor.journal.left.seals[0].report_line = 5  # type: ignore[assignment]  # no text at all
    scene.shut_down()
    assert consumer.run() == 0
    assert said(capfd)[0]["message"] == "internal error: shipping continues"
    assert shipped(store) == ["healthy"]
    found = left(tmp_path)
    assert ([one.key for one in found.seals], found.replays) == ([KEY], {1: 1})


@pytest.mark.holds("journal: poison is moved to quarantine after two failed replays, and counted as lost")
def test_a_chunk_whose_replay_failed_once_is_tried_again(tmp_path: Path, store: s3.Moto) -> None:
    left_by_another(tmp_path, line("odd"), sealed=1, replays=1)
    made = Scene(tmp_path, store.environ()).executor()
    assert recovered(made) == []
    assert made.shipper.waiting_records == 1


@pytest.mark.holds("journal: a chunk that could be made again is not poison, whatever its upload results in")
def test_a_chunk_that_could_be_made_is_no_poison_however_often_it_was_not_stored(
    tmp_path: Path, store: s3.Moto
) -> None:
    left_by_another(tmp_path, line("healthy"), line("healthy too"), sealed=1)
    for _ in range(4):
        made = Scene(tmp_path, store.environ()).executor()
        assert recovered(made) == [line("healthy too")]
        assert made.shipper.waiting_records == 1
        made.journal.close()


DIES = """
import signal, sys, time
from pathlib import Path
from extension.events import LogsReceived, Moment
from tests.edge.extension.shell.scene import Scene
from tests.fakes.s3 import Moto
made = Scene(Path(sys.argv[1]), Moto("http://127.0.0.1:9", "a-bucket", "eu-west-1").environ()).executor()
signal.setitimer(signal.ITIMER_VIRTUAL, 0.06)  # of the processor's time: the end of this process
while not made.replay.is_over:
    event = made.replay.step()
    if isinstance(event, LogsReceived):
        made.shipper.handle(event, Moment(time.monotonic(), time.time()))
    elif event:
        for action in made.shipper.recover(event):
            made.carry_out(action)
signal.setitimer(signal.ITIMER_VIRTUAL, 0)
print(made.shipper.waiting_records, made.shipper.counters.lost)
"""


@pytest.mark.holds("journal: poison is moved to quarantine after two failed replays, and counted as lost")
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


@pytest.mark.holds("journal: the size limit is as set, else 64 MiB or an eighth of the free space")
@pytest.mark.holds("journal: a byte threshold over a third of the journal is lowered and reported")
def test_a_byte_threshold_over_a_third_of_the_journal_is_lowered_and_that_is_said(
    tmp_path: Path, store: s3.Moto, capfd: pytest.CaptureFixture[str]
) -> None:
    made = Scene(tmp_path, store.environ(), SHIP_RATE_BYTES=str(50 * MIB), JOURNAL_BYTES=str(3 * MIB)).executor()
    assert made.shipper.open_chunk.thresholds.size == MIB
    (line_,) = said(capfd)
    assert f"SHIP_RATE_BYTES is {50 * MIB}" in str(line_["message"])
    assert str(line_["message"]).endswith(f"{MIB} is used")


@pytest.mark.parametrize(("values", "by_user"), [({}, False), ({"SHIP_RATE_BYTES": "1000000"}, True)])
def test_in_mode_adaptive_the_setting_is_named_only_where_it_is_set(
    tmp_path: Path, store: s3.Moto, capfd: pytest.CaptureFixture[str], values: dict[str, str], *, by_user: bool
) -> None:
    scene = Scene(tmp_path, store.environ(), "on-demand", MODE="adaptive", JOURNAL_BYTES=str(2 * MIB), **values)  # type: ignore[arg-type]
    assert scene.executor().shipper.open_chunk.thresholds.size == 2 * MIB // 3
    (line_,) = said(capfd)
    assert ("SHIP_RATE_BYTES" in str(line_["message"])) == by_user


@pytest.mark.holds("journal: a byte threshold over a third of the journal is lowered and reported")
def test_a_byte_threshold_of_a_third_of_the_journal_is_left_alone(
    tmp_path: Path, store: s3.Moto, capfd: pytest.CaptureFixture[str]
) -> None:
    made = Scene(tmp_path, store.environ(), SHIP_RATE_BYTES=str(MIB), JOURNAL_BYTES=str(3 * MIB)).executor()
    assert said(capfd) == []
    assert made.shipper.open_chunk.thresholds.size == MIB


# twice


@pytest.mark.holds("twice: a body equal to one of the last 64, byte for byte, is answered and counted, but not queued")
@pytest.mark.holds("twice: bodies in the journal are recognized after a restart too")
def test_a_body_that_comes_again_after_a_restart_is_shipped_once_and_counted(
    tmp_path: Path, store: s3.Moto, capfd: pytest.CaptureFixture[str]
) -> None:
    left_by_another(tmp_path, line("its 200 was cut"))
    scene = Scene(tmp_path, store.environ())
    consumer = scene.consumer()
    scene.receive(line("its 200 was cut"))
    scene.shut_down()
    assert consumer.run() == 0
    assert shipped(store) == ["its 200 was cut"]
    assert said(capfd)[-1]["duplicateBodies"] == 1


@pytest.mark.holds("twice: only whole bodies are deduplicated: equal lines stay")
def test_two_equal_lines_in_one_millisecond_are_two_lines(tmp_path: Path, store: s3.Moto) -> None:
    scene = Scene(tmp_path, store.environ())
    consumer = scene.consumer()
    one = line("equal")[1:-1]
    for body in (b"[" + one + b"," + one + b"]", b"[" + one + b"]", b"[" + one + b"] "):
        scene.receive(body)
    scene.shut_down()
    assert consumer.run() == 0
    assert shipped(store) == ["equal"] * 4


@pytest.mark.holds("circuit: the store is asked not to overwrite, unless the setting is off")
@pytest.mark.parametrize(("told", "asked"), [("on", "*"), ("off", None)])
def test_the_setting_decides_whether_the_store_is_asked_not_to_overwrite(
    tmp_path: Path, told: str, asked: str | None
) -> None:
    with ScriptedS3() as store:
        scene = Scene(tmp_path, store.environ(), CONDITIONAL_WRITE=told)
        consumer = scene.consumer()
        scene.receive(line("one"))
        scene.shut_down()
        assert consumer.run() == 0
        (request,) = store.requests
    assert request.headers.get("if-none-match") == asked


@pytest.mark.parametrize(("told", "asked"), [("", None), ("111122223333", "111122223333"), ("1111-2222-3333", None)])
def test_the_owner_that_the_bucket_must_have_is_asked_for(tmp_path: Path, told: str, asked: str | None) -> None:
    with ScriptedS3() as store:
        scene = Scene(tmp_path, store.environ(), S3_BUCKET_OWNER=told)
        consumer = scene.consumer()
        scene.receive(line("one"))
        scene.shut_down()
        assert consumer.run() == 0
        (request,) = store.requests
    assert request.headers.get("x-amz-expected-bucket-owner") == asked


@pytest.mark.holds("circuit: a retry backs off with full jitter")
def test_the_chance_in_a_wait_is_drawn_by_the_system_from_0_to_1(tmp_path: Path) -> None:
    with ScriptedS3() as store:
        circuit = Scene(tmp_path, store.environ()).executor().shipper.circuit
    draws = [inside.chance(circuit) for _ in range(1000)]
    assert len(set(draws)) > 990
    assert 0.0 <= min(draws) < 0.1
    assert 0.9 < max(draws) < 1.0
