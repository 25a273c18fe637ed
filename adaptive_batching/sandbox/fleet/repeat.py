"""Make many invocations in several environments, and collect the records that were delivered to their extensions."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from adaptive_batching.sandbox.fleet.fleet import ThrottledError
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
    stop: threading.Event | None = None,
) -> list[Result]:
    """Invoke `count` times, `concurrency` at a time, and return the results in the order of their ends.

    A throttled invocation has a result too, with the status 429. Each invocation after the first `concurrency` ones
    waits `pause` seconds before it starts. `report` is called with each result and the number of results so far. Once
    `stop` is set, no further invocation is started.
    """
    results: list[Result] = []
    lock = threading.Lock()
    numbers = iter(range(count))
    stopped = stop or threading.Event()
    failed = threading.Event()

    def work() -> None:
        while not (stopped.is_set() or failed.is_set()):
            with lock:
                number = next(numbers, None)
            if number is None or (number >= concurrency and stopped.wait(pause)):
                return
            try:
                result = _invoked(fleet, payload)
                with lock:
                    results.append(result)
                    report(result, len(results))
            except BaseException:
                failed.set()
                raise

    workers = min(count, concurrency)
    with ThreadPoolExecutor(workers) as pool:
        for future in [pool.submit(work) for _ in range(workers)]:
            future.result()
    return results


def _invoked(fleet: Fleet, payload: bytes) -> Result:
    try:
        invocation = fleet.begin(payload)
    except ThrottledError as throttled:
        body = {"Type": "User", "Reason": throttled.reason, "message": "Rate Exceeded."}
        return Result("", json.dumps(body).encode(), "TooManyRequestsException", "", {}, HTTPStatus.TOO_MANY_REQUESTS)
    invocation.done.wait()
    return result_of(invocation)


def delivered(environments: Sequence[Environment], to: str | None = None) -> list[dict[str, Any]]:
    """Return every record that was delivered, to all extensions or to the one with the name `to`.

    A delivery that the fault `duplicate` repeated counts once.
    """
    once = {id(delivery): delivery for one in environments for delivery in one.deliveries}
    return [record for one in once.values() if to in {None, one.subscriber} for record in one.records]
