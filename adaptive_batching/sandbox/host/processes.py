"""The processes of an environment: each in a group of its own, every pipe drained all the time.

64 KiB that nobody reads block a function, so one thread reads all pipes of an environment as they fill. A process
that ends is first emptied, then its whole group is killed, then its end is told.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import threading
import time
from typing import TYPE_CHECKING, Protocol

from adaptive_batching.sandbox.host.framing import Frames, Lines

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from adaptive_batching.sandbox.host.watchdog import Watchdog

_READ = 65_536


class Sink(Protocol):
    """What is told about processes. Called from the threads below."""

    def wrote(self, process: Process, text: str, at: float) -> None:
        """One record: a line with its newline, or a frame. `at` is seconds since the epoch."""

    def ended(self, process: Process) -> None:
        """The process has ended, its output has been told, its group is dead."""


class Drain:
    """The thread that reads every pipe of one environment."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self._selector = selectors.DefaultSelector()
        self._lock = threading.RLock()
        self._wake, self._poke = os.pipe()
        os.set_blocking(self._wake, False)
        self._selector.register(self._wake, selectors.EVENT_READ)
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="drain", daemon=True)
        self._thread.start()

    def add(self, descriptor: int, process: Process, cutter: Lines | Frames) -> None:
        """Read a pipe from now on; it is closed at its end."""
        os.set_blocking(descriptor, False)
        with self._lock:
            self._selector.register(descriptor, selectors.EVENT_READ, (process, cutter))
        self._nudge()

    def settle(self) -> None:
        """Return when everything that was written before the call has been told."""
        with self._lock:
            self._pass()

    def close(self, process: Process) -> None:
        """Tell what is left of a process's output and close its pipes, although a stray child may hold them open."""
        with self._lock:
            self._pass()
            for key in list(self._selector.get_map().values()):
                if key.data and key.data[0] is process:
                    self._finish(key)

    def stop(self) -> None:
        """End the thread and close what is still open."""
        self._stopped = True
        self._nudge()
        self._thread.join()
        with self._lock:
            for key in list(self._selector.get_map().values()):
                self._selector.unregister(key.fd)
                os.close(key.fd)
            self._selector.close()
            os.close(self._poke)

    def _nudge(self) -> None:
        os.write(self._poke, b"x")

    def _run(self) -> None:
        while not self._stopped:
            self._selector.select()
            with self._lock:
                self._pass()

    def _pass(self) -> None:
        """Read each pipe once, up to what a pipe holds: a writer that never pauses cannot keep us here."""
        for key, _ in self._selector.select(0):
            if key.data is None:
                with contextlib.suppress(BlockingIOError):
                    os.read(key.fd, _READ)
                continue
            self._read(key)

    def _read(self, key: selectors.SelectorKey) -> None:
        process, cutter = key.data
        try:
            data = os.read(key.fd, _READ)
        except BlockingIOError:
            return
        if not data:
            self._finish(key)
            return
        self._tell(process, cutter.feed(data))

    def _finish(self, key: selectors.SelectorKey) -> None:
        process, cutter = key.data
        self._selector.unregister(key.fd)
        os.close(key.fd)
        self._tell(process, cutter.close())

    def _tell(self, process: Process, records: Sequence[object]) -> None:
        now = time.time()
        for record in records:
            if isinstance(record, str):
                self.sink.wrote(process, record, now)
            else:
                self.sink.wrote(process, record.text, record.at)  # type: ignore[attr-defined]


class Process:
    """One process and its group. `kind` is `runtime` or `extension`. Raises OSError when it cannot be started."""

    def __init__(
        self,
        kind: str,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        drain: Drain,
        watchdog: Watchdog | None = None,
        *,
        frames: bool = False,
    ) -> None:
        self.kind = kind
        self.name = name
        self.exit_code: int | None = None
        self._drain = drain
        self._watchdog = watchdog
        variables = dict(environment)
        reads: list[tuple[int, Lines | Frames]] = []
        writes: list[int] = []
        cutters: list[Lines | Frames] = [Lines(), Lines(), *([Frames()] if frames else [])]
        for cutter in cutters:
            read, write = os.pipe()
            reads.append((read, cutter))
            writes.append(write)
        if frames:
            variables["_LAMBDA_TELEMETRY_LOG_FD"] = str(writes[2])
        try:
            self._popen = subprocess.Popen(
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
        if watchdog:
            watchdog.add(self.pid)
        for read, cutter in reads:
            drain.add(read, self, cutter)
        self.over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name=f"watch-{name}", daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int:
        """The id of the process and of its group."""
        return self._popen.pid

    def _watch(self) -> None:
        # WNOWAIT: as long as the process is not reaped its id, and so its group's, belongs to nobody else.
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        self.signal(signal.SIGKILL)
        self._drain.close(self)
        if self._watchdog:
            self._watchdog.forget(self.pid)
        self.exit_code = self._popen.wait()
        self._drain.sink.ended(self)
        self.over.set()

    def freeze(self) -> None:
        """Stop the group; return when its first process has stopped, or is gone."""
        self.signal(signal.SIGSTOP)
        with contextlib.suppress(ChildProcessError):
            os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the whole group. A group that is gone is no error."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)
