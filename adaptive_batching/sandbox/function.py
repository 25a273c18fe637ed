"""The configuration of one function. Pure.

Source of the initialization types: docs/lambda-protocol.md, 8.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ON_DEMAND, PROVISIONED = "on-demand", "provisioned-concurrency"
SNAP_START, MANAGED = "snap-start", "lambda-managed-instances"
INITIALIZATION_TYPES = (ON_DEMAND, PROVISIONED, SNAP_START, MANAGED)


@dataclass(frozen=True)
class Credentials:
    """The credentials that Lambda takes from the function's role. The defaults are dummies: AWS is never called."""

    access_key: str = "testing"
    secret_key: str = "testing"  # noqa: S105 - a dummy
    session_token: str = "testing"  # noqa: S105 - a dummy


@dataclass(frozen=True)
class Function:
    """One function. `timeout` is in seconds, `memory` in MB. `layers` are folders with the content of `/opt`."""

    folder: Path
    handler: str = "app.handler"
    name: str = "function"
    version: str = "$LATEST"
    runtime: str = "python"
    variables: Mapping[str, str] = field(default_factory=dict)
    layers: tuple[Path, ...] = ()
    timeout: float = 3.0
    memory: int = 256
    log_format: str = "Text"
    region: str = "us-east-1"
    account: str = "123456789012"
    initialization_type: str = ON_DEMAND
    credentials: Credentials = Credentials()
    xray: bool = False  # active tracing; every invocation is then sampled
    concurrency: int = 4  # concurrent requests in one environment; only on Managed Instances
    reserved: int | None = None  # reserved concurrency
    event_config: Mapping[str, Any] | None = None  # as PutFunctionEventInvokeConfig takes it
    dead_letter: str = ""  # the ARN of a queue or topic
    container_token: str = field(default_factory=lambda: secrets.token_hex(16))

    @property
    def arn(self) -> str:
        """The unqualified ARN."""
        return f"arn:aws:lambda:{self.region}:{self.account}:function:{self.name}"

    @property
    def json_format(self) -> bool:
        """Whether logs are JSON. On Managed Instances they always are."""
        return self.log_format == "JSON" or self.initialization_type == MANAGED

    @property
    def init_timeout(self) -> float:
        """The timeout of the Init phase, in seconds (docs/lambda-protocol.md, 7.1)."""
        return 10.0 if self.initialization_type == ON_DEMAND else max(130.0, self.timeout)

    @property
    def log_group(self) -> str:
        """The name of the function's log group."""
        return f"/aws/lambda/{self.name}"
