"""`logs query`: a query in Logs Insights' language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adaptive_batching.command_line import Argument, refusing
from adaptive_batching.logs.language.errors import LanguageError
from adaptive_batching.logs.verbs.making import format_option, made, refusing_sql

if TYPE_CHECKING:
    from adaptive_batching.logs.reading import Reading


def _query(*, reading: Reading, query: str, format_: str) -> None:
    from adaptive_batching.console import consoles  # noqa: PLC0415 - --help must not load slow modules
    from adaptive_batching.logs.language.insights import DEFAULT_LIMIT, statement  # noqa: PLC0415
    from adaptive_batching.logs.reading import NothingFound  # noqa: PLC0415
    from adaptive_batching.logs.verbs.output import Output  # noqa: PLC0415

    with refusing(LanguageError):
        wanted = statement(query)
    with reading.open() as logs, refusing_sql():
        found = logs.connection.execute(wanted.sql).fetchall()
        rows = found if wanted.limited else found[:DEFAULT_LIMIT]
        Output(logs.zone).rows([name for name, _ in wanted.columns], rows, format_)
        if len(rows) < len(found):
            consoles()[1].say(f"only {DEFAULT_LIMIT:,} rows are shown; `| limit N` shows more")
        if not rows:
            raise NothingFound("the query found nothing")


query = made(
    "query",
    _query,
    [
        Argument(["query"], metavar="QUERY", help="'fields @timestamp, @message | filter … | sort … | limit 20'"),
        format_option("table", "json", "csv"),
    ],
)
