"""The order of the files when several run at a time; what every process that a test starts inherits."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    import pytest

#: The files that take longest, longest first: whichever of them began last would be waited for at the end.
LONGEST = (
    "e2e/test_adaptive.py",
    "edge/sandbox/lifecycle/test_faults_whole.py",
    "edge/sandbox/cli/test_serve.py",
    "edge/extension/stores/test_contract.py",
    "edge/experiment/test_experiment.py",
    "unit/extension/simulation/test_simulation.py",
    "edge/extension/test_process.py",
    "edge/extension/shell/test_executor.py",
    "e2e/test_kill.py",
    "edge/sandbox/cli/test_people.py",
    "e2e/test_end_to_end.py",
    "template/test_template.py",
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
