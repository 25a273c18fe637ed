"""The generator alone, with a target in memory: nothing waits while there is a place."""

from __future__ import annotations

import threading
from random import Random

from adaptive_batching.load.core import schedule, script, users
from adaptive_batching.load.generator import Generator, Limits
from adaptive_batching.load.targets import Answer, Outgoing

SCRIPT = "config: {phases: [%s]}\nscenarios: [{flow: [{get: {url: /}}]}]"


class Gate:
    """Answers when `count` requests are there at the same time, all of them at once; over and over."""

    def __init__(self, count: int) -> None:
        self._barrier = threading.Barrier(count)

    def send(self, _request: Outgoing) -> Answer:
        try:
            self._barrier.wait(30)
        except threading.BrokenBarrierError:
            return Answer(None, "ALONE")
        return Answer(200)


def generated(phases: str, target: object, places: int) -> tuple[list[int | None], int]:
    read, _ = script.read(SCRIPT % phases, "load.yaml")
    arrivals = schedule.arrivals(read.config.phases, Random(1))
    generator = Generator(target, Limits(places, 60), lambda _done, _all: None)  # type: ignore[arg-type] # a Target
    measured = generator.run(arrivals, users.users(read, [], Random(1)))
    return [one.code for one in measured.sent], measured.most


def test_as_many_are_in_flight_as_there_are_places() -> None:
    """Each round of 20 is answered only when all 20 are in flight: one that waited behind another would end it."""
    codes, most = generated("{duration: 0.5, arrivalCount: 400}", Gate(20), 20)
    assert codes == [200] * 400
    assert most == 20
