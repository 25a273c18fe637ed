"""Invokes functions at a rate, as EventBridge does: asynchronously, for the first time when the rate has passed once.

Source: "Schedule rule" and the events of schedules in the EventBridge user guide.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from typing import TYPE_CHECKING

from adaptive_batching.sandbox.timestamps import stamp

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from adaptive_batching.sandbox.fleet.fleet import Fleet
    from adaptive_batching.sandbox.function import Function
    from adaptive_batching.sandbox.landscape.events import Rate


class Timetable:
    """When each of several rates is due next. Pure: `now` is in seconds, from any beginning."""

    def __init__(self, rates: Sequence[Rate], now: float) -> None:
        self._next = [(now + rate.every, rate) for rate in rates]

    def poll(self, now: float) -> list[Rate]:
        """Return the rates that are due. One that was missed several times is due once."""
        due = [rate for at, rate in self._next if at <= now]
        self._next = [(_after(at, rate.every, now), rate) for at, rate in self._next]
        return due

    def wake_at(self) -> float | None:
        """Return the next time at which a rate is due, None without one."""
        return min((at for at, _ in self._next), default=None)


def event(rate: Rate, function: Function, at: float) -> bytes:
    """Return what a function gets at a time, in seconds since the epoch: the rate's own payload, or the event. Pure."""
    if rate.payload:
        return rate.payload.encode()
    rule = f"arn:aws:events:{function.region}:{function.account}:rule/{rate.name}"
    return json.dumps(
        {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": function.account,
            "time": f"{stamp(at)[:19]}Z",
            "region": function.region,
            "resources": [rule],
            "detail": {},
        }
    ).encode()


class Scheduler:
    """Invokes the functions of rates, until `close`. `fleets` are functions by their names."""

    def __init__(self, rates: Sequence[Rate], fleets: Mapping[str, Fleet]) -> None:
        self._timetable = Timetable(rates, time.monotonic())
        self._fleets = fleets
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._work, name="schedule", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Invoke nothing more."""
        self._closed.set()
        self._thread.join()

    def _work(self) -> None:
        while (wake := self._timetable.wake_at()) is not None:
            if self._closed.wait(max(0.0, wake - time.monotonic())):
                return
            for rate in self._timetable.poll(time.monotonic()):
                fleet = self._fleets[rate.function]
                fleet.events.accept(event(rate, fleet.function, time.time()))


def _after(at: float, every: float, now: float) -> float:
    return at if at > now else at + every * (1 + (now - at) // every)
