"""Threads that are needed as long as the process lives: one that ends with an exception is said, and replaced."""

from __future__ import annotations

import _thread
import time

from extension.errors import described
from extension.messages import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

RESTART_SECONDS = 0.1


def start(name: str, run: Callable[[], None], died: Callable[[], bool]) -> None:
    """Run `run` on a thread of its own, again whenever an exception has ended it.

    `died` is called in between, on the same thread; False: it is not run again.
    """

    def keep() -> None:
        while True:
            try:
                run()
            except BaseException as error:  # noqa: BLE001 - the function waits for what this thread does
                say("error", f"internal error: the {name} failed, it is started again", {"why": described(error)})
            else:
                return
            time.sleep(RESTART_SECONDS)
            if not died():
                return

    _thread.start_new_thread(keep, ())
