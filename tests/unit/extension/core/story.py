"""One life of the core, told as a script: what happens and when; and what the core does, as one short line each.

Time is a number of seconds since the start. Between two steps the core is woken whenever it asked to be, as the shell
would do it; a freeze moves the clocks without waking anybody. The first chunk has the key 1, the second 2 ...

    1.025 upload 1 first(3)      attempt starts: chunk 1, why, records
    1.03 release r1              the poller may call event/next
    9 abandon 1                  close the connection of the upload of chunk 1
    9 say warning                one line on stderr
    9 exit lost 0
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from extension import events
from extension.errors import StoreError
from tests.unit.extension.build import at, core, function_line, invoke, logs, platform

if TYPE_CHECKING:
    from collections.abc import Callable

    from extension.records.objects import Origin

MOST_WAKES = 10_000


class Story:
    """See the module. Each step runs the core up to its moment first, and returns the story."""

    def __init__(
        self,
        *,
        managed: bool = False,
        chance: Callable[[], float] = lambda: 1.0,
        restored: Callable[[], None] | None = None,
        origin: Origin | None = None,
        **values: object,
    ) -> None:
        self.core = core(managed=managed, chance=chance, restored=restored, origin=origin, **values)
        self.told: list[str] = []
        self.messages: list[str] = []
        self.fields: dict[str, dict[str, object]] = {}  # message -> what stood beside it the last time
        self.chunks: dict[str, events.Upload] = {}  # key number -> last attempt
        self._time = 0.0
        self._frozen_wall = 0.0  # s that only the wall clock has run on
        self._attempt = 0
        self._bodies: dict[str, bytes | str] = {}
        self.figures: dict[str, object] = {}  # of the last line

    def until(self, seconds: float) -> Self:
        """Time passes; the core is woken when it asked to be."""
        for _ in range(MOST_WAKES):
            wake_at = self.core.wake_at()
            if wake_at is None or wake_at - 1000 > seconds:
                self._time = seconds
                return self
            self._time = max(self._time, wake_at - 1000)
            self._feed(None)
        msg = f"the core spins at {self._time}: {self.told}"
        raise AssertionError(msg)

    def freeze(self, seconds: float, *, monotonic: bool = True) -> Self:
        """Nothing runs for so long; without `monotonic` only the wall clock shows it."""
        if monotonic:
            self._time += seconds
        else:
            self._frozen_wall += seconds
        return self

    def invoke(self, request: str, when: float, timeout: float = 30.0, *, telemetry: bool = True) -> Self:
        """INVOKE; the function times out `timeout` seconds later.

        Lambda delivers a batch with `platform.start` at once; the one here is empty, so that a story counts its own
        records alone. Without `telemetry` none comes.
        """
        self.until(when)
        self._feed(invoke(request, self.now(), timeout))
        return self._feed(events.LogsReceived(b"[]")) if telemetry else self

    def logs(self, when: float, *texts: str) -> Self:
        """One POST with these function lines."""
        self.until(when)
        return self._feed(logs(*(function_line(text) for text in texts or ("hello",))))

    def done(self, request: str, when: float) -> Self:
        """One POST with platform.runtimeDone; counted as a record, since platform is shipped by default."""
        self.until(when)
        return self._feed(logs(platform("runtimeDone", request)))

    def post(self, when: float, *envelopes: dict[str, object]) -> Self:
        """One POST."""
        self.until(when)
        return self._feed(logs(*envelopes))

    def stored(self, when: float, attempt: int = 0) -> Self:
        """The store answers the last attempt (or the one named): stored."""
        self.until(when)
        return self._feed(events.Uploaded(attempt or self._attempt))

    def body(self, when: float, body: bytes, serial: int = 0) -> Self:
        """One POST of these bytes, with its number in the journal."""
        self.until(when)
        return self._feed(events.LogsReceived(body, serial, self.now().wall))

    def event(self, when: float, event: events.Event) -> Self:
        """Whatever else may happen."""
        self.until(when)
        return self._feed(event)

    def failed(self, when: float, kind: str = StoreError.SERVER) -> Self:
        """The last attempt ends without success."""
        self.until(when)
        return self._feed(events.UploadFailed(self._attempt, kind, "scripted"))

    def shutdown(self, when: float, budget: float = 2.0, reason: str = "spindown") -> Self:
        """SHUTDOWN (or SIGTERM) with so many seconds to its deadline."""
        self.until(when)
        return self._feed(events.Shutdown(reason, self.now().wall + budget))

    def forget(self) -> Self:
        """What has happened so far is not what the story is about."""
        self.told.clear()
        return self

    @property
    def ledger(self) -> tuple[int, int, int]:
        """Records received, shipped, lost."""
        counters = self.core.counters
        return counters.received, counters.shipped, counters.lost

    def now(self) -> events.Moment:
        """This moment, on both clocks."""
        return at(self._time, self._time + self._frozen_wall)

    def _feed(self, event: events.Event | None) -> Self:
        for action in self.core.handle(event, self.now()):
            if isinstance(action, events.Forget | events.Discard | events.Quarantine):
                continue  # for the journal: test_journalling tells of them
            self.told.append(f"{round(self._time, 3):g} {self._text(action)}")
        return self

    def _text(self, action: events.Action) -> str:
        if isinstance(action, events.Upload):
            chunk = action.chunk
            number = chunk.key.rpartition("-")[2].partition(".")[0]
            assert self._bodies.setdefault(chunk.key, chunk.body) == chunk.body, "a retry has the same key and bytes"
            self._attempt = action.attempt
            self.chunks[number] = action
            return f"upload {number} {chunk.metadata['reason']}({chunk.records})"
        if isinstance(action, events.Abandon):
            assert action.attempt == self._attempt
            return "abandon"
        if isinstance(action, events.KeyChanged):
            assert not self.core.waiting[0].seal_written, "the journal must be told"
            return "rekey " + action.chunk.key.rpartition("-")[2].partition(".")[0]
        if isinstance(action, events.Release):
            return f"release {action.request_id}"
        if isinstance(action, events.Say):
            self.messages.append(action.message)
            self.fields[action.message] = action.fields
            return f"say {action.level}"
        assert isinstance(action, events.Exit)
        self.figures = action.counts
        return f"exit lost {action.lost_records}"


def warm(chance: Callable[[], float] = lambda: 1.0, /, **values: object) -> Story:
    """The story after an uneventful first invocation, at 10 s, with nothing waiting and nothing told."""
    story = Story(managed=False, chance=chance, restored=None, origin=None, **values)
    story.invoke("r0", 0.0).done("r0", 0.1).until(0.2).stored(0.2).until(10.0)
    assert story.told[-1] == "0.2 release r0"
    assert story.core.waiting_records == 0
    return story.forget()
