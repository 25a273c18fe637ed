"""Athena's SQL is read by a parser of its dialect, and its queries are run over shipped lines in DuckDB."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import duckdb
import pytest
import sqlglot
from sqlglot import exp

from adaptive_batching.cli import main
from adaptive_batching.logs.athena.queries import Query, queries
from adaptive_batching.logs.athena.tables import ddl, tables
from adaptive_batching.logs.sources import compacted, keys
from tests.fakes.shipped import Shipped, report, started, text
from tools import athena as written

if TYPE_CHECKING:
    from pathlib import Path

#: Functions that Trino, Athena's engine, has: trino.io/docs/current/functions.
TRINO = {
    *("approx_percentile", "cast", "count", "count_if", "current_timestamp", "date_format", "json_extract_scalar"),
    *("max", "min", "regexp_like", "substr"),
}
#: What stands in a query like a function and is none.
NO_FUNCTION = (exp.And, exp.Or)


def called(sql: str) -> set[str]:
    """The functions of a query, as Athena writes them."""
    tree = sqlglot.parse_one(sql, read="athena")
    found = [one for one in tree.find_all(exp.Func) if not isinstance(one, NO_FUNCTION)]
    return {one.sql(dialect="athena").partition("(")[0].strip().lower() for one in found}


@pytest.mark.parametrize("query", queries(), ids=lambda one: one.name)
def test_queries_use_functions_that_athena_has(query: Query) -> None:
    assert called(query.sql) <= {*TRINO, *("substring", "json_extract_scalar")}
    assert query.about
    assert query.sql.startswith(f"-- {query.name}: ")


def test_a_function_that_athena_lacks_is_seen() -> None:
    assert called("select time_bucket(interval '1' hour, ts) from logs") - TRINO
    assert called("select list_filter(x, 1) from logs") - TRINO


@pytest.mark.parametrize(
    "layout", [keys.DEFAULT, "", "x/{year}/{month}/{day}/{function}/", "{account}/{version}/{date}/"]
)
def test_tables_can_be_read_and_find_the_keys(layout: str) -> None:
    logs, packed = tables("s3://b/p/", layout, ["orders", "stock"])
    for table in (logs, packed):
        (parsed,) = sqlglot.parse(ddl(table, "d").rstrip(";\n"), read="athena")
        assert isinstance(parsed, exp.Create)
        assert {f"projection.{one}.type" for one in table.partitions} <= set(table.parameters)
    told = {**dict.fromkeys(keys.PLACEHOLDERS, "1"), "function": "orders", "date": "2026-11-20"}
    if layout:
        location = logs.parameters["storage.location.template"]
        for name in logs.partitions:
            location = location.replace(f"${{{name}}}", told[name])
        assert location == "s3://b/p/" + layout.format(**told)
    location = packed.parameters["storage.location.template"].replace("${", "{").format(**told)
    assert compacted.key("p/", "orders", "2026-11-20", []).startswith(location.removeprefix("s3://b/"))


def test_queries_find_what_was_shipped(tmp_path: Path) -> None:
    now = datetime.now(UTC) - timedelta(minutes=5)
    ship = Shipped(tmp_path, "orders", now=now)
    ship(started("r1"), text("[ERROR] ValueError: no"), report("r1", ms=12, init_ms=3, used=70))
    ship.sequence += 2
    ship(started("r2"), text("hello"), report("r2", ms=20, status="timeout"))
    found = {}
    with duckdb.connect() as connection:
        names = ("time", "type", "record", "requestId", "environment")
        columns = ", ".join([*(f"{one}: 'VARCHAR'" for one in names), "sequence: 'BIGINT'"])
        connection.execute(f"""create view logs as select * from read_json('{tmp_path}/*/*/*/*.gz',
            columns = {{{columns}}},
            format = 'newline_delimited', hive_partitioning = true, hive_types_autocast = false)""")
        for query in queries():
            (sql,) = sqlglot.transpile(query.sql, read="athena", write="duckdb")
            found[query.name] = connection.execute(sql).fetchall()
    assert found["functions"] == [("orders", 2, pytest.approx(16, abs=4), pytest.approx(20, abs=1), 20, 1, 70)]
    assert [row[1:] for row in found["failed"]] == [("orders", "r2", "timeout")]
    assert [(row[0], row[1], row[4]) for row in found["errors"]] == [("orders", 1, "[ERROR] ValueError: no")]
    assert sum(row[2] for row in found["hours"]) == 2
    assert found["missing"] == [("orders", ship.environment, 2)]


def test_template_and_docs_agree_with_the_generator() -> None:
    for path, wanted in written.pages().items():
        assert path.read_text(encoding="utf-8") == wanted


def test_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["logs", "athena", "queries"]) == 0
    assert len(sqlglot.parse(capsys.readouterr().out, read="athena")) >= len(queries())
    assert main(["logs", "athena", "ddl", "s3://bucket", "--function", "f"]) == 0
    assert json.dumps("s3://bucket/function=${function}/")[1:-1] in capsys.readouterr().out
    for words in (["bucket", "--function", "f"], ["s3://bucket", "--function", "f*"], ["s3://bucket"]):
        assert main(["logs", "athena", "ddl", *words]) == 2
    assert main(["logs", "athena", "ddl", "s3://bucket", "--function", "f", "--layout", "{x}/"]) == 2
