"""How much memory what is held may take: the budget's shares, and what is closed and shed by them."""

from __future__ import annotations

import pytest

from extension import events
from extension.core.budget import INBOX_MOST, LEAST, MIB, MOST, Budget
from extension.core.counters import Counters
from extension.core.outbox import Delivery, Outbox
from extension.core.outbox.circuit import Circuit
from tests.unit.extension.build import at, chunk, core, function_line, invoke, logs

GIB = 1024 * MIB


@pytest.mark.holds("memory: what is held takes an eighth of the function's memory at most, 16 MiB to 64 MiB")
@pytest.mark.parametrize(
    ("told", "total"),
    [
        ("128", 16),
        ("256", 32),
        ("384", 48),
        ("512", 64),
        ("10240", 64),
        ("", 16),
        ("1", 16),
        ("x", 16),
        ("9" * 6, 64),
        ("9" * 7, 16),
    ],
)
def test_the_budget_is_an_eighth_of_the_function_s_memory(told: str, total: int) -> None:
    budget = Budget(told)
    assert budget.total == total * MIB
    assert LEAST <= budget.inbox + budget.waiting + budget.chunk + MIB * 2 <= MOST
    assert budget.inbox <= INBOX_MOST


@pytest.mark.parametrize(
    ("told", "shares"),
    [
        ("128", (4 * MIB, 8 * MIB, 16 * MIB // 6)),
        ("130", (4_259_840, 8_519_680, 2_839_893)),
        ("300", (8 * MIB, 75 * MIB // 4, 6_553_600)),
        ("1769", (8 * MIB, 32 * MIB, 64 * MIB // 6)),
    ],
)
def test_of_it_a_quarter_is_for_the_queue_half_for_closed_chunks_and_a_sixth_for_the_open_one(
    told: str, shares: tuple[int, int, int]
) -> None:
    budget = Budget(told)
    found = budget.inbox, budget.waiting, budget.chunk
    assert found == shares
    assert {type(one) for one in (budget.total, *found)} == {int}  # whole bytes


def outbox(in_memory: int) -> Outbox:
    made = Outbox(Circuit(lambda: 1.0), Counters(), lambda one: one)
    made.in_memory = in_memory
    return made


def shed(actions: list[events.Action]) -> list[str]:
    return [action.seal.key for action in actions if isinstance(action, events.Discard)]


@pytest.mark.holds("memory: chunks in memory have a bound of their own; what is in files does not count for it")
def test_of_the_chunks_in_memory_the_oldest_is_shed_and_those_in_files_stay() -> None:
    made = outbox(100)
    in_file = chunk("file", "/proc/self/fd/5", size=1000)  # type: ignore[arg-type]  # a path is a body too
    assert shed(made.add(Delivery(in_file, maybe_stored=False), 10_000)) == []
    assert shed(made.add(Delivery(chunk("a", b"x" * 60), maybe_stored=False), 10_000)) == []
    assert shed(made.add(Delivery(chunk("b", b"x" * 40), maybe_stored=False), 10_000)) == []
    assert shed(made.add(Delivery(chunk("c", b"x" * 1), maybe_stored=False), 10_000)) == ["a"]
    assert shed(made.add(Delivery(chunk("d", b"x" * 500), maybe_stored=False), 10_000)) == [
        "b",
        "c",
    ]  # the newest stays, whatever its size
    assert [one.chunk.key for one in made] == ["file", "d"]


def test_what_is_in_flight_is_not_shed() -> None:
    made = outbox(100)
    made.add(Delivery(chunk("a", b"x" * 90), maybe_stored=False), 10_000)
    made.start(0.0)
    made.add(Delivery(chunk("b", b"x" * 90), maybe_stored=False), 10_000)
    assert shed(made.add(Delivery(chunk("c", b"x" * 90), maybe_stored=False), 10_000)) == ["b"]
    assert [one.chunk.key for one in made] == ["a", "c"]


@pytest.mark.holds("memory: chunks in memory have a bound of their own; what is in files does not count for it")
def test_an_open_chunk_that_is_in_memory_is_closed_when_its_part_is_full() -> None:
    made = core(SHIP_RATE_BYTES=50 * MIB)
    made.limit_memory(1000, 3000)
    made.handle(invoke("r1", at(0.0)), at(0.0))
    actions = made.handle(logs(function_line("x" * 500)), at(0.1))
    assert actions == []
    actions = made.handle(logs(function_line("x" * 500)), at(0.2))
    (upload,) = (action for action in actions if isinstance(action, events.Upload))
    assert upload.chunk.metadata["reason"] == "bytes"
    for number in range(20):  # the store does not answer
        made.handle(logs(function_line("x" * 500)), at(0.3 + number / 100))
    held = sum(one.chunk.size for one in made.waiting) + made.open_chunk.raw_bytes
    assert held <= 3000 + 2 * 1700  # the one in flight and the newest always stay
    assert made.counters.lost > 0
    assert made.counters.received == made.counters.lost + made.waiting_records
