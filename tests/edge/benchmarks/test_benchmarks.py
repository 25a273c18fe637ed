"""The benchmarks run: an extension gets through what they play for it. What it takes is of no account here."""

from __future__ import annotations

import shutil
import sys

import pytest

from benchmarks import batches, calls, shipping
from benchmarks.programs import ROOT, extension, left, running
from tests.unit.extension.records.reading import ALL, reader

BOOT = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from extension.__main__ import main; main()"
COMMAND = [sys.executable, "-I", "-c", BOOT]  # the extension of this checkout, without a layer


def test_invocations_are_shipped_one_by_one() -> None:
    told = []
    used, memory = shipping.invocations(
        COMMAND, 2, begun=lambda _: told.append("begun"), ended=lambda _: told.append("ended")
    )
    assert used > 0
    assert memory.resident > memory.anonymous > 0
    assert told == ["begun", "ended"]


@pytest.mark.parametrize("compression", shipping.PER_MB)
def test_megabytes_are_shipped_and_every_line_is_found_in_the_store(compression: str) -> None:
    assert shipping.megabyte(COMMAND, compression, 200, 1) > 0


def test_an_extension_starts_takes_a_batch_and_leaves() -> None:
    with shipping.Tls() as s3, running(COMMAND, {**extension(), **s3.environ}) as (api, program, seconds):
        assert seconds > 0
        with api.subscriber() as subscriber:
            api.invoke("1")
            subscriber.deliver(batches.body(batches.lines(20, 200), "1"))
            s3.store.wait()
            api.next_poll()
            api.shut_down()
            assert left(program) == 0
        assert s3.store.lines() == 20


def test_a_batch_of_the_benchmarks_is_one_that_the_platform_could_send() -> None:
    made = reader(*ALL)
    received = made.read(batches.body(batches.lines(20, 200), "1"), 0.0)
    assert (received.records, received.unparsed, received.started, received.done) == (22, 0, ["1"], ["1"])


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_the_system_calls_of_an_invocation_are_counted() -> None:
    counted = calls.count_calls(COMMAND, 5)
    assert 1 <= counted["sendto"] < 10
    assert counted["futex"] > 0
