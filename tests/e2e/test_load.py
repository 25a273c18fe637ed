"""The conference of template.yaml in the sandbox: a smoke test, a load test, and two accounts of the same requests."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from adaptive_batching.cli import main
from adaptive_batching.load import local
from adaptive_batching.sandbox.mock import stubs
from adaptive_batching.sandbox.mock.service import Mock
from tests.e2e.conftest import LAYER, ROOT

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

SENT = "SLACK_NOTIFICATION_NEW_SESSION_SENT"
SCRIPT = """
config:
  phases: [{duration: 1, arrivalCount: 4}]
scenarios:
  - flow: [{post: {url: /sessions, json: {subject: under load}}}]
"""


def test_requests_are_followed_to_their_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    script = tmp_path / "load.yaml"
    script.write_text(SCRIPT)
    given = ["Conference=true", "MaxDelayMilliseconds=1000"]
    with Mock(stubs.read('{"request": {"url": "/webhook"}}')) as mock:
        hook = f"{mock.url}/webhook"
        with local.landscape(ROOT / "template.yaml", [*given, f"WebhookUrl={hook}"], (LAYER,), print) as (url, buckets):
            capsys.readouterr()
            words = ["--json", '{"subject": "a smoke test"}', "--expect", "202", "--logs", buckets[0]]
            target = ["smoke", "--target", f"{url}/sessions", "--milestone", SENT]
            assert main([*target, *words, "--webhook-saw", f"{hook}=a smoke test"]) == 0
            said = capsys.readouterr()
            assert said.err.endswith("passed\n")
            assert [one in said.out for one in ("conference-submit", "conference-save", "conference-notify")] == [
                True
            ] * 3
            words = ["--until", SENT, "--logs", buckets[0], "--format", "json"]
            assert main(["load", str(script), "--target", url, *words]) == 0
            found = json.loads(capsys.readouterr().out)
    assert found["all"]["codes"] == {"202": 4}
    assert (found["leadTime"]["answered"], found["leadTime"]["notReached"]) == (4, [])
    bodies = [one["body"] for one in mock.requests]
    assert len(bodies) == 5
    assert sum("under load" in one for one in bodies) == found["leadTime"]["answered"]
