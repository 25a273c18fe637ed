"""The outbox at its exact limits: when it tries again, when it gives an attempt up, what it names, what it says."""

from __future__ import annotations

import pytest

from extension import events
from extension.core.counters import Counters, Freshness
from extension.core.drain import Drain
from extension.core.outbox import Delivery, Outbox
from extension.core.outbox.circuit import Circuit
from extension.core.outbox.outbox import NAMED, NO_BOUND
from extension.core.outbox.outcomes import SUSPECTS
from extension.errors import StoreError
from tests.unit.extension.build import at, chunk

MIB = 1024 * 1024
REFUSED, TRANSPORT, EXISTS = StoreError.CONFIGURATION, StoreError.TRANSPORT, StoreError.EXISTS


def outbox(*deliveries: Delivery, counters: Counters | None = None) -> Outbox:
    """An outbox in which these wait; another key is the old one and a star."""
    made = Outbox(Circuit(lambda: 1.0), counters or Counters(), lambda one: one.with_key(one.key + "*"))
    for one in deliveries:
        assert made.add(one, NO_BOUND) == []
    return made


def delivery(
    key: str = "a", size: int = 0, *, maybe_stored: bool = False, serial: int | None = None, **more: int
) -> Delivery:
    return Delivery(chunk(key, b"", size=size, serial=serial, **more), maybe_stored=maybe_stored)


def failed(made: Outbox, now: float, kind: str = REFUSED, why: str = "why") -> list[events.Action]:
    """The attempt in flight, which is begun if there is none, fails."""
    attempt = made.attempt or made.start(now).attempt
    return made.answered(events.UploadFailed(attempt, kind, why), now, held=True)


def stored(made: Outbox, now: float) -> list[events.Action]:
    assert made.attempt is not None
    return made.answered(events.Uploaded(made.attempt), now, held=True)


def said(actions: list[events.Action]) -> list[tuple[str, str, dict[str, object]]]:
    return [(one.level, one.message, one.fields) for one in actions if isinstance(one, events.Say)]


def test_a_refused_object_is_tried_again_after_30_s_and_twice_that_each_time_up_to_5_minutes() -> None:
    one = delivery()
    pauses = []
    for number in range(10):
        one.refuse(f"why {number}", 1000.0)
        assert one.why == f"why {number}"
        assert one.is_set_aside == (number >= 2)
        pauses.append(one.retry_at - 1000.0)
    assert pauses == [30, 30, 30, 60, 120, 240, 300, 300, 300, 300]


@pytest.mark.parametrize("in_vain", [False, True], ids=["unused", "abandoned"])
@pytest.mark.parametrize("mib", [0, 1, 8])
@pytest.mark.parametrize("latency", [0.0, 0.2, 0.5])
@pytest.mark.parametrize("started", [-1.0, 0.3], ids=["before", "in it"])
def test_at_shutdown_an_attempt_has_a_third_of_the_time_or_twice_the_last_latency_and_time_to_be_sent(
    started: float, latency: float, mib: int, *, in_vain: bool
) -> None:
    made = outbox(delivery("first"), delivery("second", mib * MIB))
    made.start(990.0)
    stored(made, 990.0 + latency)
    drain = Drain(at(0).wall + 2.0, at(0))
    assert made.abandon_at(drain) is None
    made.start(1000.0 + started)
    third = max(started, 0.0) + (2.0 - 0.1) / 3
    expected = 1000.0 + max(third, started + 2 * latency) + mib / 4
    found = made.abandon_at(drain)
    assert found == pytest.approx(expected)
    assert found is not None
    assert made.abandon_late(found - 0.001, drain) == []
    if in_vain:
        made.abandon()
        assert made.abandon_late(found, drain) == []
    else:
        (abandoned,) = made.abandon_late(found, drain)
        assert isinstance(abandoned, events.Abandon)
        assert abandoned.attempt == made.attempt
    assert made.abandon_at(drain) is None
    failed(made, found + 0.01, StoreError.ABANDONED)
    made.start(found + 0.02)
    assert (made.abandon_at(drain) is not None) == in_vain  # each object is hurried once


def test_the_time_of_an_attempt_that_a_freeze_has_cut_is_no_latency() -> None:
    made = outbox(delivery("first"), delivery("second"))
    made.start(900.0)
    made.abandon()
    stored(made, 990.0)
    made.start(1000.0)
    assert made.abandon_at(Drain(at(0).wall + 2.0, at(0))) == pytest.approx(1000.0 + 1.9 / 3)


