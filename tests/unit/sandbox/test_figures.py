"""Which figures the command line takes, and what it says of the others."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from adaptive_batching.command_line import Mistake
from adaptive_batching.sandbox.cli import bounds
from adaptive_batching.sandbox.cli.run import run
from adaptive_batching.sandbox.cli.serve import serve
from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.function import Function

COMMANDS: dict[str, click.Command] = {
    "invocations": run, "concurrency": serve, "pause": run, "idle": serve, "init_timeout": run, "port": serve,
}  # fmt: skip
TAKEN = [("invocations", 1), ("concurrency", 1_000), ("pause", 0.0), ("pause", 0.5), ("idle", 0.0), ("idle", None),
         ("init_timeout", 0.1), ("port", 0), ("port", 65_535)]  # fmt: skip
REFUSED = [("invocations", 0), ("concurrency", -1), ("pause", -1.0), ("pause", float("nan")), ("idle", float("inf")),
           ("init_timeout", 0.0), ("port", -1), ("port", 65_536), ("invocations", -(10**400)),
           ("invocations", 10**9), ("concurrency", 1_001)]  # fmt: skip
NOT_NUMBERS = [("invocations", "many", "a whole number"), ("port", "1.5", "a whole number"), ("idle", "s", "a number")]


def read(name: str, text: str | None) -> object:
    """What the command makes of an option's text; it has the option under its own name."""
    (option,) = (one for one in COMMANDS[name].params if one.name == name)
    assert f"--{name.replace('_', '-')}" in option.opts
    return option.type_cast_value(click.Context(COMMANDS[name]), text)


@pytest.mark.parametrize(("name", "figure"), TAKEN)
def test_what_is_within_bounds_is_taken(name: str, figure: float | None) -> None:
    assert read(name, None if figure is None else str(figure)) == figure


@pytest.mark.parametrize(("name", "figure"), REFUSED)
def test_what_is_out_of_bounds_is_refused_with_what_was_read(name: str, figure: float) -> None:
    with pytest.raises(Mistake) as refused:
        read(name, str(figure))
    assert f"--{name.replace('_', '-')} {figure} is out of bounds" in str(refused.value)


@pytest.mark.parametrize(("name", "text", "wanted"), NOT_NUMBERS)
def test_what_is_not_a_number_is_refused_with_what_was_read(name: str, text: str, wanted: str) -> None:
    with pytest.raises(Mistake, match=f"--{name} '{text}' is not {wanted}; it must be "):
        read(name, text)


@pytest.mark.parametrize(("timeout", "memory"), [(0.1, 128), (900.0, 10_240)])
def test_a_function_within_lambdas_quotas_is_taken(timeout: float, memory: int) -> None:
    bounds.check_function(Function(Path(), timeout=timeout, memory=memory))


QUOTAS = [
    (0.0, 128, "timeout 0.0 is out of bounds; it must be above 0 and at most 900 seconds"),
    (901.0, 128, "timeout 901.0 is"),
    (float("nan"), 128, "timeout nan is"),
    (3.0, 127, "memory size 127 is out of bounds; it must be 128 to 10,240 MB, as on Lambda"),
    (3.0, 10_241, "memory size 10241 is"),
]
NAMES = ["", "a b", "x.y/z", "fü", "n" * 65, "-\n"]


@pytest.mark.parametrize(("timeout", "memory", "said"), QUOTAS)
def test_a_function_beyond_lambdas_quotas_is_refused(timeout: float, memory: int, said: str) -> None:
    with pytest.raises(SandboxError, match=said):
        bounds.check_function(Function(Path(), timeout=timeout, memory=memory))


@pytest.mark.parametrize("name", NAMES)
def test_a_function_with_a_name_that_lambda_does_not_accept_is_refused(name: str) -> None:
    with pytest.raises(SandboxError, match="--name gives another"):
        bounds.check_function(Function(Path(), name=name))
