"""`tail -f`: lines that come are printed, gaps are marked, Ctrl-C ends it with what is complete."""

from __future__ import annotations

import queue
import signal
import subprocess
import sys
import threading
from typing import IO, TYPE_CHECKING

import pytest

from tests.fakes.s3 import clean_environ
from tests.fakes.shipped import Line, Shipped, text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECONDS = 60


class Tail:
    """A running `logs tail -f`, whose output is read line by line."""

    def __init__(self, *words: object, **environ: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "adaptive_batching", "logs", "tail", "-f", "--interval", "0.1", *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**clean_environ(), **environ},
            text=True,
        )
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.out: queue.Queue[str] = queue.Queue()
        self.err: queue.Queue[str] = queue.Queue()
        pairs = [(self.process.stdout, self.out), (self.process.stderr, self.err)]
        self._threads = [threading.Thread(target=_read, args=pair) for pair in pairs]
        for thread in self._threads:
            thread.start()

    def printed(self) -> str:
        """The next line of stdout, without its time."""
        line = self.out.get(timeout=SECONDS)
        return line if line.startswith("---") else line.split("  ", 1)[1]

    def says(self, part: str) -> str:
        """Wait for a line of stderr with this in it."""
        while part not in (line := self.err.get(timeout=SECONDS)):
            pass
        return line

    def interrupt(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(SECONDS)

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(SECONDS)
        for thread in self._threads:
            thread.join()


def _read(stream: IO[str], lines: queue.Queue[str]) -> None:
    with stream:
        for line in stream:
            lines.put(line.rstrip("\n"))


def arrive(folder: Path, ship: Shipped, *lines: Line) -> None:
    """Ship into a folder beside this one, and move the object, so that it is there whole or not at all."""
    file = ship.folder / (key := ship(*lines))
    (folder / key).parent.mkdir(parents=True, exist_ok=True)
    file.rename(folder / key)


@pytest.fixture
def tail(tmp_path: Path) -> Iterator[Tail]:
    Shipped(tmp_path, "orders", "e-orders")(text("one", request="r"))
    running = Tail(tmp_path)
    yield running
    running.close()


def test_lines_that_come_are_printed_with_gaps_and_ctrl_c_ends_it(tail: Tail, tmp_path: Path) -> None:
    assert tail.printed() == "orders         one"
    tail.says("the newest line is")
    beside = tmp_path.with_name("beside")
    arrive(tmp_path, Shipped(beside, "orders", "e-orders", sequence=3), text("four", request="r"))
    assert tail.printed() == "--- lines 2 to 3 of e-orders (orders) missing, or not here yet ---"
    assert tail.printed() == "orders         four"
    late = Shipped(beside, "orders", "e-orders", sequence=1)
    arrive(tmp_path, late, text("two", request="r"), text("three", request="r"))
    assert [tail.printed(), tail.printed()] == ["orders         two", "orders         three"]
    arrive(tmp_path, Shipped(beside, "mail", "e-mail"), text("other", request="r"))
    assert tail.printed() == "mail         other"
    assert tail.interrupt() == 130
    assert tail.says("complete").startswith("complete: 5 lines of 2 environments, none missing")


def test_only_what_matches_is_printed(tmp_path: Path) -> None:
    ship = Shipped(tmp_path.with_name("beside"), "orders")
    arrive(tmp_path, ship, text("[INFO] one"))
    running = Tail(tmp_path, "--level", "error")
    try:
        running.says("the newest line is")
        arrive(tmp_path, ship, text({"level": "INFO", "message": "two"}), text({"level": "ERROR", "message": "three"}))
        assert running.printed() == "orders  ERROR  three"
    finally:
        running.close()


def test_an_object_that_is_being_written_is_not_read(tail: Tail, tmp_path: Path) -> None:
    """A copy of a bucket is written under other names and renamed, as `fetch` does it."""
    assert tail.printed() == "orders         one"
    ship = Shipped(tmp_path.with_name("beside"), "orders")
    file = ship.folder / ship(text("new"))
    body = file.read_bytes()
    part = tmp_path / f"{file.name}.part"
    part.write_bytes(body[:20])
    tail.says("the newest line is")
    part.write_bytes(body)
    part.rename(tmp_path / file.name)
    assert tail.printed() == "orders         new"
