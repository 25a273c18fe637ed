"""Many invocations over several environments, and what can be said about them afterwards."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from typing import TYPE_CHECKING, Any

from adaptive_batching.sandbox.lifecycle.results import Result, result_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from adaptive_batching.sandbox.faults import Faults
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


def summarise(results: Sequence[Result], environments: Sequence[Environment], faults: Faults) -> list[str]:
    """Return the lines of a summary. Reads what the environments delivered, nothing else."""
    metrics = [result.report.get("metrics", {}) for result in results]
    durations = [one["durationMs"] for one in metrics if "durationMs" in one]
    inits = [one["initDurationMs"] for one in metrics if "initDurationMs" in one]
    overheads = [
        span["durationMs"]
        for result in results
        for span in result.report.get("spans", [])
        if span["name"] == "extensionOverhead"
    ]
    couriers = [courier for one in environments for courier in one.telemetry.couriers()]
    failed = sum(result.function_error is not None for result in results)
    records = sum(len(delivery.events) for one in couriers for delivery in one.deliveries)
    told = (
        f"{sum(len(one.deliveries) for one in couriers):,} deliveries, {records:,} records, "
        f"{sum(one.failures for one in couriers):,} failed attempts, {sum(one.dropped for one in couriers):,} dropped, "
        f"{sum(one.undelivered() for one in couriers):,} never delivered"
    )
    lines = [
        f"invocations   {len(results)}, {failed} failed, {len(environments)} environments",
        f"init          {_spread(inits)}",
        f"duration      {_spread(durations)}",
        f"  of it extensions after the function {_spread(overheads)}",
        f"telemetry     {told}",
    ]
    lines += [f"fault         {line}" for line in faults.summary()]
    lines += [f"lost on purpose  {line.rstrip()}" for one in environments for line in one.lost_lines]
    return lines


def _spread(values: Sequence[float]) -> str:
    if not values:
        return "-"
    return f"median {median(values):.1f} ms, longest {max(values):.1f} ms"
