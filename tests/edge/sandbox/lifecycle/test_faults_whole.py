"""Faults that need a whole environment: DNS, /tmp, freezes, lost lines; from a test and from the command line."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from adaptive_batching.sandbox.errors import IsolationError, SandboxError
from adaptive_batching.sandbox.faults import FAULTS, parse
from adaptive_batching.sandbox.host import mounts
from adaptive_batching.sandbox.host.names import S3_NAME, silent_resolver
from adaptive_batching.sandbox.http_server import Answer, Request, Server
from adaptive_batching.sandbox.options import base_interpreter
from adaptive_batching.sandbox.s3.embedded import clean_environment
from adaptive_batching.sandbox.s3.proxy import S3Proxy
from tests.edge.sandbox.world import AWSLAMBDARIC, EXTENSION, ROOT, environment, eventually, function, records

if TYPE_CHECKING:
    from collections.abc import Callable

private = pytest.mark.skipif(
    bool(mounts.can_be_private(base_interpreter())), reason=mounts.can_be_private(base_interpreter()) or "-"
)


def cannot_hang() -> str:
    """Why no resolver can be made to hang here, "" if one can."""
    if why := mounts.can_be_private(base_interpreter()):
        return why
    with tempfile.TemporaryDirectory() as folder:
        try:
            silent_resolver(Path(folder))[0].close()
        except IsolationError as error:
            return str(error)
    return ""


hanging = pytest.mark.skipif(bool(cannot_hang()), reason=cannot_hang() or "-")


#: Resolves a name in a thread, with patience of its own, and looks at what /tmp takes.
LOOKING = """
import os, socket, threading

def resolves(name):
    found = []
    thread = threading.Thread(target=lambda: found.append(socket.getaddrinfo(name, 80)), daemon=True)
    thread.start()
    thread.join(0.5)
    return bool(found)

def writes():
    try:
        with open("/tmp/mine", "wb") as file: file.write(bytes(4096))
        os.remove("/tmp/mine")
        return True
    except OSError as error:
        return error.errno

def handler(event, context):
    return {"s3": resolves(event["name"]), "own": resolves("sandbox.localdomain"), "writes": writes()}
