"""The bounds of the numbers on the command line."""

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
    """The numbers from `low` to `high`, both included. With `above`, `low` itself is excluded."""

    low: float
    high: float = math.inf
    above: bool = False

    def __contains__(self, number: float) -> bool:
        """Return whether the number is within the bounds. nan and inf never are."""
        return self.low <= number <= self.high and number != math.inf and not (self.above and number == self.low)

    def __str__(self) -> str:
        """Describe the bounds for a message."""
        if math.isinf(self.high):
            return f"{self.low:,} or more"
        return f"above {self.low:,} and at most {self.high:,}" if self.above else f"{self.low:,} to {self.high:,}"


class Number(click.ParamType):  # type: ignore[type-arg]  # not a generic class in every version
    """The type of an option that takes a number within bounds."""

    name = "number"

    def __init__(self, kind: type[int | float], bounds: Bounds) -> None:
        self._kind = kind
        self._bounds = bounds

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number. Raises Mistake, with the text that was read, if it is not a number within the bounds."""
        option = max(param.opts, key=len) if param else "the number"
        try:
            number = self._kind(value)
        except ValueError:
            whole = "a whole number" if self._kind is int else "a number"
            raise Mistake(f"{option} {value!r} is not {whole}; it must be {self._bounds}", ctx) from None
        if number not in self._bounds:
            raise Mistake(f"{option} {number} is out of bounds; it must be {self._bounds}", ctx)
        return number


#: The longest wait that an option accepts, in seconds: a day. System calls fail with a traceback for much longer ones.
DAY = 86_400
#: Lambda's quotas for a function: the timeout in seconds, the memory size in MB.
TIMEOUT, MEMORY = Bounds(0, 900, above=True), Bounds(128, 10_240)


def check_function(function: Function) -> None:
    """Raise SandboxError if the timeout or memory size, from an option or the template, exceeds Lambda's quotas."""
    for name, number, bounds, unit in (
        ("timeout", function.timeout, TIMEOUT, "seconds"),
        ("memory size", function.memory, MEMORY, "MB"),
    ):
        if number not in bounds:
            raise SandboxError(f"the {name} {number} is out of bounds; it must be {bounds} {unit}, as on Lambda")
