"""How a command is made of its own parameters and those of reading, and the options that several commands have."""

from __future__ import annotations

import contextlib
import functools
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from adaptive_batching import option_types, prices
from adaptive_batching.command_line import Argument, Command, Mistake, Option
from adaptive_batching.logs.cli import COMMANDS
from adaptive_batching.logs.options import reading_options
from adaptive_batching.option_types import Number, Text
from adaptive_batching.values.bounds import Bounds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import click
    import duckdb

OUTPUT = "output"
format_option = functools.partial(option_types.format_option, parameter="format_", group=OUTPUT)
#: How DuckDB begins what RE2 says of an expression.
_NOT_A_REGEX = "Invalid Input Error: "


def made(
    name: str,
    callback: Callable[..., Any],
    own: Sequence[click.Parameter],
    *,
    since: str = "1h",
    before: Callable[[dict[str, Any]], None] | None = None,
    fixed: Mapping[str, Any] = MappingProxyType({}),
) -> click.Command:
    """Return a command: its own arguments, its own options, then SOURCE and the options of reading.

    `before` may change what the options say before the source is opened. What is `fixed` of reading is no option.
    """
    wrapped: Any = reading_options(callback, since=since, fixed=fixed)
    reading = list(reversed(wrapped.__click_params__))
    arguments = [one for one in own if isinstance(one, Argument)]
    options = [one for one in own if not isinstance(one, Argument)]

    def called(**given: Any) -> Any:  # noqa: ANN401 - click's own
        if before:
            before(given)
        return wrapped(**given)

    return Command(name, callback=called, help=COMMANDS[name][1], params=[*arguments, *options, *reading])


def price_options() -> list[click.Parameter]:
    """Return --price-gb-second and --arm."""
    return [
        Option(
            ["--price-gb-second", "given_price"],
            type=Number(float, Bounds(0, 1)),
            metavar="DOLLARS",
            group=OUTPUT,
            help=f"price of a GB-second (default: the list price of {prices.REGION})",
        ),
        Option(
            ["--arm"],
            type=Text(),
            multiple=True,
            metavar="GLOB",
            group=OUTPUT,
            help="functions that run on arm64, which costs less; repeatable",
        ),
    ]


@contextlib.contextmanager
def refusing_sql() -> Iterator[None]:
    """Turn what DuckDB says of a statement or a regular expression into a Mistake of one line."""
    import duckdb  # noqa: PLC0415 - --help must not load slow modules

    try:
        yield
    except (duckdb.InterruptException, duckdb.OutOfMemoryException):
        raise  # Ctrl-C; of the lines, not of the statement
    except duckdb.Error as error:
        text = " ".join(str(error).split())
        if text.startswith(_NOT_A_REGEX):
            text = f"a regular expression cannot be read (its language is RE2): {text.removeprefix(_NOT_A_REGEX)}"
        raise Mistake(text) from None


def batches(found: duckdb.DuckDBPyConnection, size: int = 1000) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a result without holding all of them."""
    while rows := found.fetchmany(size):
        yield from rows
