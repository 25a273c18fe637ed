"""Ctrl-C and SIGTERM while S3 does not answer, or slowly: nobody waits for minutes, and nothing is left."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from tests.fakes.aws.between import LOST, between
from tests.fakes.s3 import Moto, clean_environ, moto
from tests.fakes.shipped import Shipped, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.fakes.aws.between import Answer, Asked

SECONDS = 45  # a request that is not answered is given up after 90
OBJECTS = 40
ENDS = [(signal.SIGINT, 130), (signal.SIGTERM, 143)]


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moto]:
    ship = Shipped(tmp_path_factory.mktemp("shipped"), "orders")
    with moto() as server:
        for number in range(OBJECTS):
            key = ship(text(f"line {number}"))
            server.client().put_object(Bucket=server.bucket, Key=key, Body=(ship.folder / key).read_bytes())
        yield server


@pytest.mark.parametrize(("number", "code"), ENDS)
@pytest.mark.parametrize(
    ("words", "unanswered"),
    [
        ("search --since all", "list-type"),
        ("search --since all", ".gz"),
        ("fetch --since all --into copy", ".gz"),
        ("compact", ".gz"),
    ],
)
def test_a_signal_ends_what_waits_for_s3_and_nothing_is_left(
    words: str, unanswered: str, number: signal.Signals, code: int, bucket: Moto, tmp_path: Path
) -> None:
    waits, over = threading.Event(), threading.Event()

    def answer(asked: Asked) -> Answer | None:
        if asked.method == "GET" and unanswered in asked.path:
            waits.set()
            over.wait()
            return LOST
        return None

    try:
        assert ended(f"logs {words}", number, answer, waits, bucket, tmp_path) == code
    finally:
        over.set()


@pytest.mark.parametrize(("number", "code"), ENDS)
def test_a_signal_ends_a_download_once_what_has_begun_is_written(
    number: signal.Signals, code: int, bucket: Moto, tmp_path: Path
) -> None:
    begun = threading.Event()

    def answer(asked: Asked) -> None:
        if ".gz" in asked.path:
            begun.set()
            threading.Event().wait(0.05)  # slowly

    assert ended("experiment analyze --s3", number, answer, begun, bucket, tmp_path) == code


def ended(
    words: str,
    number: signal.Signals,
    answer: Callable[[Asked], Answer | None],
    waits: threading.Event,
    bucket: Moto,
    tmp_path: Path,
) -> int:
    """Run a command on the bucket, end it with a signal once it waits, and return its exit code."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    with between(bucket.endpoint) as front:
        front.answer = answer
        environ = {**bucket.environ(), "AWS_ENDPOINT_URL_S3": front.endpoint, "TMPDIR": str(temporary)}
        process = subprocess.Popen(
            [sys.executable, "-m", "adaptive_batching", *words.split(), f"s3://{bucket.bucket}"],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=clean_environ(**environ, XDG_CACHE_HOME=str(tmp_path / "cache")),
        )
        try:
            assert waits.wait(SECONDS)
            process.send_signal(number)
            _, err = process.communicate(timeout=SECONDS)
        finally:
            process.kill()
    assert b"Traceback" not in err
    assert list(temporary.iterdir()) == []
    return process.returncode
