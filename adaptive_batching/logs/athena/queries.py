"""The named queries: files of `queries/`, each with a comment of one line that says what it is."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources


@dataclass(frozen=True)
class Query:
    """A query in Athena's SQL. It reads the table `logs` of the database it runs in."""

    name: str
    about: str
    sql: str  # with the comment


def queries() -> list[Query]:
    """Return all queries, by name."""
    folder = resources.files("adaptive_batching.logs.athena") / "queries"
    files = sorted((one for one in folder.iterdir() if one.name.endswith(".sql")), key=lambda one: one.name)
    return [_query(one.name.removesuffix(".sql"), one.read_text(encoding="utf-8")) for one in files]


def _query(name: str, sql: str) -> Query:
    about = sql.partition("\n")[0].removeprefix(f"-- {name}: ")
    return Query(name, about, sql)
