"""Mode `adaptive` in an environment: what is held, what is shipped beside a handler, and when. See story.py."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from extension.core.batcher import BESIDE, GAP
from extension.errors import StoreError
from tests.unit.extension.build import platform
from tests.unit.extension.core.story import Story, warm

DELAY = 60.0


def begun(**values: object) -> Story:
    """The first invocation is over and shipped, at 10 s."""
    return warm(MODE="adaptive", **values)


def run(story: Story, request: str, when: float, duration: float = 0.1) -> Story:
    """One invocation that logs a line; whoever is held for it is stored at once."""
    story.invoke(request, when).logs(when + 0.03).done(request, when + duration)
    story.until(when + duration + 0.03)
    return story.stored(when + duration + 0.03) if story.core.in_flight else story


def reasons(story: Story) -> list[str]:
    return [line.split()[-1].partition("(")[0] for line in story.told if " upload " in line]


def test_the_first_invocation_is_held_and_shipped_at_its_end() -> None:
    story = Story(MODE="adaptive").invoke("r1", 0).logs(1).done("r1", 3).stored(3.1)
    assert story.told == ["3.025 upload 1 first(2)", "3.1 release r1"]


def test_rare_traffic_is_shipped_before_each_invocation_ends() -> None:
    story = begun()
    for number in range(1, 6):
        story.invoke(f"r{number}", 100 * number).done(f"r{number}", 100 * number + 1).stored(100 * number + 1.1)
    assert story.told == [
        line
        for number in range(1, 6)
        for line in (
            f"{100 * number + 1.025:g} upload {number + 1} gap(1)",
            f"{100 * number + 1.1:g} release r{number}",
        )
    ]


def test_a_deadline_beyond_lambda_s_longest_timeout_holds_nobody_longer_than_that() -> None:
    story = begun().invoke("r1", 100, timeout=9000 * 3600.0).logs(100.1).until(10_000)
    assert story.told[-1] == "999.75 release r1"


def test_the_report_that_follows_a_hold_has_no_age_and_goes_with_the_next_object() -> None:
    story = begun().invoke("r1", 100).done("r1", 101).stored(101.1).forget()
    story.post(101.2, platform("report", "r1")).until(10_000)
    assert story.told == []
    story.invoke("r2", 10_000).until(10_000.5)
    assert story.told == []
    assert story.done("r2", 10_001).stored(10_001.1).told[0] == "10001 upload 3 gap(2)"


def test_steady_traffic_is_let_go_and_shipped_before_max_delay() -> None:
    story = begun()
    for number in range(2000):
        run(story, f"i{number}", 20 + number, 0.2)
    shipped = [float(line.split()[0]) for line in story.told if " upload " in line]
    assert max(later - earlier for earlier, later in pairwise(shipped)) <= DELAY
    assert len(shipped) < 200
    assert set(reasons(story)) <= {GAP, BESIDE, "age"}
    assert sum(" release " in line for line in story.told) == 2000


def test_the_age_is_that_of_the_invoke_and_not_of_the_arrival() -> None:
    """Behind a short handler everything arrives at the next INVOKE: an age by arrival would see nothing wait."""
    story = begun()
    for number in range(400):
        story.invoke(f"i{number}", 20 + number)
        story.logs(20.025 + number).done(f"i{number}", 20.025 + number).until(20.06 + number)
        if story.core.in_flight:
            story.stored(20.06 + number)
    assert reasons(story)[-1] != "bytes"
    last = max(number for number, line in enumerate(story.told) if " upload " in line)
    assert len(story.told) - last < 2 * DELAY


def test_an_invocation_of_five_minutes_is_shipped_all_along_and_at_its_end() -> None:
    story = Story(MODE="adaptive").invoke("r1", 0, timeout=900).logs(1)
    for minute in range(1, 6):
        story.logs(60 * minute - 0.5).until(60 * minute + 0.2)
        story.stored(60 * minute + 0.2) if story.core.in_flight else None
    assert reasons(story)[:2] == ["age", "age"]
    assert not any("release" in line for line in story.told)
    story.forget().done("r1", 330).until(330.03).stored(330.1)
    assert reasons(story) == ["first"]
    assert story.told[-1] == "330.1 release r1"


def test_where_the_end_never_comes_later_waits_end_after_ten_seconds_until_it_comes_again() -> None:
    story = Story(MODE="adaptive").invoke("r1", 0, timeout=30).logs(1).until(29.8).stored(29.9)
    assert story.told == ["29.75 upload 1 first(1)", "29.75 release r1"]
    story.forget().invoke("r2", 50, timeout=30).logs(51).until(65).stored(65)
    assert story.told == ["60 upload 2 gap(1)", "60 release r2"]
    story.done("r2", 66).forget().invoke("r3", 100, timeout=30).logs(101).until(118)
    assert story.told == []
    assert story.done("r3", 118).stored(118.1).told[-1] == "118.1 release r3"


@pytest.mark.parametrize(
    "body",
    [
        b'[{"time":"t","type":"platform.runtimeDone","record":{"requestId":"r1",,}}]',
        b'[{"time":"t","type":"platform.runtimeDone","record":{"requestId":"r}]',
        b'[{"time":"t","type":"platform.runti',
        b"not JSON at all",
    ],
)
def test_a_hold_whose_end_may_be_in_what_cannot_be_read_ends(body: bytes) -> None:
    story = begun().invoke("r1", 100, timeout=900).logs(101).body(102, body).until(102.05)
    assert story.told == ["102.025 upload 2 gap(2)"]
    assert story.stored(102.1).told[-1] == "102.1 release r1"


def test_a_cut_record_whose_rest_comes_ends_no_hold() -> None:
    story = begun().invoke("r1", 100, timeout=900).body(101, b'[{"time":"t","type":"function","record":{"m":"he}]')
    story.body(101.5, b'[{"time":"t","type":"function","record":llo"}}]').until(150).done("r1", 150).until(150.1)
    assert story.told == ["150.025 upload 2 gap(2)"]


def test_silence_ends_a_hold_after_max_hold() -> None:
    story = Story(MODE="adaptive").invoke("r1", 0, timeout=900, telemetry=False).until(100)
    assert story.told == ["0.5 release r1"]
    assert story.forget().invoke("r2", 200, timeout=900, telemetry=False).until(300).told == ["200 release r2"]


def test_with_nothing_to_ship_a_hold_ends_without_a_put_and_nothing_waits() -> None:
    story = Story(MODE="adaptive", LOG_TYPES='["function"]')
    for number in range(3):
        story.invoke(f"r{number}", 100 * number).done(f"r{number}", 100 * number + 1).until(100 * number + 90)
    assert story.told == [f"{100 * number + 1.025:g} release r{number}" for number in range(3)]


def test_while_the_circuit_is_open_nobody_is_held() -> None:
    story = begun()
    for number in range(1, 4):
        story.invoke(f"r{number}", 100 * number).done(f"r{number}", 100 * number + 1).until(100 * number + 1.1)
        story.failed(100 * number + 1.2, StoreError.TRANSPORT).until(100 * number + 2)
    assert story.core.circuit.is_open
    story.forget()
    for number in range(4, 9):
        story.invoke(f"r{number}", 100 * number)
        assert story.told[-1] == f"{100 * number} release r{number}"
        story.done(f"r{number}", 100 * number + 1).until(100 * number + 2)


@pytest.mark.parametrize(
    ("values", "reason"), [({"SHIP_RATE_BYTES": 300}, "bytes"), ({"SHIP_RATE_MILLISECONDS": 900}, "age")]
)
def test_a_threshold_that_is_set_stays_an_upper_bound(values: dict[str, int], reason: str) -> None:
    story = begun(**values)
    for number in range(600):
        run(story, f"i{number}", 20 + number / 10, 0.05)
    assert reason in reasons(story)


def test_one_invocation_for_each_object_stays_that() -> None:
    story = begun(SHIP_RATE_INVOKES=1)
    for number in range(20):
        run(story, f"i{number}", 20 + number, 0.2)
    assert len(reasons(story)) == 20


def test_what_waits_is_shipped_beside_a_handler_one_buffering_period_after_its_invoke() -> None:
    story = begun()
    for number in range(3000):
        run(story, f"i{number}", 20 + number, 0.01)
        if reasons(story)[-1:] == [BESIDE]:
            break
        story.forget()
    assert story.told[-2].startswith(f"{20 + number + 0.025:.6g} upload")
    assert story.told[-1].endswith(f"release i{number}")
    assert story.core.waiting_records > 0  # of this invocation


def test_on_managed_instances_age_counts_from_the_arrival_and_a_mebibyte_is_shipped_at_once() -> None:
    story = Story(managed=True, MODE="adaptive").logs(5).until(63.9)
    assert story.told == []
    assert story.until(64.1).stored(64.2).told == ["64 upload 1 age(1)"]
    assert story.forget().logs(70, "x" * 1_048_576).told == ["70 upload 2 bytes(1)"]


@pytest.mark.parametrize("seed", range(20))
def test_on_managed_instances_no_record_is_older_than_max_delay_when_it_is_stored(seed: int) -> None:
    """Arrivals at random, from none for a minute to many a second.

    A PUT takes 0.45 s at most: an object that is due may have to wait for one before its own.
    """
    source, now, starts, ends = random.Random(seed), 0.0, 0, dict[int, float]()
    story = Story(managed=True, MODE="adaptive", MAX_DELAY_MILLISECONDS=20_000)
    for number in range(300):
        now += source.choice([0.01, 0.5, 5.0, 60.0]) * source.random()
        answered(story, now, source, ends)
        if source.random() < 0.5:
            starts += 1
            story.post(now, platform("start", f"r{number}"))
        else:
            story.logs(now, "x" * source.choice([10, 10_000, 300_000]))
    answered(story, now + 30, source, ends)
    counts = story.core.counters.as_dict(0)
    assert (counts["waiting"], story.core.waiting_records) == (0, 0)
    assert (counts["invocations"], counts["lateInvocations"]) == (starts, 0)
    assert 18_000 < int(str(counts["greatestAgeMs"])) <= 20_000
    assert counts["objects"] == len(story.chunks)


def answered(story: Story, until: float, source: random.Random, ends: dict[int, float]) -> None:
    """Time passes; each PUT that begins is stored some time later. `ends`: attempt -> when it is."""
    while True:
        wake_at, now = story.core.wake_at(), story.now().mono - 1000
        moments = [until] if wake_at is None else [until, max(wake_at - 1000, now)]
        if story.core.in_flight:
            moments.append(ends.setdefault(story.core.in_flight, now + source.uniform(0.01, 0.45)))
        first = min(moments)
        story.until(first)
        if story.core.in_flight and first == moments[-1]:
            story.stored(first)
        elif first == until:
            return


def test_on_managed_instances_a_slow_store_is_counted_as_late() -> None:
    story = Story(managed=True, MODE="adaptive").post(5, platform("start", "r1")).logs(50).until(64.5).stored(70)
    assert promise(story) == (1, 1, 1, 65_000)
    story.logs(100).until(160).stored(161)
    assert promise(story) == (2, 1, 1, 65_000)


def test_a_restored_environment_has_learned_nothing() -> None:
    story = Story(MODE="adaptive", restored=lambda: None).logs(0).invoke("r1", 1000).logs(1001).done("r1", 1002)
    assert story.stored(1002.01).until(1002.1).stored(1002.2).told[-1] == "1002.2 release r1"


def promise(story: Story) -> tuple[object, ...]:
    """Objects, invocations, late ones and the greatest age in ms, as the closing line says."""
    counts = story.core.counters.as_dict(0)
    return tuple(counts[name] for name in ("objects", "invocations", "lateInvocations", "greatestAgeMs"))


def test_the_report_and_the_closing_line_say_how_the_promise_was_kept() -> None:
    story = Story(MODE="adaptive").invoke("r1", 0).logs(1).done("r1", 3).stored(3.1)
    assert promise(story) == (1, 1, 0, 3100)
    story.invoke("r2", 10, timeout=900).logs(10.1)
    assert promise(story) == (1, 2, 0, 3100)
    story.until(69).stored(71)  # the store took long: what r2 has logged is late, r2 itself goes on
    assert promise(story) == (2, 2, 0, 61_000)
    story.logs(100).done("r2", 101).until(101.1).stored(130)
    assert promise(story) == (3, 2, 1, 61_000)
    story.shutdown(200).until(203)
    assert {
        "objects": 3,
        "invocations": 2,
        "lateInvocations": 1,
        "greatestAgeMs": 61_000,
    }.items() <= story.figures.items()


def test_so_does_the_report_in_an_object() -> None:
    story = begun().invoke("r1", 100).done("r1", 101).stored(101.1).forget()
    story.post(101.2, platform("report", "r1")).shutdown(300).until(300.2)
    body = next(reversed(story.chunks.values())).chunk.body
    assert isinstance(body, bytes)
    assert b'"objects":2,"invocations":2,"lateInvocations":0,"greatestAgeMs":1100' in body


def test_in_mode_thresholds_neither_has_these_figures() -> None:
    story = warm().shutdown(20).until(23)
    assert "objects" not in story.figures


def test_shutdown_ships_what_waits() -> None:
    story = begun()
    for number in range(600):
        run(story, f"i{number}", 20 + number, 0.2)
    story.forget().shutdown(700).until(700.2).stored(700.3).until(703)
    assert story.told[-1] == "700.3 exit lost 0"
