"""A thousand invocations over ten environments with the built layer: nothing lost, nothing left behind."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from adaptive_batching.sandbox.cli.summary import summarise
from adaptive_batching.sandbox.faults import Faults
from adaptive_batching.sandbox.fleet.fleet import Fleet
from adaptive_batching.sandbox.fleet.repeat import delivered, invoke_many
from adaptive_batching.sandbox.options import Options
from adaptive_batching.sandbox.s3 import embedded, shipped
from adaptive_batching.sandbox.s3.ledger import balance
from tests.edge.sandbox.world import AWSLAMBDARIC, ROOT, function, process_state

if TYPE_CHECKING:
    from adaptive_batching.sandbox.lifecycle.results import Result


def sockets() -> int:
    """Return how many TCP sockets of this process listen."""
    inodes = {link.readlink().name for link in Path("/proc/self/fd").iterdir() if link.is_symlink()}
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[3] == "0A" and f"socket:[{row[9]}]" in inodes for row in rows)


def test_a_thousand_invocations_at_ten_at_a_time_end_clean_and_lose_nothing(tmp_path: Path) -> None:
    listening, threads = sockets(), threading.active_count()
    told: list[int] = []

    def tell(_result: Result, done: int) -> None:
        told.append(done)

    with embedded.embedded_s3() as endpoint:
        embedded.make_bucket(endpoint, "many-logs")
        variables = {
            "ADAPTIVE_BATCHING_EXTENSION_S3_BUCKET": "many-logs",
            "ADAPTIVE_BATCHING_EXTENSION_SHIP_RATE_BYTES": "65536",
            "AWS_ENDPOINT_URL_S3": endpoint,
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": embedded.NOWHERE,
        }
        one = replace(function(tmp_path, {}, variables=variables, timeout=30.0), layers=(ROOT / "build/layer",))
        with Fleet(one, Options(awslambdaric=AWSLAMBDARIC), concurrency=10) as fleet:
            results = invoke_many(fleet, b'{"print": "x"}', 1000, 10, 0.0, tell)
            pids = [process.pid for environment in fleet.all for process in environment.processes]
            folders = [environment.temporary.parent for environment in fleet.all]
        objects = shipped.read(embedded.client(endpoint), "many-logs")
    came = delivered(fleet.all)
    ledger = balance(came, [record for one in objects for record in one.records], ("platform", "function"))
    assert (ledger.lost, ledger.duplicated, ledger.unknown) == (0, 0, 0)
    assert sum(record["type"] == "platform.report" for record in came) == 1000
    assert sum(record["record"] == "x\n" for record in came) == 1000
    assert {result.function_error for result in results} == {None}
    assert told == list(range(1, 1001))
    assert summarise(results, fleet.all, Faults())[0] == "invocations   1,000, 0 failed, 10 environments"
    assert len(pids) == 20
    assert not any(map(process_state, pids))
    assert not any(folder.exists() for folder in folders)
    assert sockets() == listening
    assert threading.active_count() <= threads + 1  # a connection of the S3 client may linger
