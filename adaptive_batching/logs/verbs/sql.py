"""`logs sql`: SQL over the views `logs` and `objects`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adaptive_batching.command_line import Argument, Mistake
from adaptive_batching.logs.verbs.making import batches, format_option, made, refusing_sql

if TYPE_CHECKING:
    from adaptive_batching.logs.reading import Reading

#: Kinds of DuckDB's statements that run: none that changes the views, and none that downloads (INSTALL is a LOAD).
RUN = {"SELECT", "EXPLAIN", "COPY", "MULTI"}  # the last is a PIVOT


def _sql(*, reading: Reading, statement: str, format_: str) -> None:
    from adaptive_batching.logs.reading import NothingFound  # noqa: PLC0415 - --help must not load slow modules
    from adaptive_batching.logs.verbs.output import Output  # noqa: PLC0415

    _check(statement)
    with reading.open() as logs, refusing_sql():
        found = logs.connection.execute(statement)
        names = [str(column[0]) for column in found.description or []]
        count = Output(logs.zone).rows(names, batches(found), format_)
        if not count:
            raise NothingFound("the statement found nothing")


def _check(text: str) -> None:
    """Raise Mistake unless the text is one statement that runs here."""
    import duckdb  # noqa: PLC0415 - --help must not load slow modules

    with refusing_sql():
        kinds = [statement.type.name for statement in duckdb.connect().extract_statements(text)]
    if len(kinds) != 1:
        raise Mistake(f"one statement is run at a time, and there are {len(kinds)}")
    if kinds[0] not in RUN:
        raise Mistake("only SELECT, DESCRIBE, SUMMARIZE, EXPLAIN and COPY … TO are run here")


sql = made(
    "sql",
    _sql,
    [
        Argument(
            ["statement"],
            metavar="SQL",
            help="'select function, count(*) from logs group by all'; see docs/logs/query.md",
        ),
        format_option("table", "json", "csv"),
    ],
)
