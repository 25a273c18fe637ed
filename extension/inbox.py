"""The one queue between the helper threads and the consumer: thread-safe, bounded in bytes, never lossy in silence.

Not `queue.Queue`: importing it costs 7 ms before the first `event/next`, and it counts items, not bytes.
"""

import _thread
import time

CAPACITY_BYTES = 8 * 1024 * 1024  # of bodies that wait for the consumer; a single body always fits
TAKEN_BYTES = 1024 * 1024  # of bodies that the consumer takes at once, one body at least: the rest still counts here
EVERYTHING = 1 << 62  # bytes
TIMEOUT = 1.0  # s that a full queue delays the platform's answer before the oldest batch is shed


class Inbox:
    """Many producers, one consumer. Items with a size are bodies and bounded; items of size 0 always get in."""

    def __init__(self, capacity: int = CAPACITY_BYTES) -> None:
        self.capacity = capacity  # bytes
        self._items: list[tuple[object, int]] = []
        self._bytes = 0
        self._lock = _thread.allocate_lock()
        self._arrived = _thread.allocate_lock()  # a one-place signal: held = nothing new
        self._arrived.acquire()
        self._space = _thread.allocate_lock()
        self._space.acquire()
        self.on_shed: Callable[[object], object] | None = None  # makes what stands in for a shed body

    def put(self, item: object, size: int = 0, timeout: float = TIMEOUT, *, wakes: bool = True) -> None:
        """Add an item; wait up to `timeout` seconds for space, then shed the oldest bodies until it fits.

        Without `wakes` the consumer, if it waits, is woken by the next item or by `wake`.
        """
        deadline = time.monotonic() + timeout
        while True:
            with self._lock:
                late = time.monotonic() >= deadline
                if size and late:
                    self._shed(size)
                if not size or not self._bytes or self._bytes + size <= self.capacity:
                    self._items.append((item, size))
                    self._bytes += size
                    if size and self._bytes < self.capacity:
                        _signal(self._space)  # there may be room for the next of those who wait
                    break
            self._space.acquire(True, max(deadline - time.monotonic(), 0.0))
        if wakes:
            _signal(self._arrived)

    def wake(self) -> None:
        """Wake the consumer."""
        _signal(self._arrived)

    def take(self, timeout: "float | None", most: int = TAKEN_BYTES) -> "list[object]":
        """Return what has arrived, in order; wait `timeout` seconds at most (None: for ever) for the first item.

        Of bodies `most` bytes, one body at least: what comes behind them stays for the next time.
        """
        if not self._items:
            if timeout is None:
                self._arrived.acquire()
            elif timeout > 0:
                self._arrived.acquire(True, min(timeout, _thread.TIMEOUT_MAX))
        with self._lock:
            count = taken = 0
            for _, size in self._items:
                taken += size
                if count and taken > most:
                    taken -= size
                    break
                count += 1
            items, self._items = self._items[:count], self._items[count:]
            self._bytes -= taken
            self._arrived.acquire(False)  # what it told of is taken, or found without it: nobody is woken for nothing
        _signal(self._space)
        return [item for item, _ in items]

    def pick(self, wanted: "Callable[[object], bool]") -> "list[object]":
        """Return at once, in order, the items of size 0 that are `wanted`; the others stay where they are."""
        if not self._items:
            return []
        with self._lock:
            picked = [item for item, size in self._items if not size and wanted(item)]
            if picked:
                self._items = [one for one in self._items if one[1] or not wanted(one[0])]
        return picked

    def _shed(self, size: int) -> None:
        kept: list[tuple[object, int]] = []
        for item, weight in self._items:
            if weight and self._bytes + size > self.capacity:
                self._bytes -= weight
                if self.on_shed:
                    kept.append((self.on_shed(item), 0))
            else:
                kept.append((item, weight))
        self._items = kept


def _signal(lock: "_thread.LockType") -> None:
    try:
        if lock.locked():
            lock.release()
    except RuntimeError:
        pass  # another thread has signalled it meanwhile


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
