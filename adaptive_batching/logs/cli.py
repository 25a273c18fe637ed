"""`adaptive-batching logs …`: the group of commands, each of which is loaded when it runs."""

from __future__ import annotations

import click

from adaptive_batching import command_line

#: Command -> ("module:name of the command in it", one line for --help).
COMMANDS: dict[str, tuple[str, str]] = {
    "athena": (
        "adaptive_batching.logs.verbs.keeping.athena:athena",
        "print what to paste into Athena: tables and queries",
    ),
    "compact": (
        "adaptive_batching.logs.verbs.keeping.compact:compact",
        "put the many objects of a function's day into few Parquet files, which all commands read in their place",
    ),
    "cost": (
        "adaptive_batching.logs.verbs.keeping.cost:cost",
        "a month of these logs on S3 and through Athena, against CloudWatch; or of logs that are assumed",
    ),
    "fetch": (
        "adaptive_batching.logs.verbs.fetch:fetch",
        "copy the objects of a window into a folder, as they are",
    ),
    "invocations": (
        "adaptive_batching.logs.verbs.invocations:invocations",
        "one row for each invocation: duration, init, memory, status, cost, first error",
    ),
    "match": (
        "adaptive_batching.logs.verbs.match:match",
        "print the log events that a filter pattern of CloudWatch matches",
    ),
    "query": (
        "adaptive_batching.logs.verbs.query:query",
        "run a query in the language of CloudWatch Logs Insights",
    ),
    "report": (
        "adaptive_batching.logs.verbs.report:report",
        "figures by function and over time: errors, timeouts, durations, cost, traces; as text, JSON, CSV or a page",
    ),
    "search": (
        "adaptive_batching.logs.verbs.search:search",
        "print the lines that match: by request, trace, level, text, field or expression",
    ),
    "sql": (
        "adaptive_batching.logs.verbs.sql:sql",
        "run SQL (DuckDB's) over the views logs and objects",
    ),
    "tail": (
        "adaptive_batching.logs.verbs.tail:tail",
        "print the newest lines of all functions in one stream, and with -f those that come",
    ),
    "trace": (
        "adaptive_batching.logs.verbs.trace:trace",
        "show one request through all functions: what ran, what waited, what was never reached",
    ),
}


@click.group(cls=command_line.Group, lazy=COMMANDS)
def logs() -> None:
    """Read the logs that the extension shipped, from S3 or from a folder."""
