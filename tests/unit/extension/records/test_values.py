"""What a value of the records is where nothing is told of it: nothing."""

from __future__ import annotations

from extension.records.chunk import Chunk, ReaderState, Seal
from extension.records.reader import Received


def test_a_state_of_which_only_the_first_members_are_told_knows_no_function_and_no_running_requests() -> None:
    state = ReaderState("r", (), 7)
    assert (state.request_id, state.seen, state.sequence, state.arn, state.running) == ("r", (), 7, "", None)


def test_a_seal_of_which_only_the_first_members_are_told_has_no_line_of_its_own() -> None:
    before, after = ReaderState(None, (), 7), ReaderState("r", (), 9)
    seal = Seal("key", 1, 2, before, after, "age")
    assert (seal.report_line, seal.partial_at, seal.environment, seal.records) == ("", (), "", 2)
    assert seal.filters == ()


def test_a_chunk_of_which_nothing_else_is_told_is_wholly_in_the_journal() -> None:
    seal = Seal("key", 1, 2, ReaderState(None, (), 7), ReaderState("r", (), 9), "age")
    chunk = Chunk(seal, b"", 0, "", {}, records=2, raw_bytes=0)
    assert (chunk.arrived, chunk.unjournalled_records, chunk.unjournalled_bytes) == (0.0, 0, 0)


def test_a_post_of_which_nothing_was_read_came_to_nothing() -> None:
    received = Received()
    assert (received.lines, received.records, received.unparsed, received.dropped) == (b"", 0, 0, 0)
    assert (received.first_time, received.last_time, received.started, received.done) == ("", "", [], [])
