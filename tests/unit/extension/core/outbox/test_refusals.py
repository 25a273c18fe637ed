"""One object is not the store: what is refused for good never holds back its neighbours, and is counted exactly."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extension.core.outbox.delivery import REFUSALS
from extension.errors import StoreError
from tests.unit.extension.core.story import Story, warm

LONG = "x" * 200
REFUSED = StoreError.CONFIGURATION
FOR_EVER = 10**6
#: How often the store refuses the object with this number before it takes it.
PATTERNS = st.lists(st.sampled_from([0, 0, 0, 1, 2, 3, 5, FOR_EVER]), min_size=1, max_size=8)


class Refusing:
    """A store that refuses some objects and takes all others, told to a story; each answer takes 10 ms."""

    def __init__(self, story: Story, pattern: list[int]) -> None:
        self.story = story
        self.left = dict(enumerate(pattern))
        self.numbers: dict[str, int] = {}  # key -> number of the object, in the order of the first attempts
        self.stored: dict[int, int] = {}  # number of the object -> its records
        self.now = 10.0

    def answer(self) -> None:
        """Answer the attempt in flight, if there is one."""
        story = self.story
        upload = next((one for one in story.chunks.values() if one.attempt == story.core.in_flight), None)
        if upload is None:
            return
        number = self.numbers.setdefault(upload.chunk.key, len(self.numbers))
        self.now += 0.01
        if self.left.get(number, 0) > 0:
            self.left[number] -= 1
            story.failed(self.now, REFUSED)
        else:
            assert number not in self.stored
            self.stored[number] = upload.chunk.records
            story.stored(self.now)

    def until(self, seconds: float) -> None:
        """Let time pass, answering whatever is put."""
        while self.now < seconds:
            self.answer()
            if not self.story.core.in_flight:
                wake = self.story.core.wake_at()
                self.now = min(seconds, max(self.now + 0.001, (wake - 1000.0) if wake is not None else seconds))
                self.story.until(self.now)


@settings(max_examples=150, deadline=None)
@given(PATTERNS)
def test_for_any_pattern_of_refusals_everything_else_is_stored_once_and_the_figures_are_exact(
    pattern: list[int],
) -> None:
    story = warm(SHIP_RATE_BYTES=200, SHIP_RATE_INVOKES=1000).invoke("r1", 10, timeout=900)
    before = story.core.counters.shipped
    store = Refusing(story, pattern)
    for _ in pattern:
        story.logs(store.now, LONG)
        store.until(store.now + 1.0)
    store.until(store.now + 30.0)
    story.shutdown(store.now)
    store.until(store.now + 3.0)
    refused = {number for number in store.numbers.values() if store.left.get(number, 0)}
    assert set(store.numbers.values()) == refused | set(store.stored)
    lost = len(pattern) - sum(store.stored.values())
    assert (story.core.counters.shipped - before, story.core.counters.lost) == (sum(store.stored.values()), lost)
    assert bool(lost) == bool(refused)
    assert story.told[-1].endswith(f"exit lost {lost}")
    if lost:
        words = story.figures["refused"]
        assert isinstance(words, dict)
        assert len(words) == len(refused)
        assert set(words.values()) == {"scripted"}


@pytest.mark.holds("circuit: a refused object is set aside, its neighbours go")
def test_a_refused_object_lets_its_neighbours_go_at_once() -> None:
    story = warm(SHIP_RATE_BYTES=200).invoke("r1", 10, timeout=900).logs(11, LONG)
    for number in range(REFUSALS):
        story.failed(11.1 + number, REFUSED).until(12 + number)
    assert story.messages[-2:] == [
        "object refused: set aside and retried later, others continue",
        "circuit opened: store refuses what is sent, logs are buffered and retried",
    ]
    story.forget().logs(15, LONG).stored(15.1)
    assert story.told == ["15 upload 3 bytes(1)", "15.1 say info"]
    assert story.core.waiting_records == 1


@pytest.mark.holds("circuit: a refused object is set aside, its neighbours go")
def test_an_object_that_was_refused_often_is_not_kept_waiting_by_one_that_is_refused_now() -> None:
    story = warm(SHIP_RATE_BYTES=200).invoke("r1", 10, timeout=900).logs(11, LONG)
    store = Refusing(story, [FOR_EVER, FOR_EVER])
    store.now = 11.0
    store.until(7200.0)
    store.left[0] = 0  # for two hours the role lacked a permission
    story.logs(store.now, LONG).shutdown(store.now)
    store.until(store.now + 3.0)
    assert store.stored == {0: 1}
    assert story.told[-1].endswith("exit lost 1")


@pytest.mark.holds("circuit: a refused object is set aside, its neighbours go")
def test_what_was_set_aside_is_tried_again_later_and_stored_when_the_store_takes_it() -> None:
    story = warm(SHIP_RATE_BYTES=200).invoke("r1", 10, timeout=900).logs(11, LONG)
    for number in range(REFUSALS):
        story.failed(11.1 + number, REFUSED).until(12 + number)
    story.logs(15, LONG).stored(15.1).forget().until(100)
    assert story.told[0].endswith("upload 2 bytes(1)")
    assert 40 < float(story.told[0].partition(" ")[0]) < 50  # 30 s after the last refusal
    assert story.stored(100.1).ledger == (3, 3, 0)


@pytest.mark.holds("circuit: where every object is refused it is the store")
def test_where_the_neighbours_are_refused_too_it_is_the_store_and_the_circuit_opens() -> None:
    story = warm(SHIP_RATE_BYTES=200).logs(10, LONG).logs(10.1, "x" * 9_000_000).invoke("r1", 11, timeout=900)
    for tenth in range(10):
        story.failed(11.1 + tenth, REFUSED).until(11.9 + tenth)
    assert "circuit opened: store refuses what is sent, logs are buffered and retried" in story.messages
    assert story.core.circuit.is_open


def test_stored_with_its_answer_lost_and_refused_from_then_on_is_perhaps_stored() -> None:
    story = warm(SHIP_RATE_BYTES=200).invoke("r1", 10, timeout=900).logs(11, LONG)
    story.failed(11.1, StoreError.TRANSPORT).until(11.4)
    key = story.chunks["2"].chunk.key
    for number in range(REFUSALS):
        story.failed(11.5 + number, REFUSED).until(12.4 + number)
    story.logs(15, LONG).stored(15.1).shutdown(16, budget=0.0)
    assert story.figures["perhapsStored"] == {key: 1}
    assert story.figures["refused"] == {key: "scripted"}
    assert story.core.counters.shipped == 2


def test_where_every_object_was_refused_as_often_the_store_is_given_time() -> None:
    story = warm(SHIP_RATE_BYTES=200, SHIP_RATE_INVOKES=1000).invoke("r1", 10, timeout=900)
    story.forget().logs(11, LONG).failed(11.1, REFUSED).logs(11.15, LONG).failed(11.2, REFUSED).until(12)
    assert story.told == [
        "11 upload 2 bytes(1)",
        "11.1 say warning",
        "11.15 upload 3 bytes(1)",
        "11.6 upload 2 bytes(1)",
    ]
