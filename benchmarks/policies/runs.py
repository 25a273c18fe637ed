"""Every rule on every trace, on all processors; the rows of a result."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING, Any

from benchmarks.policies import model, traces
from benchmarks.policies.figures import figures
from benchmarks.policies.rules import adaptive, rules

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.policies.traces import Request

UNHELD = "SHUTDOWN only"
SEEDS = 1, 2
MAX_DELAY = 60.0  # s
MEMORY_MB = 128  # that of template.yaml's function


def compared(requests: Sequence[Request], seed: int, max_delay: float, memory_mb: int) -> dict[str, dict[str, Any]]:
    """Return the figures of every rule on these requests. `max_delay` in seconds: what counts as late."""
    all_rules = rules(max_delay, memory_mb, model.SETTLED + model.PUT)
    cold = model.run(requests, all_rules[UNHELD], seed).cold
    delays = {adaptive(delay): delay for delay in (5.0, 15.0, 60.0, 300.0)}  # these promise another delay
    return {
        name: figures(
            requests, model.run(requests, new_rule, seed), cold, delays.get(name, max_delay), memory_mb
        )._asdict()
        for name, new_rule in all_rules.items()
    }


def _trace(task: tuple[str, int, float, int]) -> tuple[int, str, dict[str, dict[str, Any]]]:
    name, seed, max_delay, memory_mb = task
    return seed, name, compared(traces.trace(name, seed), seed, max_delay, memory_mb)


def everything(
    seeds: Sequence[int], max_delay: float, memory_mb: int, progress: Callable[[str], None]
) -> dict[int, dict[str, dict[str, dict[str, Any]]]]:
    """Return seed -> trace -> rule -> figures; `progress` is called with the name of each trace that is done."""
    tasks = [(name, seed, max_delay, memory_mb) for seed in seeds for name in traces.MAKERS]
    found: dict[int, dict[str, dict[str, dict[str, Any]]]] = {seed: {} for seed in seeds}
    with ProcessPoolExecutor() as pool:
        for seed, name, rows in pool.map(_trace, tasks):
            found[seed][name] = rows
            progress(name)
    return found
