"""A database with the views that a report is read from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest

from adaptive_batching.logs.sql import views

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect(config={"memory_limit": "300MB", "threads": "1"})
    columns = ", ".join(f"{name} {kind}" for name, kind in views.LOGS.items())
    connection.execute(f"create table lines ({columns})")
    connection.execute("create view logs as from lines")
    connection.execute(f"create table objects ({', '.join(f'{name} {kind}' for name, kind in views.OBJECTS.items())})")
    yield connection
    connection.close()
