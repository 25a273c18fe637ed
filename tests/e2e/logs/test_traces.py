"""What `logs` says about lines that the layer shipped from a real function."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from adaptive_batching.cli import main

if TYPE_CHECKING:
    from tests.e2e.conftest import Deployment

TRACED = Path(__file__).parent / "traced"


@pytest.mark.parametrize("log_format", ["Text", "JSON"])
def test_failed_init_waits_and_what_is_complete(
    deployment: Deployment,
    log_format: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    deployment.folder = TRACED
    with deployment.environment(log_format=log_format) as environment:
        requests = [
            environment.invoke({"trace": "t1", "milestone": "SUBMITTED"}).request_id,
            environment.invoke({"trace": "t2", "milestone": "SUBMITTED"}).request_id,
            environment.invoke({"trace": "t1", "milestone": "SAVED", "fails": True}).request_id,
        ]
    for name, value in {**deployment.server.environ(), "XDG_CACHE_HOME": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    source = [f"s3://{deployment.server.bucket}", "--function", deployment.name]

    def printed(*words: str) -> list[dict[str, Any]]:
        capsys.readouterr()
        assert main(["logs", *words, *source, "--format", "json"]) == 0
        captured = capsys.readouterr()
        assert "complete: " in captured.err
        assert "incomplete" not in captured.err
        return [json.loads(line) for line in captured.out.splitlines()]

    found = printed("invocations")
    assert [one["request"] for one in found] == requests
    assert [one["failed"] for one in found] == [False, False, True]
    assert [one["error"] for one in found] == [None, None, "ValueError: this subject cannot be saved"]
    assert [one["init_ms"] is not None for one in found] == [True, False, False]
    assert all(one["duration_ms"] >= 20 and one["cost"] > 0 for one in found)

    (trace,) = printed("trace", "t1")
    first, wait, last = trace["rows"]
    assert [first["request"], last["request"]] == [requests[0], requests[2]]
    assert wait["duration_ms"] >= found[1]["duration_ms"]  # the other trace ran meanwhile
    assert [[span["name"] for span in row["spans"]] for row in (first, last)] == [["sleep"], ["sleep"]]
    assert trace["milestones"] == ["SUBMITTED", "SAVED"]
    assert printed("trace", "t2")[0]["never_reached"] == []  # half of the traces are not most

    assert {line["request_id"] for line in printed("search", "--field", "traceId=t2")} == {requests[1]}
    (row,) = printed("query", "filter @type = 'REPORT' | stats count(*) as n, max(@initDuration) > 0 as cold")
    assert row == {"n": 3, "cold": True}
