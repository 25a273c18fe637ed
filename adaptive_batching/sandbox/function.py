"""What is run: one function's configuration, and the variables that its processes see. Pure.

Sources: protocol reference 1.2 (variables) and 8 (initialization types).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ON_DEMAND, PROVISIONED = "on-demand", "provisioned-concurrency"
SNAP_START, MANAGED = "snap-start", "lambda-managed-instances"
INITIALIZATION_TYPES = (ON_DEMAND, PROVISIONED, SNAP_START, MANAGED)

#: Variables that extensions do not get.
NOT_FOR_EXTENSIONS = frozenset(
    {
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_XRAY_CONTEXT_MISSING",
        "AWS_XRAY_DAEMON_ADDRESS",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
        "_AWS_XRAY_DAEMON_ADDRESS",
        "_AWS_XRAY_DAEMON_PORT",
        "_HANDLER",
    }
)
#: A snapshot outlives keys and log streams: they are not in its environment (protocol reference 8).
_NOT_IN_A_SNAPSHOT = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
)
_RUNTIME_ONLY = frozenset({"AWS_LAMBDA_MAX_CONCURRENCY"})


#: Where traces go; nobody listens there.
XRAY_HOST, XRAY_PORT = "127.0.0.1", 2000


@dataclass(frozen=True)
class Credentials:
    """What the function's role would give. The defaults are dummies: nothing here talks to AWS."""

    access_key: str = "testing"
    secret_key: str = "testing"  # noqa: S105 - a dummy
    session_token: str = "testing"  # noqa: S105 - a dummy


@dataclass(frozen=True)
class Function:
    """One function. `timeout` is in seconds, `memory` in MB; `layers` are folders whose content is `/opt`."""

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
    xray: bool = False  # active tracing: every invocation is sampled
    concurrency: int = 4  # requests at once in one environment, on Managed Instances
    container_token: str = field(default_factory=lambda: secrets.token_hex(16))

    @property
    def arn(self) -> str:
        """The unqualified ARN."""
        return f"arn:aws:lambda:{self.region}:{self.account}:function:{self.name}"

    @property
    def json_format(self) -> bool:
        """Whether logs are JSON; on Managed Instances they always are."""
        return self.log_format == "JSON" or self.initialization_type == MANAGED

    @property
    def init_timeout(self) -> float:
        """Seconds of the Init phase (protocol reference 7.1)."""
        return 10.0 if self.initialization_type == ON_DEMAND else max(130.0, self.timeout)

    @property
    def log_group(self) -> str:
        """The name of its log group."""
        return f"/aws/lambda/{self.name}"


@dataclass(frozen=True)
class Place:
    """Where things are for the processes of one environment."""

    task: str
    opt: str
    runtime: str
    interpreter_folder: str
    temporary: str | None  # None: /tmp itself is private


def runtime_variables(function: Function, place: Place, api: str, log_stream: str) -> dict[str, str]:
    """Return the environment of the runtime's process."""
    keys = function.credentials
    variables = {
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "PATH": f"{place.interpreter_folder}:/usr/local/bin:/usr/bin:/bin:{place.opt}/bin",
        "LD_LIBRARY_PATH": f"{place.task}:{place.task}/lib:{place.opt}/lib",
        "AWS_REGION": function.region,
        "AWS_DEFAULT_REGION": function.region,
        "AWS_ACCESS_KEY_ID": keys.access_key,
        "AWS_SECRET_ACCESS_KEY": keys.secret_key,
        "AWS_SESSION_TOKEN": keys.session_token,
        "AWS_LAMBDA_RUNTIME_API": api,
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": function.version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
        "AWS_LAMBDA_INITIALIZATION_TYPE": function.initialization_type,
        "AWS_LAMBDA_LOG_GROUP_NAME": function.log_group,
        "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}",
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "LAMBDA_TASK_ROOT": place.task,
        "LAMBDA_RUNTIME_DIR": place.runtime,
        "_HANDLER": function.handler,
        **function.variables,
    }
    if function.xray:
        # Production's daemon is at 169.254.79.129; here nobody listens, and what is sent there is lost, as UDP is.
        variables |= {
            "AWS_XRAY_DAEMON_ADDRESS": f"{XRAY_HOST}:{XRAY_PORT}",
            "_AWS_XRAY_DAEMON_ADDRESS": XRAY_HOST,
            "_AWS_XRAY_DAEMON_PORT": str(XRAY_PORT),
        }
    if function.json_format:
        variables["AWS_LAMBDA_LOG_FORMAT"] = "JSON"
    if function.initialization_type == MANAGED:
        variables["AWS_LAMBDA_MAX_CONCURRENCY"] = str(function.concurrency)
    if function.initialization_type == SNAP_START:
        for name in _NOT_IN_A_SNAPSHOT:
            del variables[name]
        variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = f"http://{api}/2021-04-23/credentials"
        variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = function.container_token
    if place.temporary:
        variables["TMPDIR"] = place.temporary
    return variables


def extension_variables(runtime: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of an extension, made from the runtime's."""
    hidden = NOT_FOR_EXTENSIONS | _RUNTIME_ONLY
    return {name: value for name, value in runtime.items() if name not in hidden and not name.startswith("_")}
