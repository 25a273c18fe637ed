"""The processes of an environment, each in a process group of its own.

When a process ends, its group is killed, the rest of its output is read, and then the sink is notified.
"""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import subprocess
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from adaptive_batching.sandbox.host.framing import Frames, Lines

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from adaptive_batching.sandbox.host.output import OutputReader
    from adaptive_batching.sandbox.host.watchdog import Watchdog

RUNTIME, EXTENSION = "runtime", "extension"


class Sink(Protocol):
    """Receives the output and the end of processes. Called by the threads that read output and watch processes."""

    def wrote(self, process: Process, text: str, at: float) -> None:
        """Receive one record: a line with its newline, or a frame. `at` is seconds since the epoch."""

    def ended(self, process: Process) -> None:
        """Be notified that the process has ended, its output has been passed on and its group has been killed."""


@dataclass(frozen=True)
class Surroundings:
    """What the processes of an environment share.

    `start` makes a call that starts a process, on the thread from which processes are started.
    """

    output: OutputReader
    watchdog: Watchdog
    start: Callable[..., subprocess.Popen[bytes]]


class Process:
    """One process and its group. Raises OSError if it cannot be started.

    `kind` is RUNTIME or EXTENSION. A runtime may write frames as well as lines. `over` is set once the sink has been
    notified of the end of the process.
    """

    def __init__(
        self,
        kind: str,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        sink: Sink,
        surroundings: Surroundings,
    ) -> None:
        self.kind = kind
        self.name = name
        self.exit_code: int | None = None
        output, watchdog = surroundings.output, surroundings.watchdog
        self._output = output
        self._sink = sink
        self._watchdog = watchdog
        variables = dict(environment)
        reads: list[tuple[int, Lines | Frames]] = []
        writes: list[int] = []
        frames = [Frames()] if kind == RUNTIME else []
        cutters: list[Lines | Frames] = [Lines(), Lines(), *frames]
        for cutter in cutters:
            read, write = os.pipe()
            reads.append((read, cutter))
            writes.append(write)
        if frames:
            variables["_LAMBDA_TELEMETRY_LOG_FD"] = str(writes[2])
        try:
            self._popen = surroundings.start(
                subprocess.Popen,
                list(command),
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=writes[0],
                stderr=writes[1],
                pass_fds=writes[2:],
                process_group=0,
                cwd="/",
            )
        except OSError:
            for read, _ in reads:
                os.close(read)
            raise
        finally:
            for write in writes:
                os.close(write)
        watchdog.add(self.pid)
        for read, cutter in reads:
            output.add(read, self, cutter, functools.partial(sink.wrote, self))
        self.over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name=f"watch-{name}", daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int:
        """The id of the process and of its process group."""
        return self._popen.pid

    def _watch(self) -> None:
        # WNOWAIT: until the process is reaped, the kernel does not give its id, which is that of its group, to another.
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        self.signal(signal.SIGKILL)
        self._output.close(self)
        self._watchdog.forget(self.pid)
        self.exit_code = self._popen.wait()
        self._sink.ended(self)
        self.over.set()

    def freeze(self) -> None:
        """Stop the group. Return when the process itself has stopped or ended."""
        self.signal(signal.SIGSTOP)
        with contextlib.suppress(ChildProcessError):
            os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the group. It is not an error if the group has ended."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)
