"""Many invocations over several environments, and what was delivered to their extensions."""

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
    tell: Callable[[Result, int], None],
) -> list[Result]:
    """Invoke `count` times, `concurrency` at a time, `pause` seconds between two of the same lane."""
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
            tell(result, len(results))

    with ThreadPoolExecutor(concurrency) as lanes:
        list(lanes.map(one, range(count)))
    return results


def delivered(environments: Sequence[Environment]) -> list[dict[str, Any]]:
    """Return every record that was delivered; what a fault sent again on purpose counts once."""
    once = {id(delivery): delivery for one in environments for delivery in one.deliveries}
    return [record for delivery in once.values() for record in delivery.records]
