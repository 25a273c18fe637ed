"""The order of the files when several run at a time; what every process that a test starts inherits."""

from __future__ import annotations

import gc
import signal
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    import pytest

#: The files that take longest, longest first: whichever of them began last would be waited for at the end.
LONGEST = (
    "edge/logs/test_compactions_at_once.py",
    "unit/extension/simulation/test_simulation.py",
    "edge/logs/test_compaction.py",
    "e2e/test_adaptive.py",
    "edge/logs/test_moved.py",
    "edge/logs/test_cache.py",
    "edge/operate/test_cloudwatch.py",
    "edge/logs/report/test_report.py",
    "edge/operate/doctor/test_odd_templates.py",
    "documents/test_outputs.py",
    "edge/logs/test_damage.py",
    "edge/logs/trace/test_invocations.py",
    "edge/sandbox/cli/test_people.py",
    "edge/operate/test_foreign_layers.py",
    "e2e/test_kill.py",
    "edge/sandbox/lifecycle/test_faults_whole.py",
    "edge/sandbox/host/test_executable.py",
    "edge/sandbox/cli/test_serve.py",
    "edge/extension/test_secrets.py",
    "e2e/test_async_scenarios.py",
)


# How long an example takes to draw and to run says more about what else the machine does than about the code.
settings.register_profile("busy machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy machine")


def pytest_configure() -> None:
    """A shell has SIGINT ignored by what it runs in the background; what a test starts must not inherit that."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let workers begin with the longest files; pytest alone keeps its own order."""
    if not hasattr(config, "workerinput"):
        return
    root = config.rootpath / "tests"
    ranks = {root / name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path, len(LONGEST)))


def pytest_collection_finish() -> None:
    """Let the garbage collector run seldom, and not through what was collected: it took a fifth of the CPU.

    Each client of boto3 makes 100,000 objects, and in some tests a thread keeps it, as in the extension, for ever.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50)
