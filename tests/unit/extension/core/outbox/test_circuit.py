"""A store that does not take anything: when it is tried again, and that no invocation pays for it."""

from __future__ import annotations

from itertools import combinations_with_replacement, pairwise

import pytest

from extension import events
from extension.core.outbox.circuit import Circuit
from extension.errors import StoreError
from tests.unit.extension.build import at
from tests.unit.extension.core.story import Story, warm

LONG = "x" * 200
KINDS = (
    StoreError.CONFIGURATION,
    StoreError.CREDENTIALS,
    StoreError.THROTTLED,
    StoreError.SERVER,
    StoreError.TRANSPORT,
)


def broken(**values: object) -> Story:
    """In the middle of an invocation of 15 minutes, from 10 s on; the circuit has opened at 11.9 s; a chunk waits."""
    story = warm(SHIP_RATE_BYTES=200, **values).invoke("r1", 10, timeout=900).logs(11, LONG)
    return story.failed(11.1).failed(11.4).failed(11.9).forget()


SAID = {  # what is wrong, as what it is
    StoreError.CONFIGURATION: "store refuses what is sent",
    StoreError.CREDENTIALS: "credentials missing or expired",
    StoreError.THROTTLED: "store throttles",
    StoreError.SERVER: "store reports errors of its own",
    StoreError.TRANSPORT: "store unreachable",
}


def uploads(story: Story) -> list[float]:
    """When attempts have started."""
    return [float(line.partition(" ")[0]) for line in story.told if "upload" in line]


@pytest.mark.holds("circuit: three failures in a row of any kind open the circuit")
@pytest.mark.parametrize("kinds", list(combinations_with_replacement(KINDS, 3)))
def test_three_failures_in_a_row_of_any_kind_open_the_circuit(kinds: tuple[str, str, str]) -> None:
    story = warm(SHIP_RATE_BYTES=200).invoke("r1", 10).logs(11, LONG)
    for number, kind in enumerate(kinds):
        story.failed(12 + number, kind)
    assert story.forget().invoke("r2", 20).told == ["20 release r2"]
    assert story.messages[-1] == f"circuit opened: {SAID[kinds[-1]]}, logs are buffered and retried"


@pytest.mark.holds("circuit: three failures in a row of any kind open the circuit")
def test_two_failures_do_not_open_it_and_a_success_between_makes_the_count_begin_again() -> None:
    story = warm(SHIP_RATE_BYTES=200).invoke("r1", 10).logs(11, LONG).failed(11.1).failed(11.4).stored(12)
    story.logs(13, LONG).failed(13.1).failed(13.4).logs(13.5, LONG).forget()
    assert story.until(20).invoke("r2", 20).until(30).told == ["13.8 upload 3 bytes(1)", "20.5 release r2"]


@pytest.mark.holds("circuit: a second of hold without success opens the circuit")
def test_a_second_of_hold_without_success_opens_the_circuit_and_shorter_ones_add_up() -> None:
    circuit = Circuit(lambda: 1.0)
    assert not circuit.held_in_vain(0.5, 10.0)
    assert not circuit.held_in_vain(0.49, 11.0)
    assert circuit.held_in_vain(0.01, 12.0)
    assert (circuit.is_open, circuit.retry_at) == (True, 42.0)
    assert not circuit.held_in_vain(5.0, 13.0)  # no news


@pytest.mark.holds("circuit: a second of hold without success opens the circuit")
def test_a_success_makes_the_seconds_of_hold_count_from_zero() -> None:
    circuit = Circuit(lambda: 1.0)
    circuit.held_in_vain(0.9, 1.0)
    circuit.succeeded(2.0)
    assert not circuit.held_in_vain(0.9, 3.0)


NO_ANSWER_YET = "the deadline came before an answer of the store"


@pytest.mark.parametrize(
    ("happened", "trouble"),
    [
        ((), NO_ANSWER_YET),
        (("failed",), "503 of 1"),
        (("failed", "failed"), "503 of 2"),
        (("failed", "failed", "failed"), "503 of 3"),
        (("failed", "succeeded"), NO_ANSWER_YET),
        (("failed", "failed", "failed", "succeeded"), NO_ANSWER_YET),
        (("held",), "no answer while an invocation was held"),
        (("failed", "held"), "503 of 1"),
        (("held", "failed"), "503 of 2"),
        (("held", "unanswered"), "silence of 2"),
        (("unanswered",), NO_ANSWER_YET),
        (("failed", "unanswered"), "503 of 1"),
        (("held", "succeeded"), NO_ANSWER_YET),
    ],
)
def test_why_what_waits_is_not_stored_is_the_last_failure_since_a_success(
    happened: tuple[str, ...], trouble: str
) -> None:
    circuit = Circuit(lambda: 1.0)
    for number, what in enumerate(happened, 1):
        if what == "failed":
            circuit.failed(f"503 of {number}", number)
        elif what == "unanswered":
            circuit.unanswered(f"silence of {number}", number)
        elif what == "held":
            circuit.held_in_vain(1.0, number)
        else:
            circuit.succeeded(number)
    assert circuit.trouble == trouble


