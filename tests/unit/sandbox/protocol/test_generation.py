"""Why a generation ended: the first failure counts, and what an ending brings with it is not one."""

from __future__ import annotations

from adaptive_batching.sandbox.protocol.generation import Failure, Generation, outcome
from adaptive_batching.sandbox.protocol.invocation import Invocation, Response

FIRST, SECOND = Failure("Extension.Crash", "one"), Failure("Runtime.ExitError", "two")


def test_the_first_failure_is_kept() -> None:
    generation = Generation([], managed=False)
    generation.fail(FIRST)
    generation.fail(SECOND)
    assert generation.failure == FIRST


def test_an_exit_during_an_ending_is_not_a_failure() -> None:
    generation = Generation([], managed=False)
    generation.ending = True
    generation.fail(FIRST)
    assert generation.failure is None


def test_a_phase_is_done_or_has_failed_or_has_timed_out() -> None:
    assert outcome(FIRST, done=True) == ("success", None)
    assert outcome(FIRST) == ("error", "Extension.Crash")
    assert outcome(None) == ("timeout", None)


def test_the_first_reply_is_what_the_caller_reads() -> None:
    invocation = Invocation(b"{}", 3.0, "arn:f", "Root=1")
    assert (invocation.response, invocation.function_error, invocation.responded_at) == (None, None, None)
    invocation.answer(Response(b"1", at=5.0))
    invocation.answer(Response(b"2", "Unhandled", "Sandbox.Timedout"))
    assert (invocation.response, invocation.function_error, invocation.responded_at) == (b"1", None, 5.0)
