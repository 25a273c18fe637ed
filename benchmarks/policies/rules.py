"""Rules of batching, each for one environment: the extension's own decisions, and those of others to compare with."""

from __future__ import annotations

from functools import partial
from math import inf
from typing import TYPE_CHECKING

from extension.core.adaptive import BESIDE, HOLD, RELEASE, Adaptive
from extension.core.hold import BUFFERING_MS, DONE_TIMEOUT
from extension.core.thresholds import Thresholds
from extension.settings import OBJECT_BYTES, PREFIX, from_environ

if TYPE_CHECKING:
    from collections.abc import Callable

BUFFERING = BUFFERING_MS / 1000
LEARNED = 20  # invocations whose end the field's rule ships at, and whose gaps it takes the mean of
MOST_GAP = 120.0  # s; it ships at the end again where they are longer than this on average
SMOOTHING = 0.2  # of the moving average
MARGIN = 0.001  # s: sums of seconds are not exact


class Rule:
    """What decides in one environment. This one never ships before SHUTDOWN."""

    foresees = False  # knows when the next INVOKE comes
    done_timeout = inf  # s after INVOKE that the handler's end is waited for

    def invoked(self, now: float) -> str:  # noqa: ARG002 - others need it
        """Take note of an INVOKE; return RELEASE, BESIDE or HOLD."""
        return RELEASE

    def is_due(self, now: float, size: int, first: float) -> bool:  # noqa: ARG002 - as above
        """Return whether to ship at once: so many bytes wait, the first of which arrived at `first`."""
        return False

    def due_at(self, first: float, oldest: float) -> float:  # noqa: ARG002 - as above
        """Return when time alone makes it so; `oldest` is the moment at which the oldest record was logged."""
        return inf

    def closed(self, now: float, *, running: bool) -> None:
        """Note that everything that had arrived was closed; `running`: more of this invocation follows."""


class Extension(Rule):
    """The thresholds of the extension: bytes, invocations, seconds since the first record arrived."""

    done_timeout = DONE_TIMEOUT

    def __init__(self, size: int, invokes: int, milliseconds: int) -> None:
        told = {"SHIP_RATE_BYTES": size, "SHIP_RATE_INVOKES": invokes, "SHIP_RATE_MILLISECONDS": milliseconds}
        self._thresholds = Thresholds(from_environ({PREFIX + name: str(value) for name, value in told.items()}))
        self._invokes = 0
        self._is_first = True

    def invoked(self, now: float) -> str:  # noqa: ARG002
        self._invokes += 1
        first, self._is_first = self._is_first, False
        return HOLD if first else RELEASE

    def is_due(self, now: float, size: int, first: float) -> bool:
        return bool(self._thresholds.crossed(size, self._invokes, now - first))

    def due_at(self, first: float, oldest: float) -> float:  # noqa: ARG002
        return self._thresholds.due_at(first)

    def closed(self, now: float, *, running: bool) -> None:  # noqa: ARG002
        self._invokes = 0


class Sample(Rule):
    """The AWS sample: bytes, invocations and the time since it shipped last, looked at when an INVOKE comes."""

    def __init__(self) -> None:
        self._invokes, self._shipped, self._invoked = 0, 0.0, -1.0

    def invoked(self, now: float) -> str:
        self._invokes += 1
        self._invoked = now
        return RELEASE

    def is_due(self, now: float, size: int, first: float) -> bool:  # noqa: ARG002
        crossed = size >= 4096 or self._invokes >= 10 or now - self._shipped >= 10  # noqa: PLR2004 - its defaults
        return now == self._invoked and crossed

    def closed(self, now: float, *, running: bool) -> None:  # noqa: ARG002
        self._invokes, self._shipped = 0, now


class Always(Rule):
    """One decision for every invocation."""

    def __init__(self, decision: str) -> None:
        self._decision = decision

    def invoked(self, now: float) -> str:  # noqa: ARG002
        return self._decision