def test_a_hold_that_ended_with_an_answer_was_not_in_vain() -> None:
    story = warm(SHIP_RATE_BYTES=200, MAX_HOLD_MILLISECONDS=900).logs(10, LONG).invoke("r1", 11).stored(11.8)
    story.logs(11.9, LONG).forget().invoke("r2", 12).until(14)
    assert story.told == ["12.9 release r2"]  # and no word: the 0.8 s before were answered


def test_a_failure_after_it_opened_for_silence_is_no_news() -> None:
    story = warm(SHIP_RATE_BYTES=200).logs(10, LONG).invoke("r1", 11).until(11.9).invoke("r2", 12, timeout=900)
    assert story.until(13).told[-2:] == ["12.5 say error", "12.5 release r2"]
    assert story.forget().failed(13).until(80).told == ["73 upload 2 bytes(1)"]


@pytest.mark.holds("circuit: while the circuit is open, no invocation is held")
@pytest.mark.parametrize("invokes", [1, 10])
def test_while_it_is_open_nobody_is_held_not_even_where_each_invocation_is_an_object(invokes: int) -> None:
    story = broken(SHIP_RATE_INVOKES=invokes).done("r1", 12)
    for number in range(20, 40):
        story.invoke(f"r{number}", 2.0 * number).logs(2.0 * number + 0.1, LONG).done(f"r{number}", 2.0 * number + 0.2)
    assert [line for line in story.told if "release" in line] == [f"{2 * n} release r{n}" for n in range(20, 40)]


@pytest.mark.holds("circuit: while the circuit is open, everything received is kept")
def test_what_comes_while_it_is_open_is_kept_and_shipped_after_the_probe() -> None:
    story = broken().done("r1", 12)
    for number in range(20, 40):
        story.invoke(f"r{number}", number).logs(number + 0.1, LONG).done(f"r{number}", number + 0.2)
    assert uploads(story) == []
    assert story.ledger == (43, 1, 0)
    story.invoke("r60", 60).stored(60.1).stored(60.2).until(61)
    assert uploads(story) == [60, 60.1]
    assert story.ledger == (43, 43, 0)


@pytest.mark.holds("circuit: while the circuit is open, no invocation is held")
def test_the_invocation_that_is_held_when_it_opens_is_released_at_once() -> None:
    story = Story(SHIP_RATE_BYTES=200).invoke("r1", 0).logs(1, LONG).failed(1.1).failed(1.4).failed(1.9)
    assert story.told[-2:] == ["1.9 say error", "1.9 release r1"]  # though its handler still runs


@pytest.mark.holds("circuit: an open circuit is probed after 30 s, doubling to 5 min")
def test_an_open_circuit_is_probed_after_30_s_then_twice_that_beside_a_running_handler() -> None:
    story = broken().until(42).failed(42).until(103).failed(103).until(224)
    assert uploads(story) == [41.9, 102.0, 223.0]
    assert [line for line in story.told if "upload" not in line] == []


@pytest.mark.holds("circuit: a probe runs only beside a running handler")
def test_a_probe_waits_for_a_running_handler() -> None:
    story = broken().done("r1", 12).until(600)
    assert uploads(story) == []
    story.invoke("r2", 700)
    assert story.told == ["700 upload 2 bytes(1)", "700 release r2"]


@pytest.mark.holds("circuit: a success closes the circuit")
def test_a_success_closes_it_at_once_and_the_next_break_begins_with_30_s_again() -> None:
    story = broken().until(42).failed(42.5).until(103).stored(103)
    assert uploads(story) == [41.9, 102.5]
    story.logs(104, LONG).failed(104.1).failed(104.4).failed(104.9).forget().until(140)
    assert uploads(story) == [134.9]


@pytest.mark.holds("circuit: SHUTDOWN ignores an open circuit: an attempt every 100 ms")
def test_at_shutdown_an_open_circuit_is_ignored_with_an_attempt_every_100_ms_to_the_end() -> None:
    story = broken().shutdown(20)
    while story.told[-1].partition(" ")[2] != "exit lost 1":
        before = len(story.told)
        last = uploads(story)[-1]
        story.failed(last + 0.001).until(last + 0.102)
        assert len(story.told) > before  # or nothing happens any more, for ever
    found = uploads(story)
    assert found[0] == 20
    assert {round(b - a, 3) for a, b in pairwise(found)} == {0.101}
    assert found[-1] > 21.9 - 0.102  # 2 s less the reserve of 100 ms
    assert story.told[-1] == "21.9 exit lost 1"


