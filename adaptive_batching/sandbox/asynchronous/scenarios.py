"""The four scenarios of AWS's guide to the metrics of asynchronous invocations, and how each is played. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from adaptive_batching.sandbox.asynchronous import metrics
from adaptive_batching.sandbox.asynchronous.configuration import Configuration
from adaptive_batching.sandbox.asynchronous.diagnosis import Diagnosis, Figures, diagnose
from adaptive_batching.sandbox.asynchronous.virtual import History, Outcome, Play

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from adaptive_batching.sandbox.asynchronous.metrics import Datum

#: The first moment of a scenario, in seconds of the day: 08:23:48. Where a minute ends decides what a graph shows; so
#: the third one has four throttles in the first minute and two in the next, as in the guide.
START = 8 * 3600 + 23 * 60 + 48
#: Seconds for which the guide's function sleeps.
SLEEP = 90.0


@dataclass(frozen=True)
class Scenario:
    """One scenario. `events` arrive at once; each run takes `duration` seconds, and raises if `error`."""

    name: str
    title: str
    configuration: Configuration
    events: int
    duration: float
    error: bool = False


SCENARIOS = {
    one.name: one
    for one in (
        Scenario("errors", "delays due to function errors", Configuration(), 1, 0.0, error=True),
        Scenario("concurrency", "delays because of concurrency limits", Configuration(reserved=1), 2, SLEEP),
        Scenario("expiry", "events dropped because they expired", Configuration(max_age=60, reserved=1), 2, SLEEP),
        Scenario("zero", "events dropped by reserved concurrency 0", Configuration(max_age=60, reserved=0), 1, SLEEP),
    )
}


def play(scenario: Scenario, stretch: Callable[[float], float] = lambda wait: wait) -> History:
    """Play a scenario on the virtual clock, from 0 s."""
    outcome = Outcome(scenario.duration, scenario.error)
    return Play(
        arrivals=[0.0] * scenario.events,
        outcome=lambda _event: outcome,
        changes=[(0.0, scenario.configuration)],
        stretch=stretch,
    ).until_quiet()


def diagnosis(configuration: Configuration, data: Iterable[Datum]) -> Diagnosis:
    """Return what the metrics say, by the tree that `async diagnose` goes down."""
    data = list(data)
    ages = [one.value / 1000 for one in data if one.name == metrics.AGE]
    return diagnose(
        Figures(
            received=metrics.total(data, metrics.RECEIVED),
            dropped=metrics.total(data, metrics.DROPPED),
            throttled=metrics.total(data, metrics.THROTTLES),
            errors=metrics.total(data, metrics.ERRORS),
            age=max(ages, default=None),
            retries=configuration.retries,
            max_age=configuration.max_age,
            reserved=configuration.reserved,
        )
    )
