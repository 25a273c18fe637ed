"""What became of every record, and what it cost: received = shipped + filtered + waiting + lost, at all times.

Pure. What is worth telling goes into the next object, as its last line: a record of type `extension.report`.
"""

from __future__ import annotations

import json

from extension.records import objects

REPORT = "extension.report"


SLOTS = 64  # parts of MAX_DELAY; invocations that begin within one count as old as the first of them


class Freshness:
    """How old records grew before they were stored: what mode `adaptive` promises, by invocation.

    An invocation is as old as its INVOKE is long ago, or, after a part of it was shipped, the rest as that is. Managed
    Instances have no INVOKE: the arrival of `platform.start` counts there, and the object that is closed after it.
    """

    __slots__ = ("_max_delay", "_open", "greatest", "invocations", "late", "objects")

    def __init__(self, max_delay: float) -> None:
        self._max_delay = max_delay  # s
        self._open: list[tuple[float, int]] = []  # moments, and how many invocations began then
        self.objects = 0  # that are stored
        self.invocations = 0
        self.late = 0  # invocations of which the end was stored after MAX_DELAY
        self.greatest = 0.0  # s

    def invoked(self, now: float) -> None:
        """Count an INVOKE."""
        self.invocations += 1
        if self._open and now - self._open[-1][0] < self._max_delay / SLOTS:
            since, count = self._open.pop()
            self._open.append((since, count + 1))
        else:
            self._open.append((now, 1))

    def closed(self, now: float, *, running: bool) -> list[tuple[float, int]]:
        """Return who waits for the chunk that was closed. `running`: the last invocation counts with a later one."""
        waited, self._open = self._open, []
        if running:
            self._open.append((now, 1))
            if waited:
                since, count = waited.pop()
                waited.append((since, count - 1))
        return waited

    def stored(self, waited: list[tuple[float, int]], now: float) -> None:
        """Count an object that is stored, and those who waited for it."""
        self.objects += 1
        for since, count in waited:
            age = now - since
            self.greatest = max(self.greatest, age)
            self.late += count * (age > self._max_delay)


class Removed:
    """What the user's filters have removed, where some are set."""

    __slots__ = ("filtered", "redacted")

    def __init__(self) -> None:
        self.filtered = 0  # records that are not shipped
        self.redacted = 0  # records of which something was taken out


class Counters:
    """Counts since the start of this process. `lost` are the extension's own losses, `dropped` the platform's."""

    __slots__ = (
        "_reported",
        "dropped",
        "duplicate_bodies",
        "errors",
        "freshness",
        "held_seconds",
        "lost",
        "lost_bytes",
        "puts",
        "reason",
        "received",
        "refused",
        "removed",
        "request",
        "retries",
        "shipped",
        "torn",
        "unparsed",
    )

    def __init__(self) -> None:
        self.received = 0  # records of the shipped types
        self.shipped = 0  # records that are stored
        self.lost = 0  # records that will not be
        self.lost_bytes = 0
        self.dropped = 0  # records that the platform says it dropped (platform.logsDropped)
        self.unparsed = 0  # entries that could not be read and were shipped as text
        self.duplicate_bodies = 0  # that the platform sent again after the extension's answer was cut
        self.refused = 0  # requests to the listener that were not read, or were not Lambda's
        self.torn = 0  # bytes of the journal that a killed process left unreadable
        self.puts = 0
        self.retries = 0
        self.errors = 0  # unexpected exceptions of the extension's own
        self.held_seconds = 0.0  # that invocations were held open
        self.freshness: Freshness | None = None  # in mode `adaptive`
        self.removed: Removed | None = None  # where filters are set
        self.reason = ""  # why the environment ends, where that is timeout or failure
        self.request = ""  # which request that hit
        self._reported: tuple[object, ...] = self._noteworthy()

    def receive(self, records: int, *, unparsed: int = 0, dropped: int = 0) -> None:
        """Count records that have come, `unparsed` of them as text, and those that the platform has dropped."""
        self.received += records
        self.unparsed += unparsed
        self.dropped += dropped

    def remove(self, filtered: int, redacted: int) -> None:
        """Count records that have come and that filters keep from being shipped, and those that were redacted."""
        if self.removed:
            self.received += filtered
            self.removed.filtered += filtered
            self.removed.redacted += redacted

    def ship(self, records: int, waited: list[tuple[float, int]], now: float) -> None:
        """Count the records of an object that is stored, and those who waited for it."""
        self.shipped += records
        if self.freshness:
            self.freshness.stored(waited, now)

    def lose(self, records: int, size: int = 0) -> None:
        """Count records that will not be stored; `size` is in bytes, as far as it is known."""
        self.lost += records
        self.lost_bytes += size

    def put(self, *, again: bool) -> None:
        """Count a PUT that begins; `again` if it is not the first one of its chunk."""
        self.puts += 1
        self.retries += again

    def hold(self, seconds: float) -> None:
        """Add the seconds that an invocation was held open."""
        self.held_seconds += seconds

    def end(self, reason: str, request: str) -> None:
        """Note that the environment is reset for this reason, which hit this request."""
        self.reason, self.request = reason, request

    def _noteworthy(self) -> tuple[object, ...]:
        return (
            self.lost,
            self.dropped,
            self.unparsed,
            self.duplicate_bodies,
            self.refused,
            self.torn,
            self.retries,
            self.errors,
            self.reason,
            self.removed is not None and self.removed.filtered > 0,
        )

    @property
    def changed_since_report(self) -> bool:
        """Whether something has happened since the last report that a reader of the logs would want to know."""
        return self._noteworthy() != self._reported

    def as_dict(self, waiting: int) -> dict[str, object]:
        """Return every count, for a report or a line on stderr; `waiting` records are neither stored nor lost."""
        counts: dict[str, object] = {
            "received": self.received,
            "shipped": self.shipped,
            "waiting": waiting,
            "lost": self.lost,
            "lostBytes": self.lost_bytes,
            "droppedByPlatform": self.dropped,
            "unparsed": self.unparsed,
            "duplicateBodies": self.duplicate_bodies,
            "refusedRequests": self.refused,
            "tornBytes": self.torn,
            "puts": self.puts,
            "retries": self.retries,
            "errors": self.errors,
            "heldMs": round(self.held_seconds * 1000),
        }
        if self.freshness:
            counts["objects"] = self.freshness.objects
            counts["invocations"] = self.freshness.invocations
            counts["lateInvocations"] = self.freshness.late
            counts["greatestAgeMs"] = round(self.freshness.greatest * 1000)
        if self.removed:
            counts["filtered"] = self.removed.filtered
            counts["redacted"] = self.removed.redacted
        if self.reason:
            counts["shutdownReason"], counts["requestId"] = self.reason, self.request
        return counts

    def report(self, waiting: int, environment: str, sequence: int, wall: float) -> str:
        """Return one line of an object. What it tells does not count as changed afterwards."""
        self._reported = self._noteworthy()
        record = json.dumps(self.as_dict(waiting), separators=(",", ":"))
        envelope = f'{{"time":"{objects.iso_time(wall)}","type":"{REPORT}","record":{record}}}'
        return objects.line(envelope, self.request or None, environment, sequence)
