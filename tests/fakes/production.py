"""The shape of AWS in a namespace of its own: the bucket's public name, TLS on 443, no endpoint variable.

    in_namespace("tests.e2e.test_production_shape", "store", "light")

runs `python -m <module> store light` in fresh mount and network namespaces and returns the JSON that it printed last.
Inside, `authority` gives the bucket's name an address; a server of the test's listens there.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.fakes.listener import Connection, Listener
from tests.fakes.network.certificates import TestAuthority
from tests.fakes.network.namespaces import unshare
from tests.fakes.s3 import BUCKET, REGION, clean_environ

if TYPE_CHECKING:
    import ssl

ROOT = Path(__file__).parents[2]
HOST = f"{BUCKET}.s3.{REGION}.amazonaws.com"
HTTPS = 443
NAMESPACES = ("--mount", "--net")
_GET_FLAGS, _SET_FLAGS, _UP = 0x8913, 0x8914, 0x1  # SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP


def in_namespace(module: str, *arguments: str, seconds: float = 60.0) -> Any:  # noqa: ANN401 - any JSON
    """Run a module of the tests in namespaces of its own, and return what it reported."""
    done = subprocess.run(
        [*unshare(*NAMESPACES), sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env={**clean_environ(), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return json.loads(done.stdout.splitlines()[-1])


def report(result: object) -> None:
    """Inside: hand the result to the test outside."""
    print(json.dumps(result), flush=True)


def name_the_bucket(folder: Path) -> None:
    """Inside: bring the loopback up, and let the bucket's public name lead there."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(any_socket, _GET_FLAGS, request))[1]
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sh14x", b"lo", flags | _UP))
    hosts = folder / "hosts"
    hosts.write_text(f"127.0.0.1 localhost {HOST}\n")
    subprocess.run(["mount", "--bind", str(hosts), "/etc/hosts"], check=True)
    assert socket.gethostbyname(HOST) == "127.0.0.1"


class TlsFront(Listener):
    """Speaks TLS on 443 and passes what is inside on to a plain server; `names` are the server names asked for."""

    def __init__(self, context: ssl.SSLContext, onward: int) -> None:
        super().__init__(HTTPS, context)
        self._onward = onward
        self.names: set[str] = set()
        context.sni_callback = self._note

    def _note(self, _: object, name: str | None, __: object) -> None:
        self.names.add(name or "")

    def serve(self, connection: Connection) -> None:
        """One request at a time: head and body onward, the answer back."""
        while (request := connection.head()) is not None:
            connection.body(request)
            lines = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
            head = f"{request.method} {request.path} HTTP/1.1\r\n{lines}connection: close\r\n\r\n"
            with socket.create_connection(("127.0.0.1", self._onward), 10) as plain:
                plain.sendall(head.encode("latin-1") + request.body)
                while data := plain.recv(65536):
                    connection.send(data)
            return  # the plain server closed, so do we


def authority(folder: Path) -> tuple[TestAuthority, ssl.SSLContext]:
    """Inside: the bucket's name leads here; who vouches for it, and what a server shows."""
    name_the_bucket(folder)
    root = TestAuthority(folder)
    return root, root.server_context(f"*.s3.{REGION}.amazonaws.com")


def variables(access_key: str, secret_key: str, bundle: str) -> dict[str, str]:
    """What a function on AWS has: keys and a region, no endpoint. `bundle` tells it of the test's authority."""
    about = {"AWS_ACCESS_KEY_ID": access_key, "AWS_SECRET_ACCESS_KEY": secret_key, "AWS_REGION": REGION}
    return {**about, **({"AWS_CA_BUNDLE": bundle} if bundle else {})}


def settle(environ: dict[str, str]) -> dict[str, str]:
    """Make `environ`, and no more, this process's environment: boto3 reads that."""
    os.environ.clear()
    os.environ.update(clean_environ(), **environ)
    return dict(os.environ)