def test_from_the_third_object_on_that_is_refused_without_a_success_it_is_the_store() -> None:
    made = outbox(*map(delivery, "abcd"))
    waits = []
    for number in range(SUSPECTS):
        failed(made, 1000.0 + number)
        waits.append(made.pending)
    assert waits == [3, 2, 4]  # the refused no longer wait for themselves alone
    assert made.ready_at() == made.circuit.retry_at == 1002.0
    assert made.refused() == dict.fromkeys("abc", "why")


def test_an_object_that_is_refused_again_and_again_is_one_suspect() -> None:
    made = outbox(*map(delivery, "ab"))
    for number in range(5):
        failed(made, 1000.0 + 400 * number)
    assert set(made.refused()) == {"a", "b"}
    made.add(delivery("c"), NO_BOUND)
    assert made.ready_at() == 0.0  # all that is known of the store is what it said of other objects


def test_after_another_failure_a_new_object_waits_as_the_store_is_given_time() -> None:
    made = outbox(*map(delivery, "abc"))
    failed(made, 1000.0)
    assert made.ready_at() == 0.0
    failed(made, 1001.0, StoreError.THROTTLED)
    assert made.ready_at() == made.circuit.retry_at == 1001.2


def test_the_oldest_goes_first_unless_it_was_refused() -> None:
    made = outbox(*map(delivery, "abc"))
    order = []
    for number, kind in enumerate([StoreError.THROTTLED, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED]):
        order.append(made.start(1000.0 + number).chunk.key)
        failed(made, 1000.0 + number, kind)
    assert order == ["a", "a", "b", "c", "a", "b"]


def test_where_no_answer_comes_to_the_probe_of_a_released_environment_its_words_are_kept() -> None:
    made = outbox(delivery())
    for number in range(3):
        failed(made, 1000.0 + number, StoreError.SERVER)
    attempt = made.start(1040.0).attempt
    made.released()
    made.answered(events.UploadFailed(attempt, TRANSPORT, "no route"), 1041.0, held=False)
    assert made.circuit.why == "no route"


@pytest.mark.parametrize(("most", "shed"), [(30, ""), (29, "a"), (20, "a"), (19, "ab"), (0, "ab")])
@pytest.mark.parametrize("in_memory", [False, True])
def test_the_oldest_is_dropped_if_more_waits_than_may_and_the_newest_stays(
    most: int, shed: str, *, in_memory: bool
) -> None:
    counters = Counters()
    made = outbox(delivery("a", 10, raw_bytes=7), delivery("b", 10, raw_bytes=7), counters=counters)
    if in_memory:
        made.in_memory = most
    actions = made.add(delivery("c", 10), NO_BOUND if in_memory else most)
    assert [one.seal.key for one in actions if isinstance(one, events.Discard)] == list(shed)
    assert (counters.lost, counters.lost_bytes) == (len(shed), 7 * len(shed))
    text = "buffer limit reached: the oldest chunk is dropped, its records are lost"
    assert said(actions) == [("error", text, {"records": 1, "bytes": 7, "key": key}) for key in shed]


def test_what_is_in_flight_is_not_dropped() -> None:
    made = outbox(delivery("a", 10), delivery("b", 10))
    made.start(1000.0)
    actions = made.add(delivery("c", 10), 0)
    assert [one.seal.key for one in actions if isinstance(one, events.Discard)] == ["b"]
    assert [one.chunk.key for one in made] == ["a", "c"]


def test_what_an_object_s_refusals_say() -> None:
    made = outbox(delivery("a", records=2), delivery("b"))
    made.start(1000.0)
    stored(made, 1000.1)
    assert said(failed(made, 1000.2, why="first")) == [
        ("warning", "upload failed: the object is kept and retried", {"why": "first"})
    ]
    assert said(failed(made, 1001.0, why="second")) == []
    aside, opened = said(failed(made, 1002.0, why="third"))
    text = "object refused: set aside and retried later, others continue"
    assert aside == ("warning", text, {"key": "b", "records": 1, "why": "third"})
    text = "circuit opened: store refuses what is sent, logs are buffered and retried"
    assert opened == ("error", text, {"why": "third", "waiting_records": 1})


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        (StoreError.CREDENTIALS, "credentials missing or expired"),
        (StoreError.THROTTLED, "store throttles"),
        (StoreError.SERVER, "store reports errors of its own"),
        (StoreError.TRANSPORT, "store unreachable"),
        (StoreError.CONFIGURATION, "store refuses what is sent"),
    ],
)
def test_what_is_said_when_the_circuit_opens_names_the_kind_of_failure(kind: str, what: str) -> None:
    made = outbox(delivery())
    lines = [line for number in range(3) for line in said(failed(made, 1000.0 + number, kind, f"why {number}"))]
    fields = {"why": "why 2", "waiting_records": 1}
    assert lines[-1] == ("error", f"circuit opened: {what}, logs are buffered and retried", fields)