"""


def looking(tmp_path: Path, faults: str) -> list[dict[str, object]]:
    one = function(tmp_path, {}, timeout=20.0)
    (one.folder / "app.py").write_text(LOOKING)
    with environment(one, faults=parse(faults)) as env:
        return [env.invoke({"name": S3_NAME}).json() for _ in range(3)]


@hanging
def test_the_resolver_hangs_for_the_invocations_that_are_struck_and_own_names_are_known(tmp_path: Path) -> None:
    found = looking(tmp_path, "hang-dnsx2")
    assert [(one["s3"], one["own"]) for one in found] == [(False, True), (False, True), (True, True)]


@private
def test_tmp_is_full_for_the_invocations_that_are_struck(tmp_path: Path) -> None:
    no_space = 28  # ENOSPC
    assert [one["writes"] for one in looking(tmp_path, "full-tmpx1")] == [no_space, True, True]


@pytest.mark.parametrize("fault", ["full-tmp", "hang-dns"])
def test_what_needs_a_private_namespace_says_so(tmp_path: Path, fault: str) -> None:
    with pytest.raises(SandboxError, match="need a private mount namespace"):
        environment(function(tmp_path), faults=parse(fault), private="never")


#: Says on stdout how many events each body had, before it answers.
COUNTING = EXTENSION.replace(
    'self.rfile.read(int(self.headers["Content-Length"]))',
    'print("body", self.rfile.read(int(self.headers["Content-Length"])).decode(), flush=True)',
)


def test_a_freeze_cuts_our_200_and_the_platform_sends_the_same_again(tmp_path: Path) -> None:
    quiet = function(tmp_path, {"tiny": COUNTING}, variables={"TYPES": '["platform"]'})
    with environment(quiet, faults=parse("cut-postx1")) as env:
        first = env.invoke({})
        env.invoke({})
        assert env.telemetry.subscribers()[0].answers_dropped == 1
    bodies = [line for line in env.extension_lines if line.startswith("body") and "platform.report" in line]
    same = [body for body in bodies if first.request_id in body]
    assert len(same) == 2  # received twice,
    assert same[0] == same[1]  # byte for byte,
    delivered = [one for one in records(env, "platform.report") if one["record"]["requestId"] == first.request_id]
    assert len(delivered) == 1  # and acknowledged once


class Store:
    """An S3 that notes when it was PUT what."""

    def __init__(self) -> None:
        self.stored: list[tuple[float, bytes]] = []
        self.server = Server(self._handle)

    def _handle(self, request: Request) -> Answer:
        self.stored.append((time.monotonic(), request.body))
        return Answer(200, b"", {"ETag": '"x"'})


#: An extension that uploads in the background; it asks for the next event when the test lets it.
UPLOADING = EXTENSION.replace(
    '    time.sleep(float(os.environ.get("HOLD", "0")))',
    "    def put():\n"
    '        other = http.client.HTTPConnection(os.environ["S3"])\n'
    '        other.request("PUT", "/b/" + event["requestId"], b"x")\n'
    '        print("stored", other.getresponse().status, flush=True)\n'
    "    threading.Thread(target=put).start()\n"
    '    while not os.path.exists(os.path.join(os.environ.get("TMPDIR", "/tmp"), "go-on")): time.sleep(0.005)',
)


def test_an_upload_is_in_flight_while_the_environment_is_frozen(tmp_path: Path) -> None:
    store, faults = Store(), parse("freeze-uploadx1")
    proxy = S3Proxy(f"http://{store.server.address}", faults)
    variables = {"S3": proxy.endpoint.removeprefix("http://")}
    uploads = function(tmp_path, {"tiny": UPLOADING}, variables=variables, timeout=20.0)
    with environment(uploads, faults=faults) as env:

        def held_until(condition: Callable[[], object]) -> None:
            running = env.begin(b"{}")
            eventually(condition, seconds=15.0)
            (env.temporary / "go-on").touch()
            assert running.done.wait(15)
            eventually(lambda: env.frozen)
            (env.temporary / "go-on").unlink()

        held_until(lambda: proxy.puts)
        eventually(lambda: store.stored)  # while nobody there can read the answer
        assert not any(line.startswith("stored") for line in env.extension_lines)
        held_until(lambda: sum(line.startswith("stored 200") for line in env.extension_lines) == 2)
    proxy.stop()
    store.server.stop()


def test_lines_are_lost_on_purpose_and_the_sandbox_knows_which(tmp_path: Path) -> None:
    lost = parse("lose-line=0.2,lose-stream-line=0.2,lose-delivered-line=0.2", 5)
    with environment(function(tmp_path), faults=lost, lose_containing="end") as env:
        for number in range(40):
            env.invoke({"print": f"begin {number}\nend {number}"})
        stream = env.log_path.read_text().splitlines(keepends=True)
    delivered = {str(one["record"]) for one in records(env, "function")}
    kept = {f"{what} {number}\n" for what in ("begin", "end") for number in range(40)}
    missing = (kept - delivered) | (kept - set(stream))
    assert sorted(missing) == sorted(env.lost_lines)
    assert 5 < len(missing) < 40
    assert all(line.startswith("end") for line in missing)
    assert (kept - delivered) - (kept - set(stream))  # some only on their way to extensions,
    assert (kept - set(stream)) - (kept - delivered)  # some only in the stream


def ran(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "adaptive_batching", "sandbox", "run", *words]
    clean = clean_environment(os.environ)
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=folder, env=clean)


def test_every_fault_is_listed_with_its_chance_and_effect(tmp_path: Path) -> None:
    done = ran(tmp_path, "--fault", "list")
    assert done.returncode == 0
    for name, kind in FAULTS.items():
        assert re.search(rf"^  {name} +{re.escape(kind.effect)}$", done.stdout, re.MULTILINE)
    assert "s3-503=0.3" in done.stdout


TOGETHER = (
    "s3-500 s3-503 s3-403 s3-drop-before s3-drop-after",
    "s3-slow s3-stall-after",
    "s3-black-hole",
    "freeze-upload",
    "full-tmp",
    pytest.param("hang-dns", marks=hanging),
    "duplicate shuffle cut-post late wipe-tmp lose-line lose-stream-line lose-delivered-line",
    "kill-extension kill-runtime",
)


def test_no_fault_is_forgotten_below() -> None:
    names = [one if isinstance(one, str) else str(one.values[0]) for one in TOGETHER]
    assert sorted(" ".join(names).split()) == sorted(FAULTS)


@private
@pytest.mark.parametrize("faults", TOGETHER)
def test_each_fault_is_switched_on_from_the_command_line(tmp_path: Path, faults: str) -> None:
    """With the built layer; that each struck once is in the summary."""
    one = function(tmp_path, {})
    names = faults.split()
    done = ran(
        tmp_path, str(one.folder), "--layer", str(ROOT / "build/layer"), "--awslambdaric", str(AWSLAMBDARIC),
        "-n", "3", "--timeout", "20", "--s3", "bucket", "--fault", ",".join(f"{name}x1" for name in names),
        "--payload", '{"print": "x"}', "--env", "ADAPTIVE_BATCHING_EXTENSION_SHIP_RATE_INVOKES=1",
    )  # fmt: skip
    said = [line.removeprefix("fault").strip() for line in done.stderr.splitlines() if line.startswith("fault ")]
    assert [re.sub(r" of \d+ times", "", line) for line in said] == [
        f"{name} struck 1 ({FAULTS[name].chance})" for name in names
    ]
    if "kill" not in faults:
        assert done.returncode == 0, done.stderr


def test_the_same_seed_loses_the_same_lines_from_the_command_line(tmp_path: Path) -> None:
    one = function(tmp_path, {})
    words = [str(one.folder), "--awslambdaric", str(AWSLAMBDARIC), "-n", "1", "--fault", "lose-line=0.5"]
    words += ["--payload", json.dumps({"print": "\n".join(map(str, range(30)))})]

    def lost(seed: str) -> list[str]:
        told = ran(tmp_path, *words, "--seed", seed).stderr.splitlines()
        return [line for line in told if line.startswith("lost on purpose")]

    once, again, other = lost("1"), lost("1"), lost("2")
    assert once == again != other
    assert 5 < len(once) < 25


def test_a_freeze_wakes_who_waits_for_one() -> None:
    faults = parse("")
    seen: list[bool] = []
    thread = threading.Thread(target=lambda: seen.append(faults.await_freeze(5.0)))
    thread.start()

    def told() -> bool:
        faults.note_freeze()
        return bool(seen)

    eventually(told)
    thread.join()
    assert seen == [True]
    assert not faults.await_freeze(0.0)


@pytest.mark.parametrize("fault", ["duplicate", "duplicate=0.5"])
def test_a_delivery_that_was_sent_twice_on_purpose_was_delivered_once(tmp_path: Path, fault: str) -> None:
    one = function(tmp_path, {})
    words = ["-n", "8", "--layer", str(ROOT / "build/layer"), "--s3", "logs", "--fault", fault]
    done = ran(tmp_path, str(one.folder), *words, "--awslambdaric", str(AWSLAMBDARIC), "--payload", '{"print": "x"}')
    assert done.returncode == 0, done.stderr
    struck, ledger = (
        next(line for line in done.stderr.splitlines() if line.startswith(f"{name} ")) for name in ("fault", "s3")
    )
    assert "duplicate struck 0" not in struck
    assert ledger.endswith(", lost 0, twice 0")