class Periodic(Rule):
    """So many seconds after it has shipped last, as soon as the environment runs."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._shipped = seconds, -inf

    def is_due(self, now: float, size: int, first: float) -> bool:  # noqa: ARG002
        return now >= self._shipped + self._seconds

    def due_at(self, first: float, oldest: float) -> float:
        return max(self._shipped + self._seconds, first, oldest)

    def closed(self, now: float, *, running: bool) -> None:  # noqa: ARG002
        self._shipped = now


class Field(Periodic):
    """The field's rule: the end of the first 20 invocations, then every 20 s while gaps are short on average."""

    def __init__(self) -> None:
        super().__init__(20.0)
        self._last: list[float] = []
        self._at_end = True

    def invoked(self, now: float) -> str:
        self._last = [*self._last[-LEARNED:], now]
        gaps = len(self._last) - 1
        self._at_end = gaps < LEARNED or (now - self._last[0]) / gaps >= MOST_GAP
        return HOLD if self._at_end else RELEASE

    def is_due(self, now: float, size: int, first: float) -> bool:
        return not self._at_end and super().is_due(now, size, first)

    def due_at(self, first: float, oldest: float) -> float:
        return inf if self._at_end else super().due_at(first, oldest)


class Ewma(Field):
    """As the field's rule, but by an exponentially weighted moving average of the gaps, under 60 s."""

    def __init__(self) -> None:
        super().__init__()
        self._mean, self._before = inf, -inf

    def invoked(self, now: float) -> str:
        gap, self._before = now - self._before, now
        self._mean = gap if self._mean == inf else self._mean + SMOOTHING * (gap - self._mean)
        self._at_end = self._mean >= 60  # noqa: PLR2004 - s
        return HOLD if self._at_end else RELEASE


class Adaptation(Rule):
    """The extension's mode `adaptive`."""

    def __init__(self, max_delay: float, memory_mb: int) -> None:
        self._policy = Adaptive(max_delay, memory_mb)
        self._settled = 0.0  # what is due at an INVOKE waits for the last batch of the invocation before

    def invoked(self, now: float) -> str:
        self._settled = now + BUFFERING
        return self._policy.invoked(now)

    def is_due(self, now: float, size: int, first: float) -> bool:
        return size >= OBJECT_BYTES or now >= self.due_at(first, first)

    def due_at(self, first: float, oldest: float) -> float:  # noqa: ARG002
        due_at = self._policy.due_at
        return inf if due_at is None else max(due_at, self._settled)

    def closed(self, now: float, *, running: bool) -> None:
        self._policy.closed(now, running=running)


class Foresight(Rule):
    """Who knows the future: ships at the last moment before something is late, and holds where there is no later one.

    No rule makes fewer objects without being late, for the same environments and the same size limit. `upload`: seconds
    from the end of a handler to the end of the PUT.
    """

    foresees = True

    def __init__(self, max_delay: float, upload: float) -> None:
        self._patience = max_delay - upload - MARGIN

    def is_due(self, now: float, size: int, first: float) -> bool:  # noqa: ARG002
        return size >= OBJECT_BYTES

    def due_at(self, first: float, oldest: float) -> float:  # noqa: ARG002
        return oldest + self._patience


def rules(max_delay: float, memory_mb: int, upload: float) -> dict[str, Callable[[], Rule]]:
    """Return what makes a rule for an environment, by its name. `max_delay` and `upload` are in seconds."""
    delays = dict.fromkeys((5.0, 15.0, 60.0, 300.0, max_delay))
    return {
        "the AWS sample": Sample,
        "thresholds: today's defaults": lambda: Extension(4096, 10, 10_000),
        "thresholds: the template's until now": lambda: Extension(262144, 100, 60_000),
        "end of every invocation": lambda: Always(HOLD),
        "SHUTDOWN only": Rule,
        "beside the next": lambda: Always(BESIDE),
        "end of 20, then every 20 s": Field,
        "moving average, then every 20 s": Ewma,
        "every 20 s": lambda: Periodic(20.0),
        "every 60 s": lambda: Periodic(60.0),
        **{adaptive(delay): partial(Adaptation, delay, memory_mb) for delay in sorted(delays)},
        BOUND: lambda: Foresight(max_delay, upload),
    }


def adaptive(max_delay: float) -> str:
    """Return the name of mode `adaptive` with this MAX_DELAY, in seconds."""
    return f"adaptive, {max_delay:g} s"


BOUND = "knows the future"
