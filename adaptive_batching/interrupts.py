"""Ctrl-C, SIGTERM and SIGHUP, counted: the first asks a command to finish, the second to stop what it still waits for.

A terminal that is closed sends SIGHUP, its shell and the kernel one each: all of them count as one, and only if nothing
came before. What was started with nohup ignores SIGHUP, and goes on doing so.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
from typing import TYPE_CHECKING

from adaptive_batching import wording
from adaptive_batching.command_line import INTERRUPTED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def counted(first: Callable[[], None], second: Callable[[], None]) -> Iterator[threading.Event]:
    """Yield an event that the first signal sets. The signals no longer end the process; the third one still does.

    A thread calls `first` and `second`: the kernel's note of a signal is read there, whatever the main thread is doing.
    A handler would run on the main thread, and only after a wait that began just after the signal had arrived.
    """
    asked = threading.Event()
    reader, writer = socket.socketpair()
    writer.setblocking(False)

    def came() -> bool:
        """Wait for a signal that counts. Return False at the end."""
        while (number := reader.recv(1)) and number[0] == signal.SIGHUP and asked.is_set():
            pass
        return bool(number)

    def count() -> None:
        for call in (first, second):
            if not came():
                return
            asked.set()
            call()
        if came():
            os._exit(INTERRUPTED)  # the watchdog ends what is left

    thread = threading.Thread(target=count, name="interrupts", daemon=True)
    wakeup = signal.set_wakeup_fd(writer.fileno())
    taken = [one for one in _SIGNALS if not (one == signal.SIGHUP and signal.getsignal(one) is signal.SIG_IGN)]
    before = {number: signal.signal(number, lambda *_: None) for number in taken}
    thread.start()
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(wakeup)
        writer.close()
        thread.join()
        reader.close()


def waiting(running: int, environments: int) -> str:
    """Return what a command says at the first Ctrl-C. Pure."""
    if running:
        which, them = ("1 invocation", "it") if running == 1 else (f"{running:,} invocations", "them")
        return f"waiting for {which} (Ctrl-C again to stop {them})"
    return f"shutting down {wording.counted(environments, 'environment')}"
