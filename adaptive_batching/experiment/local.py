"""Run the experiment on this machine: the project's sandbox as a process of its own, and the sandbox's embedded S3.

Of the sandbox itself this module uses only the command line and the HTTP interface.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adaptive_batching import settings
from adaptive_batching.experiment import exports
from adaptive_batching.experiment.core.observations import Kind
from adaptive_batching.experiment.runner import RunError
from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.s3 import embedded

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

BUCKET = "experiment-logs"
FUNCTION = "experiment"
#: Seconds within which a process must print its address, and seconds within which it must end.
START, END = 30.0, 90.0


@dataclass(frozen=True)
class SandboxSetup:
    """What the sandbox runs, and where the results are kept.

    `code` is the folder of the function, `layer` the built layer, `folder` the folder in which everything is kept,
    and `environments` the largest number of environments. `options` are further options for `sandbox serve`.
    """

    code: Path
    layer: Path
    folder: Path
    environments: int
    options: Sequence[str] = ()

    @property
    def streams(self) -> Path:
        """The folder in which the log streams are kept."""
        return self.folder / "streams"


@contextlib.contextmanager
def s3() -> Iterator[str]:
    """Run the embedded S3 with the bucket and yield its endpoint. Raises RunError if it does not start."""
    with contextlib.ExitStack() as stack:
        try:
            endpoint = stack.enter_context(embedded.embedded_s3())
            embedded.make_bucket(endpoint, BUCKET)
        except SandboxError as error:
            raise RunError(error) from None
        yield endpoint


@contextlib.contextmanager
def sandbox(setup: SandboxSetup, s3_endpoint: str, insisted: threading.Event) -> Iterator[str]:
    """Run `sandbox serve` with the layer and yield its endpoint.

    At the end every environment gets its SHUTDOWN event; once `insisted` is set, running invocations are killed. Raises
    RunError if the sandbox does not start or end.
    """
    variables = {
        settings.bucket_variable(): BUCKET,
        "AWS_ENDPOINT_URL_S3": s3_endpoint,
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": embedded.NOWHERE,
    }
    words = ["-m", "adaptive_batching", "sandbox", "serve", str(setup.code), "--name", FUNCTION, "--port", "0"]
    words += ["--layer", str(setup.layer), "--concurrency", str(setup.environments), "--timeout", "10"]
    words += ["--log-folder", str(setup.streams)]
    words += [word for name, value in variables.items() for word in ("--env", f"{name}={value}")]
    pattern = re.escape(FUNCTION) + r" is at (http://[\d.:]+)"
    log = setup.folder / "sandbox.log"
    with _process([*words, *setup.options], log, pattern, "the sandbox", insisted) as endpoint:
        yield endpoint


def await_outcomes(
    streams: Path, count: int, seconds: float, progress: Callable[[int, int], None], stop: threading.Event
) -> bool:
    """Wait until the log streams report the outcome of `count` requests, at most `seconds` and until `stop` is set.

    Return whether they did.

    An invocation of type Event is only queued, so its answer does not say when the request has run.
    """
    deadline = time.monotonic() + seconds
    while True:
        evidence = exports.log_folder(streams, "") if streams.is_dir() else None
        observations = [one for stream in evidence.streams().values() for one in stream] if evidence else []
        done = len({one.request for one in observations if one.kind is Kind.OUTCOME})
        progress(min(done, count), count)
        if done >= count or time.monotonic() >= deadline or stop.wait(0.5):
            return done >= count


@contextlib.contextmanager
def _process(words: list[str], log: Path, pattern: str, name: str, insisted: threading.Event) -> Iterator[str]:
    """Run this interpreter with these arguments in a process group of its own and yield the address that it prints."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *words],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            process_group=0,
        )
    with _watched(process):
        try:
            yield _address(process, log, pattern, name)
        finally:
            if not _ends(process, insisted):
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                raise RunError(f"{name} did not end within {END:.0f} s and was killed; see {log}") from None


@contextlib.contextmanager
def _watched(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Have the process asked to end if this one is killed. A shell reads a pipe, which the kernel then closes."""
    script = "trap '' INT TERM HUP; read -r word || kill -TERM $0"
    words = ["/bin/sh", "-c", script, str(process.pid)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, process_group=0) as shell:
        try:
            yield
        finally:
            shell.communicate(b"done\n")


def _ends(process: subprocess.Popen[bytes], insisted: threading.Event) -> bool:
    """Ask the process to end, once more when the user insists. Return whether it ends within END seconds."""
    process.terminate()
    deadline, hurried = time.monotonic() + END, False
    while time.monotonic() < deadline:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.1)
            return True
        if insisted.is_set() and not hurried:
            process.terminate()
            hurried = True
    return False


def _address(process: subprocess.Popen[bytes], log: Path, pattern: str, name: str) -> str:
    deadline = time.monotonic() + START
    while time.monotonic() < deadline:
        text = log.read_text(errors="replace")
        if found := re.search(pattern, text):
            return found[1]
        if process.poll() is not None:
            raise RunError(f"{name} did not start: {text.strip() or 'it printed nothing'}")
        time.sleep(0.05)
    raise RunError(f"{name} did not print its address within {START:.0f} s; see {log}")
