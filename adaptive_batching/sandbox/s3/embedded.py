"""An embedded S3: moto's server as a subprocess on a free loopback port. A real AWS account is never used."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

import boto3
import requests
from botocore.config import Config
from botocore.exceptions import ClientError, ParamValidationError

from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.host.watchdog import Watchdog

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mypy_boto3_s3 import S3Client

REGION = "us-east-1"
KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_SESSION_TOKEN": "testing"}
#: An address at which nothing listens, so that a search for the credentials of a real account fails at once.
NOWHERE = "http://127.0.0.1:9"
#: Seconds within which the server must answer.
START = 30.0


def clean_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables without the user's AWS settings and proxies, and with dummy credentials. Pure."""
    kept = {
        name: value
        for name, value in environ.items()
        if not name.startswith("AWS_") and not name.lower().endswith("_proxy")
    }
    return {**kept, **KEYS, "AWS_DEFAULT_REGION": REGION, "AWS_EC2_METADATA_SERVICE_ENDPOINT": NOWHERE}


@dataclass(frozen=True)
class Embedded:
    """The server while it runs."""

    endpoint: str
    process: subprocess.Popen[bytes]

    @property
    def lost(self) -> str:
        """How the server ended, as a sentence, "" while it runs."""
        status = self.process.poll()
        return "" if status is None else f"the embedded S3 {_end(status)}; what it held is gone"


@contextlib.contextmanager
def embedded_s3() -> Iterator[str]:
    """Run the server and yield its endpoint. Raises SandboxError if it does not start or ends before the block."""
    with embedded_server() as server:
        yield server.endpoint


@contextlib.contextmanager
def embedded_server() -> Iterator[Embedded]:
    """Run the server. Raises SandboxError if it does not start or ends before the block."""
    if find_spec("moto") is None:
        raise SandboxError("the embedded S3 needs moto[server], which is a dependency of this package")
    port = _free_port()
    watchdog = Watchdog()
    server = subprocess.Popen(
        [sys.executable, "-m", "adaptive_batching.sandbox.s3.moto_server", str(port)],
        # path style only: otherwise moto takes the first label of a host name for a bucket
        env={**clean_environment(os.environ), "S3_IGNORE_SUBDOMAIN_BUCKETNAME": "true", "MOTO_PORT": str(port)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        process_group=0,
    )
    try:
        watchdog.add(server.pid)
        _await(server, f"http://127.0.0.1:{port}")
        running = Embedded(f"http://127.0.0.1:{port}", server)
        try:
            yield running
        finally:
            if lost := running.lost:
                raise SandboxError(lost)  # whatever else failed, failed because of it
    finally:
        with contextlib.suppress(ProcessLookupError):  # it has ended by itself
            os.killpg(server.pid, signal.SIGKILL)
        watchdog.forget(server.pid)
        server.wait()
        watchdog.stop()


def client(endpoint: str) -> S3Client:
    """Return a boto3 client for an embedded S3 that ignores the user's AWS settings."""
    found: S3Client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
        config=Config(s3={"addressing_style": "path"}, proxies={}),
    )
    return found


def make_bucket(endpoint: str, bucket: str) -> None:
    """Create a bucket. Raises SandboxError if S3 refuses it, for example because of its name."""
    try:
        client(endpoint).create_bucket(Bucket=bucket)
    except ClientError as error:
        raise SandboxError(f"bucket {bucket!r} cannot be created: {error.response['Error']['Message']}") from None
    except ParamValidationError:  # boto3 itself refuses the name
        why = "a name has 3 to 255 letters, digits, dots, hyphens and underscores"
        raise SandboxError(f"bucket {bucket!r} cannot be created: {why}") from None


def _end(status: int) -> str:
    return f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with exit status {status}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _await(server: subprocess.Popen[bytes], endpoint: str) -> None:
    session = requests.Session()
    session.trust_env = False
    deadline = time.monotonic() + START
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise SandboxError(f"the embedded S3 {_end(server.returncode)} before it answered")
        with contextlib.suppress(requests.ConnectionError):
            session.get(endpoint, timeout=START)
            return
        time.sleep(0.05)
    raise SandboxError(f"the embedded S3 did not answer within {START:.0f} seconds")
