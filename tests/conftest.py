"""The order of the files when several run at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

#: The files that take longest, longest first: whichever of them began last would be waited for at the end.
LONGEST = (
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
    "layer/test_template.py",
)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let workers begin with the longest files; pytest alone keeps its own order."""
    if not hasattr(config, "workerinput"):
        return
    root = config.rootpath / "tests"
    ranks = {root / name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path, len(LONGEST)))
