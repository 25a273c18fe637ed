"""A place on this machine to run the experiment: the project's sandbox and an S3, each a process of its own.

The sandbox is known by its command line and its HTTP interface alone.
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
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from adaptive_batching import settings
from adaptive_batching.experiment import exports
from adaptive_batching.experiment.core.observations import Kind
from adaptive_batching.experiment.runner import RunError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from mypy_boto3_s3 import S3Client

BUCKET = "experiment-logs"
FUNCTION = "experiment"
REGION = "us-east-1"
#: Seconds until a process must say where it listens, and until one must have ended.
START, END = 30.0, 90.0
#: Nobody listens there: a search for a real account's credentials ends at once.
NOWHERE = "http://127.0.0.1:9"


@dataclass(frozen=True)
class Place:
    """What to run: `code` the function's folder, `layer` the built layer, `folder` where everything is kept."""

    code: Path
    layer: Path
    folder: Path
    environments: int
    more: Sequence[str] = ()  # further words for `sandbox serve`

    @property
    def streams(self) -> Path:
        """Where the log streams are kept."""
        return self.folder / "streams"


@contextlib.contextmanager
def s3(folder: Path) -> Iterator[str]:
    """Run moto's server; yield its endpoint."""
    if find_spec("moto") is None:
        raise RunError("the S3 on this machine needs moto[server], which this package brings")
    words = ["-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    with _process(words, folder / "s3.log", r"Running on (http://[\d.:]+)", "the S3") as endpoint:
        s3_client(endpoint).create_bucket(Bucket=BUCKET)
        yield endpoint


@contextlib.contextmanager
def sandbox(place: Place, s3_endpoint: str) -> Iterator[str]:
    """Run `sandbox serve` with the layer; yield its endpoint. At the end every environment gets its SHUTDOWN."""
    if not place.code.is_dir():
        raise RunError(f"{place.code} does not exist; --code names the function's folder")
    variables = {
        settings.bucket_variable(): BUCKET,
        "AWS_ENDPOINT_URL_S3": s3_endpoint,
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": NOWHERE,
    }
    words = ["-m", "adaptive_batching", "sandbox", "serve", str(place.code), "--name", FUNCTION, "--port", "0"]
    words += ["--layer", str(place.layer), "--concurrency", str(place.environments), "--timeout", "10"]
    words += ["--log-folder", str(place.streams)]
    words += [word for name, value in variables.items() for word in ("--env", f"{name}={value}")]
    pattern = re.escape(FUNCTION) + r" is at (http://[\d.:]+)"
    with _process([*words, *place.more], place.folder / "sandbox.log", pattern, "the sandbox") as endpoint:
        yield endpoint


def s3_client(endpoint: str) -> S3Client:
    """Return a client of the S3 on this machine, whatever the user's environment says."""
    keys: dict[str, Any] = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    config = Config(s3={"addressing_style": "path"}, proxies={})
    found: S3Client = boto3.client("s3", endpoint_url=endpoint, region_name=REGION, config=config, **keys)
    return found


def await_outcomes(streams: Path, count: int, seconds: float, progress: Callable[[int, int], None]) -> bool:
    """Wait until the log streams report so many requests, as after events that were merely queued."""
    deadline = time.monotonic() + seconds
    while True:
        evidence = exports.log_folder(streams, "") if streams.is_dir() else None
        sights = [sight for found in evidence.streams().values() for sight in found] if evidence else []
        done = len({sight.request for sight in sights if sight.kind is Kind.OUTCOME})
        progress(min(done, count), count)
        if done >= count or time.monotonic() >= deadline:
            return done >= count
        time.sleep(0.5)


@contextlib.contextmanager
def _process(words: list[str], log: Path, pattern: str, name: str) -> Iterator[str]:
    """Run our interpreter with these words in a group of its own; yield the address that it prints."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *words],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            process_group=0,
        )
    try:
        yield _address(process, log, pattern, name)
    finally:
        process.terminate()
        try:
            process.wait(END)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise RunError(f"{name} did not end within {END:.0f} s and was killed; see {log}") from None


def _address(process: subprocess.Popen[bytes], log: Path, pattern: str, name: str) -> str:
    deadline = time.monotonic() + START
    while time.monotonic() < deadline:
        text = log.read_text(errors="replace")
        if found := re.search(pattern, text):
            return found[1]
        if process.poll() is not None:
            raise RunError(f"{name} did not start: {text.strip() or 'it said nothing'}")
        time.sleep(0.05)
    raise RunError(f"{name} did not say within {START:.0f} s where it listens; see {log}")
