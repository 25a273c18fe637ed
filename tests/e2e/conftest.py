"""The real processes: the built layer in the sandbox, moto's S3 behind it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from adaptive_batching.sandbox.function import Credentials, Function
from adaptive_batching.sandbox.lifecycle.environment import Environment
from adaptive_batching.sandbox.options import Options
from adaptive_batching.sandbox.s3 import shipped
from adaptive_batching.sandbox.s3.ledger import Ledger, balance
from tests.fakes import s3
from tests.fakes.network.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
LAYER = ROOT / "build" / "layer"
PREFIX = "ADAPTIVE_BATCHING_EXTENSION_"


@pytest.fixture(scope="session")
def moto() -> Iterator[s3.Moto]:
    with s3.moto() as server:
        yield server


class Deployment:
    """One function with the layer attached, its bucket, and what arrived there."""

    def __init__(self, server: s3.Moto, name: str, function: str = "demo") -> None:
        self.server = server
        self.name = name
        self.folder = ROOT / "functions" / function
        self.types: tuple[str, ...] = ("platform", "function")

    def environment(
        self,
        *,
        apis: str = "both",
        freeze: bool = True,
        timeout: float = 10.0,
        log_format: str = "Text",
        **told: object,
    ) -> Environment:
        """An environment that is not started yet; `told` are settings without their prefix."""
        variables = {PREFIX + name: str(value) for name, value in told.items()}
        function = Function(
            self.folder,
            name=self.name,
            variables={
                PREFIX + "S3_BUCKET": self.server.bucket,
                PREFIX + "PORT": str(free_port()),  # another environment on this machine may have the default one
                "AWS_ENDPOINT_URL_S3": self.server.endpoint,
                "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:9/",
                **variables,
            },
            layers=(LAYER,),
            region=self.server.region,
            credentials=Credentials(self.server.access_key, self.server.secret_key, ""),
            timeout=timeout,
            log_format=log_format,
        )
        return Environment(
            function, Options(apis=apis, freeze=freeze, awslambdaric=ROOT / "build/runtime/awslambdaric")
        )

    def objects(self) -> list[shipped.Shipped]:
        """What lies on S3 for this function."""
        return [
            one for one in shipped.read(self.server.client(), self.server.bucket) if f"function={self.name}/" in one.key
        ]

    def records(self) -> list[dict[str, Any]]:
        """Every line of every object, in the order of keys."""
        return [record for one in self.objects() for record in one.records]

    def ledger(self, environment: Environment) -> Ledger:
        """What was delivered to the extension against what it shipped."""
        delivered = [record for delivery in environment.deliveries for record in delivery.records]
        return balance(delivered, self.records(), self.types)


@pytest.fixture
def deployment(moto: s3.Moto, request: pytest.FixtureRequest) -> Deployment:
    name = "".join(c if c.isalnum() else "-" for c in request.node.name)[-60:].strip("-")
    return Deployment(moto, name)
