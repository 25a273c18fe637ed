"""Runs tests against one changed module: in a forked child whose imports give the change, nothing on disk changes.

The parent has pytest and Hypothesis loaded, so a child begins with the tests at once. A mutant is caught when a test
fails, or when the tests hang: a changed loop may never end.
"""

from __future__ import annotations

import ast
import importlib.abc
import importlib.util
import os
import random
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

from tests.mutants.operators import changed, changes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests" / "unit"
CORE = (
    "accounts",
    "batcher",
    "circuit",
    "echoes",
    "envelopes",
    "hold",
    "objects",
    "outbox",
    "policy",
    "recovery",
    "settings",
    "shipper",
    "telemetry",
)
#: Files to begin with: those that are about the module. All others follow.
FIRST = {
    "envelopes": ("splits", "telemetry"),
    "hold": ("release", "shipper", "unknown"),
    "outbox": ("outcomes", "shipper", "unknown"),
    "policy": ("release", "variants"),
}
#: What comes last.
SLOW = {"simulation", "telemetry"}
#: Modules of the lifecycle, and the tests that run nothing of it: those of what is read, written and set.
LIFECYCLE = {"accounts", "circuit", "echoes", "hold", "outbox", "policy", "recovery", "shipper"}
ASIDE = {"batcher", "objects", "settings", "splits", "telemetry"}
#: They read the source, which is not changed on disk.
BLIND = {"imports", "reliability"}
#: Of the simulation, in a mutant's run; the tests run more.
LIFECYCLES = "150"
#: Seconds that all tests may take against one mutant.
PATIENCE = 60.0
HOPELESS = float("inf")
#: What catches a mutant.
FAILED, HUNG = "failed", "hung"


@dataclass(frozen=True)
class Mutant:
    """One change of one module of the core, by its number."""

    module: str
    number: int
    what: str

    def __str__(self) -> str:
        return f"extension/{self.module}.py:{self.what}"


def mutants(modules: Sequence[str], seed: int) -> list[Mutant]:
    """Every mutant of these modules, in an order that the seed gives."""
    found = [
        Mutant(module, number, str(change))
        for module in modules
        for number, change in enumerate(changes(ast.parse(_source(module))))
    ]
    random.Random(seed).shuffle(found)
    return found


def run(candidates: Sequence[Mutant | None], jobs: int, seconds: float) -> Iterator[tuple[Mutant | None, str]]:
    """Yield each mutant (None: no change) and what caught it (FAILED, HUNG or ""), until the time is over."""
    end = time.monotonic() + seconds
    waiting = list(reversed(candidates))
    running: dict[int, tuple[Mutant | None, float]] = {}
    while running or (waiting and time.monotonic() < end):
        while waiting and len(running) < jobs and time.monotonic() < end:
            mutant = waiting.pop()
            running[_fork(mutant)] = (mutant, time.monotonic() + PATIENCE)
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid in running:
            mutant, deadline = running.pop(pid)
            yield mutant, "" if status == 0 else HUNG if deadline == HOPELESS else FAILED
            continue
        for late in [one for one, (_, deadline) in running.items() if time.monotonic() > deadline]:
            os.killpg(late, signal.SIGKILL)
            running[late] = (running[late][0], HOPELESS)
        time.sleep(0.01)


def _source(module: str) -> str:
    return (ROOT / "extension" / f"{module}.py").read_text()


def _fork(mutant: Mutant | None) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        os.setpgid(0, 0)
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        code = _test(mutant)
    finally:
        os._exit(code)


def _test(mutant: Mutant | None) -> int:
    os.environ["SIMULATION_LIFECYCLES"] = LIFECYCLES
    quick = (hypothesis.Phase.explicit, hypothesis.Phase.generate)  # that it fails is enough: nothing is shrunk
    hypothesis.settings.register_profile("mutants", derandomize=True, database=None, deadline=None, phases=quick)
    hypothesis.settings.load_profile("mutants")
    files = [*TESTS.glob("extension/test_*.py"), TESTS / "journal" / "test_echoes.py"]
    names = {name: path for path in sorted(files) if (name := path.stem.removeprefix("test_")) not in BLIND}
    about: list[str] = []
    if mutant:
        sys.meta_path.insert(0, _Changed(mutant))
        if mutant.module in LIFECYCLE:
            names = {name: path for name, path in names.items() if name not in ASIDE}
        about = [name for name in names if name in (mutant.module, *FIRST.get(mutant.module, ()))]
    rest = [name for name in names if name not in {*about, *SLOW}]
    last = [name for name in names if name in SLOW.difference(about)]
    for some in ([str(names[name]) for name in group] for group in (about, rest, last)):  # most end with the first
        code = _pytest(some)
        if code:
            return code
    return 0


def _pytest(files: Sequence[str]) -> int:
    options = ["-x", "-q", "--tb=no", "-p", "no:cacheprovider", "--rootdir", str(ROOT)]
    return int(pytest.main([*options, *files])) if files else 0


class _Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports the mutant in its module's place."""

    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant
        self._name = f"extension.{mutant.module}"

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:  # noqa: ARG002 - the protocol
        return importlib.util.spec_from_loader(name, self) if name == self._name else None

    def create_module(self, spec: ModuleSpec) -> None:
        """As usual."""

    def exec_module(self, module: ModuleType) -> None:
        file = str(ROOT / "extension" / f"{self._mutant.module}.py")
        module.__file__ = file
        tree = changed(_source(self._mutant.module), self._mutant.number)
        exec(compile(tree, file, "exec"), module.__dict__)  # noqa: S102 - the mutant