def test_what_is_said_of_a_store_that_reports_every_key_as_taken() -> None:
    made = outbox(delivery())
    lines = [line for number in range(4) for line in said(failed(made, 1000.0 + number, EXISTS))]
    why = "the store reports every key as taken"
    assert lines == [
        (
            "warning",
            "key collision: another object has this key, a new key is used",
            {"taken": "a", "used": "a*"},
        ),
        ("warning", "upload failed: the object is kept and retried", {"why": why}),
        (
            "error",
            "circuit opened: store refuses what is sent, logs are buffered and retried",
            {"why": why, "waiting_records": 1},
        ),
    ]
    assert made.circuit.what == "store refuses what is sent"


def test_an_object_under_another_key_is_new_to_the_counts_and_to_the_journal() -> None:
    counters = Counters()
    made = outbox(delivery(), counters=counters)
    made.seal_written("a")
    failed(made, 1000.0, StoreError.THROTTLED)
    made.start(1001.0)
    failed(made, 1001.1, EXISTS)
    upload = made.start(1001.2)
    assert (upload.must_seal, upload.conditional) == (True, True)
    assert (counters.puts, counters.retries) == (3, 1)


def test_what_is_stored_is_what_the_journal_may_forget() -> None:
    one = delivery()
    made = outbox(one)
    made.start(1000.0)
    (forget,) = stored(made, 1000.1)
    assert isinstance(forget, events.Forget)
    assert forget.seal is one.chunk.seal


def test_how_old_records_were_is_told_at_success_and_where_an_earlier_attempt_had_it() -> None:
    counters = Counters()
    counters.freshness = Freshness(10.0)
    first, second = delivery("a"), delivery("b", maybe_stored=True)
    first.waited, second.waited = [(990.0, 1), (995.0, 4)], [(991.5, 2), (980.0, 1)]
    made = outbox(first, second, counters=counters)
    made.start(1000.0)
    stored(made, 1000.5)
    assert (counters.freshness.greatest, counters.freshness.late, counters.freshness.objects) == (10.5, 1, 1)
    failed(made, 1001.5, EXISTS)
    assert (counters.freshness.greatest, counters.freshness.late, counters.freshness.objects) == (21.5, 2, 2)


@pytest.mark.parametrize("count", [NAMED - 1, NAMED, NAMED + 1, NAMED + 3])
def test_the_last_line_names_100_keys_and_counts_the_records_of_the_others_together(count: int) -> None:
    made = outbox(*(delivery(f"k{n}", maybe_stored=True, records=n, raw_bytes=10 * n) for n in range(1, count + 1)))
    records, size, perhaps = made.left_behind(kept=False)
    assert (records, size) == (count * (count + 1) // 2, 5 * count * (count + 1))
    expected = {f"k{n}": n for n in range(1, min(count, NAMED) + 1)}
    if count > NAMED:
        expected["others"] = sum(range(NAMED + 1, count + 1))
    assert perhaps == expected


@pytest.mark.parametrize("kept", [False, True])
def test_of_what_is_left_only_what_is_lost_and_was_sent_is_perhaps_stored(*, kept: bool) -> None:
    sealed = delivery("sealed", serial=1, maybe_stored=True, raw_bytes=1)
    open_one = delivery("open", raw_bytes=10, unjournalled_records=1, unjournalled_bytes=4)
    flying = delivery("flying", raw_bytes=100, unjournalled_records=1, unjournalled_bytes=40)
    made = outbox(flying, open_one, sealed)
    made.seal_written("sealed")
    made.start(1000.0)
    perhaps = {"flying": 1} if kept else {"flying": 1, "sealed": 1}
    assert made.left_behind(kept=kept) == ((2, 44, perhaps) if kept else (3, 111, perhaps))
