"""What each arrival does and with which values: drawn from the seed, in the order of arrivals. Pure."""

from __future__ import annotations

import csv
import io
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from random import Random

    from adaptive_batching.load.core.script import Payload, Scenario, Script

#: A cell that artillery makes a number of: what JavaScript reads as one (csv-parse 4, `cast`). 06 is 6.
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
#: Whole numbers below it are exact in JavaScript.
_EXACT = 2**53

Row = dict[str, Any]


class PayloadError(ValueError):
    """A payload cannot be read. The message is a sentence."""


@dataclass(frozen=True)
class User:
    """A scenario, and the values of its names."""

    scenario: Scenario
    variables: Mapping[str, Any]


def rows(payload: Payload, text: str) -> list[Row]:
    """Return the rows of a payload's file. Raises PayloadError."""
    found: list[Row] = []
    try:
        for number, cells in enumerate(csv.reader(io.StringIO(text.removeprefix("\ufeff")))):
            if not any(cells) or (payload.skip_header and number == 0):
                continue
            if len(cells) < len(payload.fields_):
                raise PayloadError(
                    f"{payload.path}: row {number + 1} has {len(cells)} cells; fields names {len(payload.fields_)}"
                )
            made = [_cast(cell) for cell in cells] if payload.cast else cells
            found.append(dict(zip(payload.fields_, made, strict=False)))
    except csv.Error as error:
        raise PayloadError(f"{payload.path} is not a file of comma-separated values: {error}") from None
    if not found:
        raise PayloadError(f"{payload.path} has no rows")
    return found


def _cast(cell: str) -> Any:  # noqa: ANN401 - a number or the text
    number = float(cell) if _NUMBER.fullmatch(cell.strip()) else math.inf
    if math.isinf(number):
        return cell
    return int(number) if number.is_integer() and abs(number) < _EXACT else number


def users(script: Script, payloads: Sequence[Sequence[Row]], random: Random) -> Iterator[User]:
    """Yield users without end. `payloads` are the rows of the script's payloads."""
    weights = [one.weight for one in script.scenarios]
    number = 0
    while True:
        variables = {
            name: random.choice(given) if isinstance(given, list) and given else given
            for name, given in script.config.variables.items()
        }
        for payload, found in zip(script.config.payload, payloads, strict=True):
            variables |= found[number % len(found)] if payload.order == "sequence" else random.choice(found)
        (scenario,) = random.choices(script.scenarios, weights)
        yield User(scenario, variables)
        number += 1
