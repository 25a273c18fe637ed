"""Which figures the command line takes. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adaptive_batching.sandbox.errors import SandboxError

if TYPE_CHECKING:
    import argparse

    from adaptive_batching.sandbox.function import Function


@dataclass(frozen=True)
class Bounds:
    """From `low` to `high`, both included; `above`: `low` itself is too small."""

    low: float
    high: float = math.inf
    above: bool = False

    def __contains__(self, figure: float) -> bool:
        """Whether it is a figure, and within: nan and inf are not."""
        return self.low <= figure <= self.high and figure != math.inf and not (self.above and figure == self.low)

    def __str__(self) -> str:
        """Say what is allowed."""
        if math.isinf(self.high):
            return f"{self.low:,} or more"
        return f"{'above ' if self.above else ''}{self.low:,} to {self.high:,}"


#: Nobody waits longer than a day; the platform's own calls refuse far larger figures with a traceback.
DAY = 86_400
#: Option, as argparse calls it -> what it may be.
OPTIONS = {
    "invocations": Bounds(1),
    "concurrency": Bounds(1),
    "pause": Bounds(0, DAY),
    "idle": Bounds(0, DAY),
    "init_timeout": Bounds(0, DAY, above=True),
    "port": Bounds(0, 65_535),
}
#: Lambda's quotas of a function.
TIMEOUT, MEMORY = Bounds(0, 900, above=True), Bounds(128, 10_240)


def check(arguments: argparse.Namespace) -> None:
    """Raise SandboxError for the first figure that is out of bounds."""
    for name, bounds in OPTIONS.items():
        _check(f"--{name.replace('_', '-')}", getattr(arguments, name, None), bounds)


def check_function(function: Function) -> None:
    """Raise SandboxError for a timeout or memory size that Lambda would not take, wherever it was said."""
    _check("the timeout", function.timeout, TIMEOUT, " seconds, as on Lambda")
    _check("the memory size", function.memory, MEMORY, " MB, as on Lambda")


def _check(name: str, figure: float | None, bounds: Bounds, unit: str = "") -> None:
    if figure is not None and figure not in bounds:
        raise SandboxError(f"{name} {figure} is out of bounds; it is {bounds}{unit}")
