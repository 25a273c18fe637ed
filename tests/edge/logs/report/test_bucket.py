"""The report of a bucket: the timeout of a function is what its objects tell."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.edge.logs.report.conference import invocation
from tests.fakes.s3 import clean_environ, moto
from tests.fakes.shipped import BEGIN, Shipped

if TYPE_CHECKING:
    from pathlib import Path


def test_the_metadata_of_objects_tells_what_is_near_the_timeout(tmp_path: Path) -> None:
    ship = Shipped(tmp_path / "objects", "orders")
    key = ship(*invocation("r1", BEGIN, 2900, []), *invocation("r2", BEGIN, 100, []))
    metadata = ship.metadata[key] | {"timeout-ms": "3000"}
    with moto() as s3:
        client = s3.client()
        client.create_bucket(Bucket="logs", CreateBucketConfiguration={"LocationConstraint": s3.region})
        client.put_object(Bucket="logs", Key=key, Body=(tmp_path / "objects" / key).read_bytes(), Metadata=metadata)
        words = ["s3://logs", "--since", "2026-11-20", "--until", "2026-11-21", "--format", "json"]
        command = [
            sys.executable,
            "-m",
            "adaptive_batching",
            "logs",
            "report",
            *words,
            "--cache",
            str(tmp_path / "cache"),
        ]
        environ = clean_environ(**s3.environ()) | {"PATH": os.environ["PATH"]}
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environ)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    (orders,) = found["functions"]
    assert (orders["timeout_ms"], orders["near_timeout"]) == (3000, 1)
    assert [one["request_id"] for one in found["near_timeout"]] == ["r1"]
    assert found["source"] == "s3://logs"
