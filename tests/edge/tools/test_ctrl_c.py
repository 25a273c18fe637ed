"""Ctrl-C: it says what it waits for, prints what was done, and a second one ends the wait. Clients get an answer.

SIGKILL of an experiment: its sandbox and its S3 stop listening.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest
import requests

from adaptive_batching.sandbox.s3.embedded import clean_environment
from tests.edge.sandbox.world import ROOT, eventually, function

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECONDS = 60


class Command:
    """A process whose stderr is read line by line. SIGINT must not be ignored, as what runs in the background does."""

    def __init__(self, *words: str, cwd: Path = ROOT) -> None:
        self.lines: list[str] = []
        self._changed = threading.Condition()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "adaptive_batching", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=cwd,
            env=clean_environment(os.environ),
        )
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._changed:
                self.lines.append(line.rstrip("\n"))
                self._changed.notify_all()

    def says(self, text: str) -> str:
        """Wait for a line with this text, and return it."""
        with self._changed:
            self._changed.wait_for(lambda: any(text in line for line in self.lines), SECONDS)
            found = next((line for line in self.lines if text in line), None)
            assert found is not None, f"{text!r} was not said, but {self.lines}"
            return found

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)

    def ended(self) -> tuple[int, str, list[str]]:
        assert self.process.stdout is not None
        out = self.process.stdout.read()
        code = self.process.wait(SECONDS)
        self._thread.join(SECONDS)
        assert not any("Traceback" in line for line in self.lines), self.lines
        return code, out, self.lines


@contextlib.contextmanager
def running(*words: str, cwd: Path = ROOT) -> Iterator[Command]:
    command = Command(*words, cwd=cwd)
    try:
        yield command
    finally:
        command.process.kill()
        command.process.wait()


def test_a_run_finishes_its_invocation_and_says_what_was_done(tmp_path: Path) -> None:
    one = function(tmp_path, {})
    words = ("sandbox", "run", str(one.folder), "-n", "5000", "--payload", '{"sleep": 1, "print": "in it"}', "--logs")
    with running(*words) as command:
        command.says("in it")
        command.interrupt()
        assert command.says("waiting for").endswith("waiting for 1 invocation (Ctrl-C again to stop it)")
        code, out, lines = command.ended()
    assert code == 130
    assert "interrupted after 1 of 5,000" in lines
    assert "invocations   1, 0 failed, 1 environment" in lines
    assert len(out.splitlines()) == 1


def test_a_second_one_stops_an_invocation_that_takes_long(tmp_path: Path) -> None:
    one = function(tmp_path, {})
    words = ("sandbox", "run", str(one.folder), "--timeout", "900", "-n", "3", "--logs")
    with running(*words, "--payload", '{"print": "in it", "sleep": 800}') as command:
        command.says("in it")
        command.interrupt()
        command.says("Ctrl-C again to stop it")
        command.interrupt()
        code, out, lines = command.ended()
    assert code == 130
    assert json.loads(out)["errorType"] == "Runtime.ExitError"
    assert "interrupted after 1 of 3" in lines
    assert "invocations   1, 1 failed, 1 environment" in lines


def test_between_two_invocations_it_ends_at_once(tmp_path: Path) -> None:
    one = function(tmp_path, {})
    with running("sandbox", "run", str(one.folder), "-n", "2", "--pause", "600") as command:
        assert command.process.stdout is not None
        assert command.process.stdout.readline()
        command.interrupt()
        code, _, lines = command.ended()
    assert code == 130
    assert "interrupted after 1 of 2" in lines


@pytest.mark.parametrize("times", [1, 2])
def test_a_client_of_the_service_gets_an_answer(tmp_path: Path, times: int) -> None:
    one = function(tmp_path, {})
    words = ("sandbox", "serve", str(one.folder), "--port", "0", "--timeout", "900", "--logs", "--name", "slow")
    answers: list[requests.Response] = []
    with running(*words) as command, requests.Session() as session:
        session.trust_env = False
        endpoint = command.says("slow is at ").rpartition(" ")[2]
        event = {"print": "in it", "sleep": 1 if times == 1 else 800}
        url = f"{endpoint}/2015-03-31/functions/slow/invocations"
        client = threading.Thread(target=lambda: answers.append(session.post(url, json=event, timeout=SECONDS)))
        client.start()
        command.says("in it")
        for _ in range(times):
            command.interrupt()
            command.says("waiting for 1 invocation (Ctrl-C again to stop it)")
        client.join(SECONDS)
        code, _, lines = command.ended()
    assert code == 0
    assert answers[0].status_code == 200
    assert ("X-Amz-Function-Error" in answers[0].headers) == (times == 2)
    assert any(line.startswith("invocations   1, ") for line in lines)


def test_the_demonstration_reports_what_was_done() -> None:
    with running("demo", "-n", "10000") as command:
        command.says("invoking demo 10000 times")
        command.interrupt()
        code, out, _ = command.ended()
    assert code == 130
    assert "delivered" in out
    assert "next:" in out


@pytest.mark.parametrize("times", [1, 2])
def test_an_experiment_finishes_what_runs_and_says_what_was_done(tmp_path: Path, times: int) -> None:
    words = ("experiment", "run", "-n", "1000", "-c", "2", "--pause", "0.05", "--folder", str(tmp_path / "run"))
    with running(*words, "--sleep", "9000" if times == 2 else "200") as command:
        command.says("the sandbox is at")
        streams = tmp_path / "run/streams"
        eventually(lambda: any('"begin"' in file.read_text() for file in streams.glob("*.log")), SECONDS)
        for _ in range(times):
            command.interrupt()
            command.says("Ctrl-C again to stop")
        code, out, lines = command.ended()
    assert code == 130
    assert out == f"{tmp_path / 'run/ledger.jsonl'}\n"
    assert any(line.startswith("interrupted after ") for line in lines)
    assert any(line.endswith(" not attempted") for line in lines)
    assert f"next: adaptive-batching experiment analyze {tmp_path / 'run'}" in lines


def test_the_servers_of_an_experiment_end_when_it_is_killed(tmp_path: Path) -> None:
    words = ("experiment", "run", "-n", "1000", "-c", "1", "--sleep", "10", "--folder", str(tmp_path / "run"))
    with running(*words) as command:
        line = command.says("the sandbox is at")
        ports = [int(port) for port in re.findall(r"http://127\.0\.0\.1:(\d+)", line)]
        assert len(ports) == 2
        assert all(map(listens, ports))
        command.process.kill()
        eventually(lambda: not any(map(listens, ports)), SECONDS)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_while_the_command_line_is_loaded_it_ends_the_process_as_any_other() -> None:
    """The signal arrives while `adaptive_batching.cli` is imported."""
    code = (
        "import os, signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'adaptive_batching.cli': os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Finder())\n"
        "from adaptive_batching.__main__ import start\n"
        "sys.exit(start())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False, cwd=ROOT
    )
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")
