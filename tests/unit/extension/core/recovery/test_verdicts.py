"""What the verdicts on an earlier process's chunks and bodies say and order, word for word."""

from __future__ import annotations

import pytest

from extension import events
from extension.core import recovery
from extension.records.chunk import Chunk, ReaderState, Seal


def seal(*, first: int | None = 3, last: int | None = 5, report_line: str = "") -> Seal:
    """Of seven records, or six and the extension's own."""
    return Seal(
        "logs/a.ndjson.gz", first, last, ReaderState(None, (), 10), ReaderState("r1", (), 17), "bytes", report_line
    )


def told(actions: list[events.Action]) -> tuple[str, str, dict[str, object]]:
    """The one message among the actions."""
    (said,) = (action for action in actions if isinstance(action, events.Say))
    return said.level, said.message, said.fields


def moved(actions: list[events.Action]) -> list[tuple[int, int]]:
    return [(action.first, action.last) for action in actions if isinstance(action, events.Quarantine)]


@pytest.mark.parametrize(("replays", "poison"), [(0, False), (1, False), (2, True), (3, True)])
def test_what_was_begun_twice_and_never_ended_is_poison(replays: int, *, poison: bool) -> None:
    assert recovery.is_poison(replays) is poison


def test_a_poisoned_chunk_is_quarantined_and_may_be_stored() -> None:
    verdict = recovery.poisoned_chunk(seal())
    actions = verdict.actions()
    assert verdict.lost == 7
    assert moved(actions) == [(3, 5)]
    assert told(actions) == (
        "error",
        "recovery failed twice: a chunk moved to quarantine, its records are lost",
        {"records": 7, "key": "logs/a.ndjson.gz", "perhapsStored": {"logs/a.ndjson.gz": 7}},
    )


def test_a_poisoned_chunk_without_entries_moves_nothing_that_exists() -> None:
    assert moved(recovery.poisoned_chunk(seal(first=None, last=None)).actions()) == [(0, 0)]


def test_poisoned_bodies_are_counted_by_their_envelopes_and_at_least_one_each() -> None:
    verdict = recovery.Poison(8, 9, 3, bodies=2)
    actions = verdict.actions()
    assert (verdict.lost, verdict.key) == (3, "")
    assert moved(actions) == [(8, 9)]
    assert told(actions) == (
        "error",
        "recovery failed twice: batches moved to quarantine, their records are lost",
        {"bodies": 2, "records": 3},
    )


def test_an_unreadable_chunk_is_discarded_and_may_be_stored() -> None:
    verdict = recovery.Unreadable(seal(report_line="{}\n"))
    actions = verdict.actions()
    assert verdict.lost == 6
    assert [action.seal for action in actions if isinstance(action, events.Discard)] == [verdict.seal]
    assert told(actions) == (
        "error",
        "journal unreadable: the records of a chunk are lost, unless an earlier process stored it",
        {"records": 6, "perhapsStored": {"logs/a.ndjson.gz": 6}},
    )


@pytest.mark.parametrize(("asked", "limit", "used"), [(101, 300, 100), (100, 300, None), (1, 0, None), (500, 0, None)])
def test_a_chunk_has_a_third_of_the_journal(asked: int, limit: int, used: int | None) -> None:
    verdict = recovery.fit(asked, limit, 500)
    assert (verdict and verdict.used) == used
    if verdict:
        assert verdict.lost == 0
        text = "SHIP_RATE_BYTES is 101: the journal in /tmp has room for a third of 300 bytes; 100 is used"
        assert told(verdict.actions()) == ("warning", text, {})


@pytest.mark.parametrize(("asked", "limit", "used"), [(2, 3, 1), (2, 5, 1), (1, 3, None), (3, 6, 2), (2, 2, None)])
def test_of_the_smallest_journals_a_chunk_has_a_third_too(asked: int, limit: int, used: int | None) -> None:
    verdict = recovery.fit(asked, limit, 500)
    assert (verdict and verdict.used) == used


@pytest.mark.holds("memory: without room in /tmp the byte threshold is lowered to what memory has, which is reported")
def test_without_a_journal_a_chunk_has_its_part_of_memory() -> None:
    verdict = recovery.fit(501, 0, 500)
    assert verdict is not None
    assert verdict.used == 500
    text = "SHIP_RATE_BYTES is 501: there is no room in /tmp, and little in memory; 500 is used"
    assert told(verdict.actions()) == ("warning", text, {})


def test_another_key_changes_the_key_alone() -> None:
    old = Seal("a", 3, 5, ReaderState(None, (), 10), ReaderState("r1", (), 17), "bytes", "{}\n", (4,), "0123456789ab")
    chunk = Chunk(old, b"body", 4, "gzip", {"a": "b"}, records=6, raw_bytes=9, arrived=1.5)
    made = chunk.with_key("b")
    for one, other in ((chunk, made), (old, made.seal)):
        assert {name for name in one.__slots__ if getattr(one, name) != getattr(other, name)} == (
            {"seal"} if one is chunk else {"key"}
        )
    assert (made.key, chunk.key) == ("b", "a")
    assert (made.unjournalled_records, made.unjournalled_bytes) == (0, 0)


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        (
            300,
            "mode adaptive ships at 100 bytes, not at 1048576: the journal in /tmp has room for a third of 300 bytes",
        ),
        (0, "mode adaptive ships at 500 bytes, not at 1048576: there is no room in /tmp, and little in memory"),
    ],
)
def test_a_threshold_that_nobody_has_set_is_lowered_without_a_word_of_the_setting(limit: int, said: str) -> None:
    verdict = recovery.fit(1048576, limit, 500, by_user=False)
    assert verdict is not None
    assert told(verdict.actions()) == ("info", said, {})
