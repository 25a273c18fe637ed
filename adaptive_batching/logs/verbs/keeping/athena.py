"""`logs athena ddl|queries`: what to paste into Athena."""

from __future__ import annotations

import re

import click

from adaptive_batching.command_line import Argument, Command, Group, Mistake, Option, refusing
from adaptive_batching.option_types import Text

_ADDRESS = re.compile(r"s3://[a-zA-Z0-9.\-_]{3,255}(/.*)?")
_FUNCTION = re.compile(r"[a-zA-Z0-9-_]+")
_HERE = "adaptive_batching.logs.verbs.keeping.athena"
COMMANDS = {
    "ddl": (f"{_HERE}:ddl", "print the statements that create the tables logs and compacted"),
    "queries": (f"{_HERE}:queries", "print queries over the table logs"),
}


def _ddl(source: str, functions: tuple[str, ...], layout: str | None, database: str | None) -> None:
    from adaptive_batching.console import consoles  # noqa: PLC0415 - --help must not load slow modules
    from adaptive_batching.logs.athena import tables  # noqa: PLC0415
    from adaptive_batching.logs.sources import keys  # noqa: PLC0415

    if not _ADDRESS.fullmatch(source):
        raise Mistake(f"{source!r} is not an address like s3://bucket/prefix")
    for name in functions:
        if not _FUNCTION.fullmatch(name):
            raise Mistake(f"--function {name!r} is not the name of a function: Athena's tables list names")
    address = source if source.endswith("/") else f"{source}/"
    with refusing(keys.LayoutError):
        made = tables.tables(address, keys.DEFAULT if layout is None else layout, functions)
    consoles()[0].say("\n".join(tables.ddl(table, database or "") for table in made).rstrip())


def _queries() -> None:
    from adaptive_batching.console import consoles  # noqa: PLC0415 - --help must not load slow modules
    from adaptive_batching.logs.athena.queries import queries as all_  # noqa: PLC0415

    consoles()[0].say("\n".join(one.sql for one in all_()).rstrip())


ddl = Command(
    "ddl",
    callback=_ddl,
    help=COMMANDS["ddl"][1],
    params=[
        Argument(["source"], metavar="SOURCE", help="s3://bucket/prefix, where the extension's keys begin"),
        Option(
            ["--function", "functions"],
            type=Text(),
            multiple=True,
            required=True,
            metavar="NAME",
            help="name of a function; repeatable",
        ),
        Option(["--layout"], type=Text(), metavar="TEMPLATE", help="the extension's S3_PREFIX (default: its default)"),
        Option(["--database"], type=Text(), metavar="NAME", help="database of the tables"),
    ],
)
queries = Command("queries", callback=_queries, help=COMMANDS["queries"][1])


@click.group(cls=Group, lazy=COMMANDS)
def athena() -> None:
    """Statements for Athena: tables that find their partitions by themselves, and queries."""
