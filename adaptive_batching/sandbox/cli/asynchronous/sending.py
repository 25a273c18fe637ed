"""Send events in `sandbox run --event`, and say in `run` and `serve` what becomes of them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from adaptive_batching.sandbox.asynchronous.queue import Dropped, Run, Succeeded
from adaptive_batching.sandbox.asynchronous.timeline import said
from adaptive_batching.sandbox.asynchronous.virtual import Moment

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from adaptive_batching.sandbox.asynchronous.metrics import Datum
    from adaptive_batching.sandbox.asynchronous.queue import Decision
    from adaptive_batching.sandbox.fleet.event_queue import Watch
    from adaptive_batching.sandbox.fleet.fleet import Fleet

#: Seconds between two looks at whether everything is done.
_LOOK = 0.05


class Narrator:
    """Says what the event queue decides, and counts the ends. Called with the lock of the fleet."""

    def __init__(self, say: Callable[[str], None], succeeded: Callable[[bytes], None] = lambda _payload: None) -> None:
        self._say, self._succeeded = say, succeeded
        self.ends: Counter[str] = Counter()

    def __call__(self, at: float, decision: Decision | None, _data: list[Datum]) -> None:
        """Take note of a decision. Runs that succeed have a line already."""
        if isinstance(decision, Succeeded):
            self.ends["succeeded"] += 1
            self._succeeded(getattr(decision.event.response, "payload", b""))
        elif isinstance(decision, Dropped):
            self.ends[f"dropped ({decision.reason})"] += 1
        if decision is not None and not isinstance(decision, Run | Succeeded):
            self._say(f"{decision.event.request_id}  {said(Moment(at, decision))}")

    @property
    def all_succeeded(self) -> bool:
        """Whether no event was dropped."""
        return set(self.ends) <= {"succeeded"}

    def summary(self, left: int) -> str:
        """Return how the events ended. `left` is how many are still queued."""
        ends = [f"{count:,} {how}" for how, count in self.ends.items()]
        return ", ".join([*ends, f"{left:,} still queued"] if left or not ends else ends)


def both(*watches: Watch) -> Watch:
    """Return a watch that tells each of these."""

    def tell(at: float, decision: Decision | None, data: list[Datum]) -> None:
        for one in watches:
            one(at, decision, data)

    return tell


def send(fleet: Fleet, payload: bytes, count: int, stop: threading.Event) -> int:
    """Send events at once, and wait until the last one has ended. Return how many were sent.

    Once `stop` is set, no further one is sent, and the wait ends.
    """
    sent = 0
    while sent < count and not stop.is_set():
        fleet.events.accept(payload)
        sent += 1
    while fleet.events.unfinished and not stop.wait(_LOOK):
        pass
    return sent
