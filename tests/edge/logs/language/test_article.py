"""The queries of the article on monitoring, and AWS's samples, run as pasted and find what they are meant to find."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from adaptive_batching.logs.language.insights import statement
from adaptive_batching.logs.reading import Reading
from tests.fakes.shipped import Line, Shipped, report, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

QUERIES = [
    one
    for file in ("article.toml", "lambda.toml")
    for one in tomllib.loads(Path(__file__).with_name(file).read_text(encoding="utf-8"))["queries"]
]
STUCK = "bf769e94-4d48-4994-8c04-ebd00b51ecbd"
BEGIN = datetime(2026, 11, 20, 9, 15, tzinfo=UTC)
SUBMIT, SAVE, SLACK = "conference-submit-lambda", "conference-save-session-dynamodb-lambda", "conference-slack-lambda"


def logged(trace: str, function: str, ms: int, **more: str) -> Line:
    moment = BEGIN + timedelta(milliseconds=ms)
    written = f"{moment:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"
    return text({"traceId": trace, "functionName": function, "timestamp": written, **more}, time=moment)


@pytest.fixture(scope="module")
def conference(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """Three requests: two are sent on to Slack, the third is stuck before the database."""
    folder = tmp_path_factory.mktemp("shipped")
    session = "865ccaad-ced0-4de5-aec3-b3692b2e06a0"
    traces = [f"a2f6e7ee-0000-4000-8000-00000000000{number}" for number in (1, 2)]
    Shipped(folder, SUBMIT)(
        logged(STUCK, SUBMIT, 10, milestone="CREATE_REQUEST_RECEIVED", sessionId=session),
        logged(STUCK, SUBMIT, 50, milestone="SENT_TO_QUEUE"),
        report("r1", time=BEGIN + timedelta(milliseconds=60), ms=1200.5, memory=512),
        *(logged(trace, SUBMIT, 5000, milestone="CREATE_REQUEST_RECEIVED") for trace in traces),
    )
    Shipped(folder, SAVE)(
        logged(STUCK, SAVE, 1000, exception="SessionRefused: this subject cannot be saved"),
        report("r2", time=BEGIN + timedelta(milliseconds=1100), ms=124, memory=512),
    )
    Shipped(folder, SLACK)(
        logged(traces[0], SLACK, 7250, milestone="SLACK_NOTIFICATION_NEW_SESSION_SENT"),
        logged(traces[1], SLACK, 15_500, milestone="SLACK_NOTIFICATION_NEW_SESSION_SENT"),
    )
    with Reading(str(folder)).open() as logs:
        yield logs.connection


@pytest.mark.parametrize("one", QUERIES, ids=[one["about"] for one in QUERIES])
def test_a_query_of_the_article_runs_as_pasted(one: dict[str, Any], conference: duckdb.DuckDBPyConnection) -> None:
    found = [list(row) for row in conference.execute(statement(one["query"]).sql).fetchall()]
    assert found == [
        [pytest.approx(value) if isinstance(value, float) else value for value in row] for row in one["finds"]
    ]
