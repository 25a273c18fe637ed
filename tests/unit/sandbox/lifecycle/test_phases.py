"""The sandbox's middle: construction is one way, the phases have one signature, each option is explained."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from adaptive_batching.sandbox import options
from adaptive_batching.sandbox.lifecycle.init import initialise, restore
from adaptive_batching.sandbox.lifecycle.invoke import invoke, invoke_managed
from adaptive_batching.sandbox.lifecycle.shutdown import shut_down
from tests.unit.walls import ROOT, ours

if TYPE_CHECKING:
    from collections.abc import Callable

LIFECYCLE = "adaptive_batching.sandbox.lifecycle"


@pytest.mark.parametrize("name", ["resources", "supervisor", "shutdown", "init"])
def test_what_is_made_first_knows_nothing_of_what_is_made_with_it(name: str) -> None:
    path = ROOT / LIFECYCLE.replace(".", "/") / f"{name}.py"
    assert [one for one in ours(path, "adaptive_batching") if one.startswith(LIFECYCLE + ".")] == []


@pytest.mark.parametrize("phase", [initialise, restore, invoke, invoke_managed, shut_down])
def test_each_phase_is_a_function_over_the_supervisor(phase: Callable[..., object]) -> None:
    first = next(iter(inspect.signature(phase).parameters.values()))
    assert (first.name, first.annotation) == ("supervisor", "Supervisor")


@pytest.mark.parametrize("name", ["Shapes", "Options"])
def test_each_option_is_explained_beside_it(name: str) -> None:
    tree = ast.parse(Path(options.__file__).read_text())
    body = next(node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    pairs = list(zip(body[1::2], body[2::2], strict=True))  # the class's docstring, then field and docstring in turn
    assert pairs
    for field, said in pairs:
        assert isinstance(field, ast.AnnAssign)
        assert isinstance(said, ast.Expr)
        assert "Default:" in ast.unparse(said.value)
