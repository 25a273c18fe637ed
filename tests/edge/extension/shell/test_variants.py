"""SnapStart and Managed Instances: what the whole of one environment does around a restore, and without INVOKE.

Of a snapshot a fork is made: each child is what a restored copy is, the same memory that lives on by itself.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from extension.journal import Journal
from extension.records import objects
from tests.edge.extension.shell.scene import Scene, invoke, line
from tests.edge.extension.stores.container import ContainerEndpoint
from tests.fakes.lambda_api import wait_until
from tests.fakes.s3_scripted import ScriptedS3

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extension.shell.consumer import Consumer

ROOT = Path(__file__).parents[4]
DONE = json.dumps([{"time": "t", "type": "platform.runtimeDone", "record": {"requestId": "r1"}}]).encode()


@contextmanager
def running(scene: Scene) -> Iterator[Consumer]:
    """Its consumer on a thread, ended by SHUTDOWN."""
    consumer = scene.consumer()
    thread = threading.Thread(target=consumer.run, daemon=True)
    thread.start()
    yield consumer
    scene.shut_down()
    thread.join(10)
    assert not thread.is_alive()


def shipped(store: ScriptedS3) -> dict[str, object]:
    """The function's lines, and which environment each is said to be of."""
    found = [record for request in store.objects.values() for record in objects.decode(request.body)]
    return {str(record["record"]): record["environment"] for record in found if record["type"] == "function"}


@pytest.mark.holds(
    "variants: SnapStart: credentials come from the container endpoint with its token, after the restore only"
)
@pytest.mark.holds("variants: SnapStart: connections are opened anew after the restore")
def test_a_snapshot_has_asked_nobody_and_after_the_restore_the_container_s_credentials_are_used(tmp_path: Path) -> None:
    with ScriptedS3() as store, ContainerEndpoint(["2099-01-01T00:00:00Z"]) as container:
        scene = Scene(tmp_path, {**container.environ(), "AWS_ENDPOINT_URL_S3": store.endpoint}, "snap-start")
        with running(scene) as consumer:
            scene.receive(line("of the snapshot"))
            wait_until(lambda: consumer.waiting_records == 1, "it waits")
            assert (container.connections, store.connections) == (0, 0)
            scene.inbox.put(invoke("r1"))
            scene.receive(DONE)
            wait_until(lambda: scene.released == 1, "the invocation is released")
        assert list(shipped(store)) == ["of the snapshot"]
        assert set(container.asked) == {("/2021-04-23/credentials", "a token")}


@pytest.mark.holds("variants: SnapStart: each restored copy has an environment id of its own")
def test_after_a_restore_journal_and_objects_are_of_another_environment(tmp_path: Path) -> None:
    with ScriptedS3() as store:
        scene = Scene(tmp_path, store.environ(), "snap-start")
        with running(scene) as consumer:
            before = consumer.executor.origin.environment
            scene.receive(line("of the snapshot"))
            scene.inbox.put(invoke("r1"))
            wait_until(lambda: consumer.executor.origin.environment != before, "it was drawn anew")
            scene.receive(line("after it"))
        found = shipped(store)
    consumer.executor.journal.close()
    journal = Journal.open(str(tmp_path), "0123456789ab", lambda *_: None)
    assert found == {"of the snapshot": before, "after it": journal.environment}
    assert journal.environment not in (before, "0123456789ab")
    journal.close()


@pytest.mark.holds("variants: SnapStart: each restored copy has an environment id of its own")
@pytest.mark.parametrize("initialization", ["on-demand", "provisioned-concurrency"])
def test_without_a_snapshot_the_environment_stays_what_it_was(tmp_path: Path, initialization: str) -> None:
    with ScriptedS3() as store:
        scene = Scene(tmp_path, store.environ(), initialization)
        with running(scene) as consumer:
            scene.receive(line("of Init"))
            scene.inbox.put(invoke("r1"))
            scene.receive(DONE)
            wait_until(lambda: scene.released == 1, "the invocation is released")
            scene.receive(line("after it"))
    consumer.executor.journal.close()
    journal = Journal.open(str(tmp_path), "0123456789ab", lambda *_: None)
    assert shipped(store) == dict.fromkeys(["of Init", "after it"], journal.environment)
    journal.close()


RESTORED_TWICE = """
import os, sys, time
from pathlib import Path
from extension import events
from tests.edge.extension.shell.scene import Scene, line
from tests.fakes.network import inside
from tests.fakes.s3_scripted import ACCESS_KEY, SECRET_KEY
keys = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY, "AWS_REGION": "eu-west-1"}
made = Scene(Path(sys.argv[1]), keys, "snap-start", SHIP_RATE_BYTES="1").executor()
def happens(event):
    return made.shipper.handle(event, events.Moment(time.monotonic(), time.time()))
happens(events.LogsReceived(line("of the snapshot")))
for _ in range(2):
    copy = os.fork()
    if not copy:
        invoked = happens(events.Invoke("r1", time.time() + 30))
        (upload,) = (action for action in invoked if isinstance(action, events.Upload))
        print(upload.chunk.key, made.origin.environment, made.shipper.circuit._chance(), flush=True)
        os._exit(0)
    os.waitpid(copy, 0)
"""


@pytest.mark.holds("variants: SnapStart: keys and random numbers are drawn after the restore")
def test_two_restores_of_one_snapshot_share_neither_keys_nor_environment_nor_chance(tmp_path: Path) -> None:
    command = [sys.executable, "-c", RESTORED_TWICE, str(tmp_path)]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=True, cwd=ROOT)
    first, second = (printed.split() for printed in done.stdout.splitlines())
    assert len(first) == 3
    assert not set(first) & set(second)
    assert first[0].rpartition("-")[2] != second[0].rpartition("-")[2]


@pytest.mark.holds("variants: Managed Instances: time drives shipping and retries")
def test_on_managed_instances_the_logs_are_on_s3_though_no_invoke_ever_came(tmp_path: Path) -> None:
    with ScriptedS3() as store:
        scene = Scene(tmp_path, store.environ(), "lambda-managed-instances", SHIP_RATE_MILLISECONDS="50")
        with running(scene):
            scene.receive(line("by age"))
            wait_until(lambda: store.objects, "it is stored")
            assert list(shipped(store)) == ["by age"]


@pytest.mark.holds("ids: a record that names none is of the one request that runs; of several at once: null")
@pytest.mark.parametrize(
    ("initialization", "expected"),
    [("on-demand", ["r1", "r2", "r1"]), ("lambda-managed-instances", ["r1", None, "r1"])],
)
def test_several_requests_run_at_once_on_managed_instances_alone(
    initialization: str, expected: list[str | None], tmp_path: Path
) -> None:
    starts = [{"time": "t", "type": "platform.start", "record": {"requestId": one}} for one in ("r1", "r2")]
    one, bare, named = (
        {"time": "t", "type": "function", "record": record} for record in ("one runs", "two run", {"requestId": "r1"})
    )
    with ScriptedS3() as store:
        scene = Scene(tmp_path, store.environ(), initialization)
        with running(scene):
            scene.receive(json.dumps([starts[0], one, starts[1], bare, named]).encode())
        lines = [line for request in store.objects.values() for line in objects.decode(request.body)]
        assert [line["requestId"] for line in lines if line["type"] == "function"] == expected
