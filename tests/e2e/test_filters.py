"""Filters and redaction of the built layer in the sandbox: what lies on S3 of what a function has logged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.e2e.conftest import Deployment


@pytest.mark.parametrize("log_format", ["Text", "JSON"])
def test_what_filters_leave_is_on_s3_and_the_report_counts_the_rest(deployment: Deployment, log_format: str) -> None:
    """Of the function's five lines two are printed, two have the level INFO, and one is excluded."""
    told = {"EXCLUDE": "^line 4 of", "MIN_LEVEL": "warn", "REDACT_PATTERN": "[0-9a-f]{8}-[0-9a-f-]{27}"}
    told_so = deployment.environment(log_format=log_format, SHIP_RATE_INVOKES=1, **told)  # type: ignore[arg-type]
    with told_so as environment:
        requests = [environment.invoke({}).request_id for _ in range(2)]
    records = deployment.records()
    lines = [record for record in records if record["type"] == "function"]
    texts = [f"line 1 of 5 of request [redacted:pattern] {'.' * 80}"[:33] for _ in requests]
    assert [str(one["record"])[:33] for one in lines] == texts, lines
    assert [one["requestId"] for one in lines] == requests
    assert [one["sequence"] for one in records] == list(range(1, len(records) + 1))
    report = [record["record"] for record in records if record["type"] == "extension.report"][-1]
    platform = [record for record in records if record["type"].startswith("platform.")]
    assert (report["filtered"], report["redacted"], report["lost"]) == (8, 2, 0)
    assert report["received"] == len(platform) + 10
