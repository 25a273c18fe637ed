"""Make many invocations in several environments, and collect the records that were delivered to their extensions."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from adaptive_batching.sandbox.lifecycle.results import Result, result_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from adaptive_batching.sandbox.fleet.fleet import Fleet
    from adaptive_batching.sandbox.lifecycle.environment import Environment


def invoke_many(
    fleet: Fleet,
    payload: bytes,
    count: int,
    concurrency: int,
    pause: float,
    report: Callable[[Result, int], None],
) -> list[Result]:
    """Invoke `count` times, `concurrency` at a time, and return the results in the order of their ends.

    Each invocation after the first `concurrency` ones waits `pause` seconds before it starts. `report` is called with
    each result and the number of results so far.
    """
    results: list[Result] = []
    lock = threading.Lock()

    def one(number: int) -> None:
        if number >= concurrency:
            time.sleep(pause)
        invocation = fleet.begin(payload)
        invocation.done.wait()
        result = result_of(invocation)
        with lock:
            results.append(result)
            report(result, len(results))

    with ThreadPoolExecutor(concurrency) as workers:
        list(workers.map(one, range(count)))
    return results


def delivered(environments: Sequence[Environment]) -> list[dict[str, Any]]:
    """Return every record that was delivered. A delivery that the fault `duplicate` repeated counts once."""
    once = {id(delivery): delivery for one in environments for delivery in one.deliveries}
    return [record for delivery in once.values() for record in delivery.records]
