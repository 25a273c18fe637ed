"""Random mutants of the core, made and tried by mutmut in a copy of the project: a score, and the survivors.

What is mutated and by which tests it is judged stands in pyproject.toml. mutmut tries what it is told to from the quick
to the slow, so it is told some at a time, drawn at random: what was tried when it is stopped is close to a fair sample.
What the tests have missed is then shown to the type checker, which is one of the project's checks. Both figures are
told.
`cd build/mutants && ../mutmut/bin/mutmut browse` shows the results once more.
"""

from __future__ import annotations

import ast
import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / "build" / "mutmut" / "bin" / "mutmut"
FOLDER = ROOT / "build" / "mutants"
#: How many are tried in one run of mutmut; each begins with the tests on the code as it is.
BATCH = 500
#: Of the simulation, for each mutant; `make test` runs more.
LIFECYCLES = "150"
#: Percent of the tried mutants that have to be caught.
GOAL = 96.0
#: Any one mutant.
FIRST = "extension.core.hold.x_silence__mutmut_1"
CAUGHT = {"killed", "timeout", "suspicious", "segfault"}
MISSED = {"survived", "no tests"}


@dataclass(frozen=True)
class Bounds:
    """What is tried, and for how long."""

    word: str
    seed: int
    jobs: int
    end: float
    sample: int  # 0: all