@pytest.mark.holds("circuit: each change of state is reported in one line")
def test_each_change_of_state_is_one_line() -> None:
    story = warm(SHIP_RATE_BYTES=200).invoke("r1", 10, timeout=900).logs(11, LONG)
    story.failed(11.1).failed(11.4).failed(11.9).until(42).failed(42).until(103).stored(103).logs(104, LONG)
    story.stored(105)
    assert [line for line in story.told if "say" in line] == [
        "11.1 say warning",
        "11.9 say error",
        "103 say info",
    ]


def fields(actions: list[events.Action]) -> dict[str, object]:
    """Of the one line among these."""
    (said,) = (action for action in actions if isinstance(action, events.Say))
    return said.fields


def test_that_it_opened_is_said_with_the_last_failure_and_how_many_records_wait() -> None:
    story = warm(SHIP_RATE_BYTES=200).invoke("r1", 10).logs(11, LONG, LONG).failed(11.1).failed(11.4).until(11.8)
    actions = story.core.handle(events.UploadFailed(4, StoreError.SERVER, "503 Slow Down"), at(12))
    assert fields(actions) == {"why": "503 Slow Down", "waiting_records": 2}


@pytest.mark.parametrize(("earlier", "why"), [("", "no answer while an invocation was held"), ("refused", "refused")])
def test_a_silent_store_is_said_to_be_silent_unless_it_has_failed_before(earlier: str, why: str) -> None:
    circuit = Circuit(lambda: 1.0)
    if earlier:
        circuit.failed(earlier, 1.0)
    assert circuit.held_in_vain(1.0, 10.0)
    assert circuit.why == why


@pytest.mark.holds("circuit: a retry backs off with full jitter")
def test_the_wait_before_a_retry_is_drawn_from_zero_to_a_bound_that_doubles() -> None:
    draws = [0.0, 0.25, 0.5, 1.0]
    for draw in draws:
        circuit = Circuit(lambda draw=draw: draw)  # type: ignore[misc]
        circuit.failed("why", 100.0)
        assert circuit.retry_at == pytest.approx(100.0 + 0.2 * draw)
        circuit.failed("why", 200.0)
        assert circuit.retry_at == pytest.approx(200.0 + 0.4 * draw)


@pytest.mark.holds("circuit: a retry backs off with full jitter")
def test_each_retry_draws_anew() -> None:
    draws = iter([0.5, 0.25])
    story = warm(lambda: next(draws), SHIP_RATE_BYTES=200).invoke("r1", 10).logs(11, LONG).forget()
    story.failed(12).until(12.5).failed(13).until(14)
    assert uploads(story) == [12.1, 13.1]


@pytest.mark.holds("circuit: a freeze says nothing about the store")
def test_no_answer_across_a_release_is_no_failure_unless_it_was_a_probe() -> None:
    circuit = Circuit(lambda: 1.0)
    for _ in range(5):
        circuit.unanswered("silence", 10.0)
    assert (circuit.failures, circuit.is_open, circuit.retry_at) == (0, False, 10.2)
    for _ in range(3):
        circuit.failed("refused", 10.0)
    circuit.unanswered("silence", 100.0)
    assert circuit.retry_at == 160.0


@pytest.mark.holds("circuit: a freeze says nothing about the store")
def test_a_freeze_says_nothing_of_the_store_but_a_cut_probe_waits_again() -> None:
    circuit = Circuit(lambda: 1.0)
    circuit.interrupted(5.0)
    assert (circuit.failures, circuit.retry_at) == (0, 5.0)
    for _ in range(3):
        circuit.failed("refused", 10.0)
    circuit.interrupted(100.0)
    assert (circuit.failures, circuit.retry_at) == (3, 130.0)
    circuit.leave(110.0)
    circuit.interrupted(111.0)
    assert circuit.retry_at == 111.0


@pytest.mark.holds("circuit: an open circuit is probed after 30 s, doubling to 5 min")
def test_probes_are_30_60_120_240_300_300_seconds_apart() -> None:
    circuit = Circuit(lambda: 1.0)
    waits = []
    for number in range(8):
        circuit.failed("refused", 0.0)
        waits.append(circuit.retry_at)
        assert circuit.is_open == (number >= 2)
    assert waits[2:] == [30.0, 60.0, 120.0, 240.0, 300.0, 300.0]


def test_a_failure_that_was_cured_is_no_reason_for_the_next_break() -> None:
    circuit = Circuit(lambda: 1.0)
    circuit.failed("a password of yesterday", 1.0)
    circuit.succeeded(2.0)
    assert circuit.held_in_vain(1.0, 10.0)
    assert circuit.why == "no answer while an invocation was held"
