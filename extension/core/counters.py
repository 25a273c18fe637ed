"""What became of every record, and what it cost: received = shipped + waiting + lost, at all times.

Pure. What is worth telling goes into the next object, as its last line: a record of type `extension.report`.
"""

from __future__ import annotations

import json

from extension.records import objects

REPORT = "extension.report"


class Counters:
    """Counts since the start of this process. `lost` are the extension's own losses, `dropped` the platform's."""

    __slots__ = (
        "_reported",
        "dropped",
        "duplicate_bodies",
        "errors",
        "held_seconds",
        "lost",
        "lost_bytes",
        "puts",
        "reason",
        "received",
        "refused",
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
        self.reason = ""  # why the environment ends, where that is timeout or failure
        self.request = ""  # which request that hit
        self._reported: tuple[object, ...] = self._noteworthy()

    def receive(self, records: int, *, unparsed: int = 0, dropped: int = 0) -> None:
        """Count records that have come, `unparsed` of them as text, and those that the platform has dropped."""
        self.received += records
        self.unparsed += unparsed
        self.dropped += dropped

    def ship(self, records: int) -> None:
        """Count records that are stored."""
        self.shipped += records

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
        if self.reason:
            counts["shutdownReason"], counts["requestId"] = self.reason, self.request
        return counts

    def report(self, waiting: int, environment: str, sequence: int, wall: float) -> str:
        """Return one line of an object. What it tells does not count as changed afterwards."""
        self._reported = self._noteworthy()
        record = json.dumps(self.as_dict(waiting), separators=(",", ":"))
        envelope = f'{{"time":"{objects.iso_time(wall)}","type":"{REPORT}","record":{record}}}'
        return objects.line(envelope, self.request or None, environment, sequence)
