"""Ports that processes of an environment open on all interfaces: reached from this machine alone, and nothing else."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from adaptive_batching.sandbox.host import loopback
from tests.edge.sandbox.world import EXTENSION, ROOT, environment, function, records
from tests.fakes.network.ports import free_port

needs = pytest.mark.skipif(bool(loopback.unavailable()), reason=f"no notification: {loopback.unavailable()}")

#: Binds what the event says, and says where the socket is; optionally in a child, as a shell script would.
BINDS = """
import json, socket, subprocess, sys
HERE = '''
import json, socket, sys
out = []
for family, kind, host, port, only in json.loads(sys.argv[1]):
    with socket.socket(getattr(socket, family), getattr(socket, kind)) as one:
        if only is not None: one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only)
        try:
            one.bind((host, port)); out.append(one.getsockname()[:2])
        except OSError as error:
            out.append(error.errno)
print(json.dumps(out))
'''
def handler(event, context):
    return json.loads(subprocess.run([sys.executable, "-c", HERE, json.dumps(event)], stdout=-1, check=True).stdout)
"""


@needs
@pytest.mark.parametrize("private", ["auto", "never"])
def test_only_sockets_for_all_interfaces_and_a_port_are_bound_to_loopback(tmp_path: Path, private: str) -> None:
    one = function(tmp_path, {}, timeout=10.0)
    (one.folder / "app.py").write_text(BINDS)
    port = free_port()
    cases: dict[tuple[object, ...], object] = {
        ("AF_INET", "SOCK_STREAM", "0.0.0.0", port, None): ["127.0.0.1", port],
        ("AF_INET", "SOCK_DGRAM", "0.0.0.0", port, None): ["127.0.0.1", port],
        ("AF_INET", "SOCK_STREAM", "", port, None): ["127.0.0.1", port],
        ("AF_INET", "SOCK_STREAM", "127.0.0.1", port, None): ["127.0.0.1", port],
        ("AF_INET", "SOCK_STREAM", "127.0.0.2", port, None): ["127.0.0.2", port],
        ("AF_INET", "SOCK_STREAM", "203.0.113.7", port, None): 99,  # EADDRNOTAVAIL: this machine does not have it
    }
    if socket.has_ipv6 and Path("/proc/net/if_inet6").exists():
        cases[("AF_INET6", "SOCK_STREAM", "::", port, 0)] = ["::ffff:127.0.0.1", port]
        cases[("AF_INET6", "SOCK_STREAM", "::", port, 1)] = ["::1", port]
        cases[("AF_INET6", "SOCK_STREAM", "::1", port, 1)] = ["::1", port]
    with environment(one, private=private) as env:
        assert env.invoke([list(case) for case in cases]).json() == list(cases.values())
        (address,) = env.invoke([["AF_INET", "SOCK_STREAM", "0.0.0.0", 0, None]]).json()
        assert address[0] == "0.0.0.0"
        with socket.create_server(("127.0.0.1", port)):
            assert env.invoke([list(next(iter(cases)))]).json() == [98]  # EADDRINUSE


@needs
def test_an_extensions_listener_is_reached_by_the_sandbox_and_not_from_another_address(tmp_path: Path) -> None:
    port = free_port()
    text = EXTENSION.replace('ThreadingHTTPServer(("", 0)', f'ThreadingHTTPServer(("", {port})')
    assert str(port) in text
    with environment(function(tmp_path, {"tiny": text})) as env:
        env.invoke({"print": "delivered"})
        with socket.create_connection(("127.0.0.1", port), 5):
            pass
        own = {line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:]}
        loopback_only = struct.pack("=4s", bytes([127, 0, 0, 1]))[::-1].hex().upper()
        assert f"{loopback_only}:{port:04X}" in own
        assert f"00000000:{port:04X}" not in own
    assert "delivered\n" in [record["record"] for record in records(env, "function")]


def test_an_address_is_recognised_by_its_bytes() -> None:
    inet, inet6 = struct.pack("=H", socket.AF_INET), struct.pack("=H", socket.AF_INET6)
    assert loopback.wildcard_port(inet + b"\x04\xd2" + bytes(12)) == 1234
    assert loopback.wildcard_port(inet + b"\x04\xd2" + bytes(4)) == 1234
    assert loopback.wildcard_port(inet6 + b"\x04\xd2" + bytes(24)) == 1234
    for other in (b"", inet, inet + b"\x04\xd2\x7f\0\0\1", inet + bytes(14), inet6 + b"\x04\xd2" + bytes(8),
                  inet6 + b"\x04\xd2" + bytes(19) + b"\1" + bytes(4), struct.pack("=H", 1) + b"/run/own"):  # fmt: skip
        assert loopback.wildcard_port(other) == 0, other


@needs
def test_the_filter_holds_for_its_thread_alone() -> None:
    one = loopback.Loopback()
    assert one.start(int, "7") == 7
    one.close()
    with socket.socket() as free:
        free.bind(("0.0.0.0", free_port()))
        assert free.getsockname()[0] == "0.0.0.0"


@needs
def test_it_works_beside_more_than_a_thousand_open_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    try:
        with contextlib.ExitStack() as stack:
            for _ in range(1100):
                stack.enter_context(Path(os.devnull).open())
            one = loopback.Loopback()
            stack.callback(one.close)
            assert one.start(bound, free_port()) == "127.0.0.1"
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def bound(port: int) -> str:
    """The address of a socket that is bound to all interfaces."""
    with socket.socket() as one:
        one.bind(("", port))
        return str(one.getsockname()[0])


@needs
def test_where_the_kernel_refuses_it_one_line_says_so(tmp_path: Path) -> None:
    one = function(tmp_path, {"tiny": EXTENSION})
    words = [
        sys.executable,
        "-m",
        "adaptive_batching",
        "sandbox",
        "run",
        str(one.folder),
        "--layer",
        str(one.layers[0]),
    ]
    outer = loopback.Loopback()  # the kernel gives a process one listener for all of its filters
    try:
        done = outer.start(subprocess.run, words, capture_output=True, text=True, timeout=60, check=False, cwd=ROOT)
    finally:
        outer.close()
    assert done.returncode == 0, done.stderr
    (line,) = (line for line in done.stderr.splitlines() if "all interfaces" in line)
    assert line.startswith("the network can reach ports that extensions open on all interfaces: the kernel refuses")
