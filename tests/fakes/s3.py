"""S3 for tests: moto's server as a process of its own, with and without authentication.

A server with scripted faults that recomputes every signature: `tests.fakes.s3_scripted`. Nothing here touches a real
account: endpoints are on the loopback, keys are invented, the metadata service is pointed at a closed port.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from collections.abc import Iterator

BUCKET = "logs-of-a-test"
REGION = "eu-west-1"
READY_SECONDS = 20.0
_CLOSED = "http://127.0.0.1:9/"  # discard: nobody listens there


def clean_environ(**more: str) -> dict[str, str]:
    """This process's environment without anything that steers an AWS tool or a proxy, and with `more`."""
    steering = re.compile(r"(AWS_|BOTO|ADAPTIVE_BATCHING_|SSL_CERT_|REQUESTS_CA)|.*_proxy$", re.IGNORECASE)
    kept = {name: value for name, value in os.environ.items() if not steering.match(name)}
    return {
        **kept,
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": _CLOSED,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        **more,
    }


class Moto:
    """moto's server: where it is, whose keys may write, and what it holds."""

    def __init__(self, endpoint: str, bucket: str, region: str) -> None:
        self.endpoint = endpoint
        self.bucket = bucket
        self.region = region
        self.access_key = "AKIAIOSFODNN7EXAMPLE"
        self.secret_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
        self.authenticated = False
        self._clients: dict[str, Any] = {}  # making one takes a tenth of a second of the processor's time

    def environ(self) -> dict[str, str]:
        """The variables with which an AWS tool writes here."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_REGION": self.region,
            "AWS_ENDPOINT_URL_S3": self.endpoint,
        }

    def client(self, service: str = "s3") -> Any:  # noqa: ANN401 - as boto3 has it
        if service not in self._clients:
            self._clients[service] = boto3.session.Session().client(
                service,
                endpoint_url=self.endpoint,
                region_name=self.region,
                aws_access_key_id="test",
                aws_secret_access_key="test",
                config=Config(proxies={}, s3={"addressing_style": "path"}),
            )
        return self._clients[service]

    def authentication(self, on: bool) -> None:  # noqa: FBT001
        """From now on check signature and policy of every call, or let everybody in."""
        self._told("reset-auth", b"0" if on else b"inf")

    def reset(self) -> None:
        """Forget everything in every service, the bucket too."""
        self._told("reset", b"")

    def _told(self, what: str, data: bytes) -> None:
        request = urllib.request.Request(  # noqa: S310 - on the loopback
            f"{self.endpoint}/moto-api/{what}",
            data=data,
            headers={"Content-Type": "text/plain"},  # a form would be parsed, and lost
            method="POST",
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        opener.open(request, timeout=5).close()

    @contextmanager
    def everybody(self) -> Iterator[Any]:
        """A client for the test itself, which may look whatever the policy says."""
        self.authentication(on=False)
        try:
            yield self.client()
        finally:
            self.authentication(on=self.authenticated)

    def keys(self) -> list[str]:
        """The keys of all objects, in order."""
        with self.everybody() as s3:
            pages = s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
            return [item["Key"] for page in pages for item in page.get("Contents", [])]

    def get(self, key: str) -> tuple[bytes, dict[str, Any]]:
        """An object's bytes, and boto3's answer with all that is known of it."""
        with self.everybody() as s3:
            answer = s3.get_object(Bucket=self.bucket, Key=key)
            return answer["Body"].read(), answer

    def only_user(self, policy: dict[str, Any]) -> None:
        """Turn authentication on; the one user has `policy`, and its keys are ours."""
        iam = self.client("iam")
        iam.create_user(UserName="extension")
        iam.put_user_policy(UserName="extension", PolicyName="ship", PolicyDocument=json.dumps(policy))
        key = iam.create_access_key(UserName="extension")["AccessKey"]
        self.access_key, self.secret_key = key["AccessKeyId"], key["SecretAccessKey"]
        self.authenticated = True
        self.authentication(on=True)


def put_policy(bucket: str, prefix: str) -> dict[str, Any]:
    """What the template allows: `s3:PutObject` under one prefix, nothing else."""
    resource = f"arn:aws:s3:::{bucket}/{prefix}*"
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:PutObject", "Resource": resource}],
    }


@contextmanager
def moto(bucket: str = BUCKET, region: str = REGION) -> Iterator[Moto]:
    """moto's server on a free port, with one bucket."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "moto.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"],
                stdout=output,
                stderr=subprocess.STDOUT,
                env=clean_environ(),
            )
        try:
            server = Moto(_endpoint(process, log), bucket, region)
            server.client().create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region})
            yield server
        finally:
            process.terminate()
            process.wait(timeout=10)


def _endpoint(process: subprocess.Popen[bytes], log: Path) -> str:
    """The address that the server printed, once it did."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        found = re.search(r"Running on (http://[\d.]+:\d+)", log.read_text(errors="replace"))
        if found:
            return found[1]
        time.sleep(0.02)
    raise AssertionError(f"moto's server did not start:\n{log.read_text(errors='replace')}")
