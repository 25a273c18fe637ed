"""The output of an environment's processes: one thread reads every pipe and splits the output into records.

A process blocks when 64 KiB of its output have not been read, so the thread reads all the time.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adaptive_batching.sandbox.host.framing import Frame, Frames, Lines

#: Called with each record and its time in seconds since the epoch. A record is a line with its newline, or a frame.
Wrote = Callable[[str, float], None]

#: Bytes of one read: the capacity of a pipe.
_READ = 65_536


class OutputReader:
    """Reads every pipe of one environment in a thread. The owner of a pipe is the process that writes to it."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._lock = threading.RLock()
        self._wake, self._poke = os.pipe()
        os.set_blocking(self._wake, False)
        self._selector.register(self._wake, selectors.EVENT_READ)
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="output", daemon=True)
        self._thread.start()

    def add(self, descriptor: int, owner: object, cutter: Lines | Frames, wrote: Wrote) -> None:
        """Start reading a pipe. The reader closes it at its end. `wrote` is called with the records of `cutter`."""
        os.set_blocking(descriptor, False)
        with self._lock:
            self._selector.register(descriptor, selectors.EVENT_READ, (owner, cutter, wrote))
        self._nudge()

    def sync(self) -> None:
        """Pass on everything that was written before the call."""
        with self._lock:
            self._pass()

    def close(self, owner: object) -> None:
        """Pass on the rest of an owner's output and close its pipes, even if its children still hold them open."""
        with self._lock:
            self._pass()
            for key in list(self._selector.get_map().values()):
                if key.data and key.data[0] is owner:
                    self._finish(key)

    def stop(self) -> None:
        """End the thread and close the pipes that are still open."""
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
        """Read each pipe once, up to its capacity, so that a process that never pauses cannot block the reader."""
        for key, _ in self._selector.select(0):
            if key.data is None:
                with contextlib.suppress(BlockingIOError):
                    os.read(key.fd, _READ)
                continue
            self._read(key)

    def _read(self, key: selectors.SelectorKey) -> None:
        _, cutter, wrote = key.data
        try:
            data = os.read(key.fd, _READ)
        except BlockingIOError:
            return
        if not data:
            self._finish(key)
            return
        _pass_on(cutter.feed(data), wrote)

    def _finish(self, key: selectors.SelectorKey) -> None:
        _, cutter, wrote = key.data
        self._selector.unregister(key.fd)
        os.close(key.fd)
        _pass_on(cutter.close(), wrote)


def _pass_on(records: Sequence[str | Frame], wrote: Wrote) -> None:
    now = time.time()
    for record in records:
        if isinstance(record, str):
            wrote(record, now)
        else:
            wrote(record.text, record.at)
