"""The output of an environment's processes: one thread reads every pipe as it fills, and cuts records out of it.

64 KiB that nothing reads block a function, so the pipes are read all the time.
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

#: Called with each record and its time, seconds since the epoch. A record is a line with its newline, or a frame.
Wrote = Callable[[str, float], None]

#: Bytes of one read: what a pipe holds.
_READ = 65_536


class OutputReader:
    """The thread that reads every pipe of one environment. Each pipe has an owner, a process."""

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
        """Read a pipe from now on; it is closed at its end."""
        os.set_blocking(descriptor, False)
        with self._lock:
            self._selector.register(descriptor, selectors.EVENT_READ, (owner, cutter, wrote))
        self._nudge()

    def sync(self) -> None:
        """Return when everything that was written before the call has been passed on."""
        with self._lock:
            self._pass()

    def close(self, owner: object) -> None:
        """Pass on what is left of an owner's output and close its pipes, although a stray child may hold them open."""
        with self._lock:
            self._pass()
            for key in list(self._selector.get_map().values()):
                if key.data and key.data[0] is owner:
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
        """Read each pipe once, up to what a pipe holds: a writer that never pauses cannot keep the reader here."""
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
