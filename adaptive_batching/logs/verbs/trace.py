"""`logs trace`: one request through all functions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from adaptive_batching import prices
from adaptive_batching.command_line import Argument
from adaptive_batching.logs.verbs.making import format_option, made, price_options, refusing_sql
from adaptive_batching.option_types import Text

if TYPE_CHECKING:
    from collections.abc import Callable

    import duckdb

    from adaptive_batching.logs.reading import Reading
    from adaptive_batching.logs.trace.waterfall import Trace


def _trace(*, reading: Reading, id_: str, given_price: float | None, arm: tuple[str, ...], format_: str) -> None:
    from adaptive_batching.logs.reading import NothingFound  # noqa: PLC0415 - --help must not load slow modules
    from adaptive_batching.logs.trace import document, drawing, otlp  # noqa: PLC0415
    from adaptive_batching.logs.trace.finding import plain  # noqa: PLC0415
    from adaptive_batching.logs.verbs.output import Output  # noqa: PLC0415

    wanted = plain(id_)
    with reading.open() as logs, refusing_sql():
        trace = found(logs.connection, wanted, lambda function: prices.gb_second(function, arm, given_price))
        out = Output(logs.zone)
        if trace is None:
            raise NothingFound(f"no line has the id {wanted!r}; it may be outside the window: see --since")
        if format_ == "text":
            for line in drawing.text(trace, logs.zone):
                out.line(line)
        else:
            made_of: dict[str, Any] = otlp.request(trace) if format_ == "otlp" else document.members(trace)
            out.line(json.dumps(made_of, ensure_ascii=False))


def found(connection: duckdb.DuckDBPyConnection, wanted: str, price: Callable[[str], float]) -> Trace | None:
    """Return the trace that an id leads to, or None. `price` is that of a function's GB-second."""
    from adaptive_batching.logs.trace import finding, invocations  # noqa: PLC0415
    from adaptive_batching.logs.trace.waterfall import Line, put_together  # noqa: PLC0415

    connection.execute(finding.seeds(wanted))
    connection.execute(finding.requests(wanted))
    lines = [Line(*row) for row in connection.execute(finding.lines()).fetchall()]
    if not lines:
        return None
    runs = invocations.rows(connection.execute(invocations.query("requests")).fetchall())
    first = next((line.milestone for line in lines if line.milestone), None)
    alike = connection.execute(finding.milestones(first)).fetchall() if first else []
    return put_together(wanted, runs, lines, alike, price)


trace = made(
    "trace",
    _trace,
    [
        Argument(
            ["id_"],
            type=Text(),
            metavar="ID",
            help="of a request or a trace (as loggers write it, X-Ray's), or a field's value",
        ),
        format_option("text", "json", "otlp"),
        *price_options(),
    ],
    since="24h",
)
