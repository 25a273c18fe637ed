"""Which numbers the command line takes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from adaptive_batching.command_line import Mistake
from adaptive_batching.sandbox.errors import SandboxError

if TYPE_CHECKING:
    from adaptive_batching.sandbox.function import Function


@dataclass(frozen=True)
class Bounds:
    """From `low` to `high`, both included; `above`: `low` itself is too small."""

    low: float
    high: float = math.inf
    above: bool = False

    def __contains__(self, number: float) -> bool:
        """Whether it is a number, and within: nan and inf are not."""
        return self.low <= number <= self.high and number != math.inf and not (self.above and number == self.low)

    def __str__(self) -> str:
        """Say what is allowed."""
        if math.isinf(self.high):
            return f"{self.low:,} or more"
        return f"{'above ' if self.above else ''}{self.low:,} to {self.high:,}"


class Number(click.ParamType):  # type: ignore[type-arg]  # not a generic class in every version
    """The type of an option that takes a number within bounds."""

    name = "number"

    def __init__(self, kind: type[int | float], bounds: Bounds) -> None:
        self._kind = kind
        self._bounds = bounds

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number. Raises Mistake with what was read."""
        option = max(param.opts, key=len) if param else "the number"
        try:
            number = self._kind(value)
        except ValueError:
            whole = "a whole number" if self._kind is int else "a number"
            raise Mistake(f"{option} {value!r} is not {whole}; it is {self._bounds}", ctx) from None
        if number not in self._bounds:
            raise Mistake(f"{option} {number} is out of bounds; it is {self._bounds}", ctx)
        return number


#: Nobody waits longer than a day; the platform's own calls refuse far larger numbers with a traceback.
DAY = 86_400
#: Lambda's quotas of a function.
TIMEOUT, MEMORY = Bounds(0, 900, above=True), Bounds(128, 10_240)


def check_function(function: Function) -> None:
    """Raise SandboxError for a timeout or memory size that Lambda would not take, wherever it was said."""
    for name, number, bounds, unit in (
        ("timeout", function.timeout, TIMEOUT, "seconds"),
        ("memory size", function.memory, MEMORY, "MB"),
    ):
        if number not in bounds:
            raise SandboxError(f"the {name} {number} is out of bounds; it is {bounds} {unit}, as on Lambda")
