"""Asks a service over and over: what goes wrong is said once, and the next question waits a while."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from adaptive_batching.sandbox.fleet.aws.clients import REFUSED, why

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

#: Seconds after a failure until the service is asked again.
PAUSE = 1.0
_Answer = TypeVar("_Answer")


class Asking:
    """Makes calls for which one sentence stands if they fail: `what`, and why.

    `say` gets it, unless the call before failed for the same reason. With `closed`, a call that fails takes a while,
    and once that is set nothing is said. For one thread.
    """

    def __init__(self, what: str, say: Callable[[str], None], closed: threading.Event | None = None) -> None:
        self._what, self._say, self._closed = what, say, closed
        self._said = ""

    def __call__(self, call: Callable[[], _Answer]) -> _Answer | None:
        """Return what a call and a look into its answer give, None if they fail."""
        try:
            found = call()
        except REFUSED as error:
            sentence = f"{self._what}: {why(error)}"
            if sentence != self._said and not (self._closed and self._closed.is_set()):
                self._say(sentence)
            self._said = sentence
            if self._closed:
                self._closed.wait(PAUSE)
            return None
        self._said = ""
        return found