def core(word: str, seed: int, jobs: int, seconds: float, sample: int = 0) -> bool:
    """Try mutants with the word in their name; print score and survivors. Whether the goal was reached."""
    began = time.monotonic()
    shutil.rmtree(FOLDER, ignore_errors=True)
    for name in ("extension", "tests"):
        shutil.copytree(ROOT / name, FOLDER / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", FOLDER)
    try:
        sound = _try(Bounds(word, seed, jobs, began + seconds, sample))
    except KeyboardInterrupt:  # what was tried so far counts
        sound = True
    if not sound:
        return False
    return _told(word, time.monotonic() - began)


def _try(bounds: Bounds) -> bool:
    """Run mutmut until all is tried or the time is over. Whether it ran."""
    chance = random.Random(bounds.seed)
    chosen: list[str] = []
    some = [FIRST]  # after it the names of all are known
    while some and time.monotonic() < bounds.end:
        if not _mutmut(some, bounds):
            print((FOLDER / "mutmut.log").read_text().rpartition("\r")[2][-3000:])
            return False
        outcomes = _outcomes(bounds.word)
        count = Counter(outcomes.values())
        print(f"{sum(count[one] for one in CAUGHT | MISSED)} of {len(outcomes)} tried: {dict(count)}", flush=True)
        if not chosen:
            chosen = sorted(set(outcomes) - {FIRST})
            chance.shuffle(chosen)
            chosen = chosen[: bounds.sample or None]
        some = [name for name in chosen if outcomes[name] not in CAUGHT | MISSED][:BATCH]
    return True


def _mutmut(names: list[str], bounds: Bounds) -> bool:
    command = [str(TOOL), "run", "--max-children", str(bounds.jobs), *names]
    variables = {**os.environ, "SIMULATION_LIFECYCLES": LIFECYCLES}
    with (
        (FOLDER / "mutmut.log").open("w") as log,
        subprocess.Popen(command, cwd=FOLDER, env=variables, stdout=log, stderr=log, process_group=0) as running,
    ):
        try:
            return running.wait(bounds.end - time.monotonic()) == 0
        except subprocess.TimeoutExpired:
            return True
        finally:
            if running.poll() is None:
                running.send_signal(signal.SIGINT)  # it stops its workers
                with contextlib.suppress(subprocess.TimeoutExpired):
                    running.wait(10)
                with contextlib.suppress(ProcessLookupError):  # it is gone, and all of its workers are
                    os.killpg(running.pid, signal.SIGKILL)


def _outcomes(word: str) -> dict[str, str]:
    """The mutants with the word in their name: what became of each."""
    lines = (line.strip().rpartition(": ") for line in _said("results", "--all", "true").splitlines())
    return {name: outcome for name, _, outcome in lines if name and word in name}


def _said(*words: str) -> str:
    return subprocess.run([str(TOOL), *words], cwd=FOLDER, capture_output=True, text=True, check=True).stdout


def _told(word: str, took: float) -> bool:
    outcomes = _outcomes(word)
    tried = {name: outcome for name, outcome in outcomes.items() if outcome in CAUGHT | MISSED}
    if len(tried) > 1:
        tried.pop(FIRST, None)  # it was not drawn
    if not tried:
        print(f"no mutant was tried in {took:.0f} s: the tests come first, with the code as it is")
        return False
    survivors = sorted(name for name, outcome in tried.items() if outcome in MISSED)
    typed = 0
    for name in survivors:
        shown = _said("show", name)
        lines = [line for line in shown.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
        refused = _type_error(name)
        typed += bool(refused)
        verdict = f"type checker: {refused}" if refused else tried[name].upper()
        print(name, *(f"    {line}" for line in lines), f"    {verdict}", sep="\n", flush=True)
    of = Counter(_module(name) for name in tried)
    alive = Counter(_module(name) for name in survivors)
    for module in sorted(of):
        print(f"{module:24}{of[module] - alive[module]:5} of {of[module]:5}")
    hung = sum(outcome == "timeout" for outcome in tried.values())
    caught = len(tried) - len(survivors)
    print(f"tests: {_share(caught, len(tried))} caught ({hung} by hanging), {took:.0f} s")
    print(f"tests and type checker: {_share(caught + typed, len(tried))} caught")
    print(f"{len(outcomes) - len(tried)} of {len(outcomes)} mutants were not tried")
    return 100 * (caught + typed) >= GOAL * len(tried)


def _share(some: int, of: int) -> str:
    return f"{100 * some / max(of, 1):.1f} % ({some} of {of})"


def _type_error(name: str) -> str:
    """Return what the type checker says of a mutant; "" if it finds nothing."""
    file = Path(*_path(name)[0]).with_suffix(".py")
    source = (FOLDER / file).read_text()
    try:
        (FOLDER / file).write_text(_planted(name, source, (FOLDER / "mutants" / file).read_text()))
        command = [sys.executable, "-m", "mypy", "extension", "--no-error-summary", "--no-color-output"]
        checked = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=False)
        return checked.stdout.partition("\n")[0] if checked.returncode else ""
    finally:
        (FOLDER / file).write_text(source)


def _planted(name: str, source: str, mutants: str) -> str:
    """Return the module with the mutant in the place of its function. (mutmut's `apply` may choose another class's.)"""
    scope: ast.Module | ast.ClassDef | ast.FunctionDef = ast.parse(source)
    for part in _path(name)[1]:
        inner = (node for node in scope.body if isinstance(node, ast.ClassDef | ast.FunctionDef))
        scope = next(node for node in inner if node.name == part)
    own = name.rpartition(".")[2]
    mutant = next(
        node for node in ast.walk(ast.parse(mutants)) if isinstance(node, ast.FunctionDef) and node.name == own
    )
    lines, others = source.splitlines(), mutants.splitlines()
    assert isinstance(scope, ast.FunctionDef)
    lines[scope.lineno - 1 : scope.end_lineno] = others[mutant.lineno - 1 : mutant.end_lineno]
    return "\n".join(lines).replace(f"def {own}(", f"def {scope.name}(") + "\n"


def _path(name: str) -> tuple[list[str], list[str]]:
    """Return where a mutant's function is: `module.xǁClassǁmethod__mutmut_1` stands for module, class and method."""
    module, _, rest = name.rpartition(".")
    function = rest.rpartition("__mutmut_")[0]
    return module.split("."), function[2:].split("ǁ") if "ǁ" in function else [function[2:]]


def _module(name: str) -> str:
    return name.rpartition(".")[0]
