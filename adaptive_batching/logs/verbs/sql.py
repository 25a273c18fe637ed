"""`logs sql`: SQL over the views `logs` and `objects`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adaptive_batching.command_line import Argument
from adaptive_batching.logs.verbs.making import batches, format_option, made, refusing_sql

if TYPE_CHECKING:
    from adaptive_batching.logs.reading import Reading


def _sql(*, reading: Reading, statement: str, format_: str) -> None:
    from adaptive_batching.logs.reading import NothingFound  # noqa: PLC0415 - --help must not load slow modules
    from adaptive_batching.logs.verbs.output import Output  # noqa: PLC0415

    with reading.open() as logs, refusing_sql():
        found = logs.connection.execute(statement)
        names = [str(column[0]) for column in found.description or []]
        count = Output(logs.zone).rows(names, batches(found), format_)
    if not count:
        raise NothingFound("the statement found nothing")


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
