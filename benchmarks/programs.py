"""The programs under measurement, and what a whole process of theirs costs.

The extension is what lies in build/layer, started by its launcher as Lambda does; what it is compared with runs on the
same interpreter.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

from benchmarks import quota
from benchmarks.servers import PATIENCE, Lambda

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ROOT = Path(__file__).resolve().parents[1]
NAME = "adaptive-batching-extension"
PREFIX = "ADAPTIVE_BATCHING_EXTENSION_"
OPT = Path(os.environ.get("BENCH_LAYER") or ROOT / "build" / "layer").absolute()  # another one, to compare with
PRIVATE = OPT / NAME
LAUNCHER = OPT / "extensions" / NAME
BEFORE = os.environ.get("BENCH_BEFORE", "")  # an older one, measured side by side; empty: none
PYTHON = [
    *(str(PRIVATE / "lib" / "ld.so"), "--inhibit-cache", "--library-path", str(PRIVATE / "lib")),
    *(str(PRIVATE / "bin" / "python3"), "-I", "-S", "-B", "-X", "utf8"),
]
BARE = [*PYTHON, str(ROOT / "benchmarks" / "bare.py")]
# Thresholds that make large objects, and gzip as `template.yaml` sets it.
TEMPLATE = {"SHIP_RATE_BYTES": "262144", "SHIP_RATE_INVOKES": "100", "SHIP_RATE_MILLISECONDS": "60000"}
TEMPLATE["COMPRESSION"] = "gzip"
# Starts a program inside a cgroup; at a full CPU too, so that every figure has the same cost of starting in it.
ENTER = 'test -z "$0" || echo $$ > "$0"; exec "$@"'


class Memory(NamedTuple):
    """Bytes: all that is resident, and of it what is the process's own and no file's."""

    resident: int
    anonymous: int


def settings(told: Mapping[str, object]) -> dict[str, str]:
    """Return the extension's variables."""
    return {PREFIX + name: str(value) for name, value in {"S3_BUCKET": "measured", "PORT": 0, **told}.items()}


class Program:
    """One running process, started at monotonic moment `began`."""

    def __init__(self, command: Sequence[str], environ: Mapping[str, str], tasks: str = "") -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="bench-")
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `end`
        told = {
            "PATH": "/usr/bin:/bin",
            "TMPDIR": self._folder.name,
            "AWS_LAMBDA_FUNCTION_NAME": "measured",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "AWS_EC2_METADATA_DISABLED": "true",
            **environ,
        }
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            ["/bin/sh", "-c", ENTER, tasks, *command],
            env=told,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=self._said,
            stderr=self._said,
        )

    @property
    def cpu(self) -> float:
        """Seconds of CPU so far, all threads, exact."""
        return time.clock_gettime(~self.process.pid << 3 | 2)  # the kernel's name for another process's clock

    @property
    def memory(self) -> Memory:
        """What it holds now."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii").splitlines()
        found = {line.partition(":")[0]: line.split()[1] for line in lines if line.startswith(("VmRSS", "RssAnon"))}
        return Memory(int(found["VmRSS"]) * 1024, int(found["RssAnon"]) * 1024)

    @property
    def temporary(self) -> Path:
        """Its own folder for temporary files."""
        return Path(self._folder.name)

    def freeze(self) -> None:
        """As between two invocations."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on."""
        self.process.send_signal(signal.SIGCONT)

    def said(self) -> str:
        """Return what it wrote to stdout and stderr so far."""
        self._said.seek(0)
        return self._said.read().decode("utf-8", "replace")

    def end(self) -> None:
        """Kill it, if it still runs."""
        self.process.kill()
        self.process.wait()
        self._said.close()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


@contextlib.contextmanager
def running(
    command: Sequence[str], environ: Mapping[str, str], part: float = quota.FULL
) -> Iterator[tuple[Lambda, Program, float]]:
    """Start a program beside a Lambda of its own; that, the program, and seconds until its first `event/next`."""
    with quota.share(part) as tasks, Lambda() as api:
        told = {"AWS_LAMBDA_RUNTIME_API": api.address, **environ}
        with Program(command, told, tasks) as program:
            try:
                while program.process.poll() is None and api.polls.empty():
                    time.sleep(0.001)
                yield api, program, api.next_poll(0.0) - program.began
            except Exception as error:
                raise RuntimeError(f"{error!r}; the program said: {program.said()}") from error


def extension(**told: object) -> dict[str, str]:
    """Return the environment of the extension: its settings without their prefix."""
    return settings(told)


def left(program: Program) -> int:
    """Return the exit code, once the program has ended by itself."""
    return program.process.wait(PATIENCE)
