"""Threads that read from a source: who waits for what they have begun."""

from __future__ import annotations

import contextlib
import threading

import pytest

from adaptive_batching.logs.sources.threads import threads

SECONDS = 20


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_at_an_interruption_what_has_begun_is_not_waited_for(error: type[BaseException]) -> None:
    begun, over = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        over.wait(SECONDS)

    with contextlib.suppress(error), threads(1) as pool:
        one, two = pool.submit(work), pool.submit(work)
        assert begun.wait(SECONDS)
        raise error
    assert (one.done(), two.cancelled()) == (False, True)
    over.set()


@pytest.mark.parametrize("error", [None, ValueError])
def test_otherwise_it_is(error: type[Exception] | None) -> None:
    begun, over = threading.Event(), threading.Event()

    def work() -> bool:
        begun.set()
        return over.wait(SECONDS)

    with contextlib.suppress(ValueError), threads(1) as pool:
        one = pool.submit(work)
        assert begun.wait(SECONDS)
        threading.Timer(0.1, over.set).start()  # while it is waited for
        if error:
            raise error
    assert one.done()
    assert one.result()
