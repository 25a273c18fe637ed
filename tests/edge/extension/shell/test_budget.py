"""The memory of the real process against its budget: a flood, forged bodies, no store, with and without /tmp."""

from __future__ import annotations

import contextlib
import shutil
import socket
import threading
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from extension.core.budget import Budget
from tests.edge.extension.test_process import ROOT, Process, line, platform, started
from tests.fakes import s3
from tests.fakes.network.ports import free_port

if TYPE_CHECKING:
    from tests.fakes.lambda_api import LambdaApi

MIB = 1024 * 1024
BUDGET = Budget("128").total / MIB
READING = 44  # MiB: what is received and what is made of one batch while it is read, several times its own bytes


def peak(process: Process) -> float:
    """The most memory that the process has ever had, in MiB."""
    status = Path(f"/proc/{process.popen.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def forge(port: int, size: int) -> None:
    """POST a body of so many bytes, one line of nobody's; the answer may be lost with the connection."""
    head = b'[{"time":"T","type":"function","record":"'
    body = head + b"f" * (size - len(head) - 3) + b'"}]'
    with closing(socket.create_connection(("127.0.0.1", port), timeout=30)) as connection, contextlib.suppress(OSError):
        connection.sendall(b"POST /forged HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        connection.recv(1000)


@pytest.mark.holds("memory: what is held takes an eighth of the function's memory at most, 16 MiB to 64 MiB")
@pytest.mark.parametrize("tmp", [True, False], ids=["with /tmp", "without /tmp"])
def test_neither_a_flood_nor_forged_bodies_take_more_memory_than_the_budget(
    tmp_path: Path, api: LambdaApi, *, tmp: bool
) -> None:
    shutil.copy(ROOT / "layer" / "boot.py", tmp_path)
    (tmp_path / "extension").symlink_to(ROOT / "extension")
    environ = {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128"} | ({} if tmp else {"TMPDIR": "/proc"})
    told = {"SHIP_RATE_BYTES": str(50 * MIB), "SHIP_RATE_MILLISECONDS": "600000"}
    away = s3.Moto(f"http://127.0.0.1:{free_port()}", "a-bucket", "eu-west-1")
    with started(tmp_path, api, away, environ, **told) as process:
        api.invoke("r1")
        api.deliver(line("first"), platform("runtimeDone", "r1"))
        api.wait_for_next(2, process.ended)
        idle = peak(process)
        forgers = [threading.Thread(target=forge, args=(api.port(), size * MIB)) for size in [15] * 7 + [4] * 7]
        for one in forgers:
            one.start()
        for one in forgers:
            one.join(60)
        for number in range(90):
            assert api.deliver(line(f"{number:03}" * 200_000)) == 200
        most = peak(process)
        api.shut_down()
        assert process.exit_code() == 0
        last = process.said()[-1]
    print("MiB at first and at most:", idle, most)
    assert most - idle < BUDGET + READING
    assert int(str(last["refusedRequests"])) >= 7
    assert last["received"] == int(str(last["shipped"])) + int(str(last["lost"])) + int(str(last["waiting"]))
