"""The environment variables of the runtime and of extensions (docs/lambda-protocol.md, 1.2). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from adaptive_batching.sandbox.function import MANAGED, SNAP_START

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adaptive_batching.sandbox.function import Function

#: Variables that Lambda does not pass to extensions.
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
#: A snapshot outlives keys and log streams, so its variables do not contain them (docs/lambda-protocol.md, 8).
_NOT_IN_A_SNAPSHOT = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
)
#: Set by the runtime's own start script, so that extensions do not see it.
_RUNTIME_ONLY = frozenset({"AWS_LAMBDA_MAX_CONCURRENCY", "NODE_PATH"})
#: The address of the X-Ray daemon. Nothing listens there.
XRAY_HOST, XRAY_PORT = "127.0.0.1", 2000


@dataclass(frozen=True)
class Layout:
    """The folders of one environment, as its processes see them."""

    task: str
    opt: str
    runtime: str
    interpreter_folder: str
    temporary: str | None  # the value of TMPDIR; None if /tmp itself is private


def runtime_variables(function: Function, layout: Layout, api: str, log_stream: str) -> dict[str, str]:
    """Return the environment variables of the runtime. `api` is the `host:port` of the Runtime API."""
    keys = function.credentials
    variables = {
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "PATH": f"{layout.interpreter_folder}:/usr/local/bin:/usr/bin:/bin:{layout.opt}/bin",
        "LD_LIBRARY_PATH": f"{layout.task}:{layout.task}/lib:{layout.opt}/lib",
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
        "LAMBDA_TASK_ROOT": layout.task,
        "LAMBDA_RUNTIME_DIR": layout.runtime,
        "_HANDLER": function.handler,
        **function.variables,
    }
    if function.runtime.startswith("nodejs"):
        version = function.runtime.removeprefix("nodejs").partition(".")[0]
        places = (f"{layout.opt}/nodejs/node{version}", f"{layout.opt}/nodejs", layout.runtime)
        variables.setdefault("NODE_PATH", ":".join(f"{place}/node_modules" for place in places))
    if function.xray:
        # In production the daemon is at 169.254.79.129. Here nothing listens, and UDP packets to it are lost.
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
    if layout.temporary:
        variables["TMPDIR"] = layout.temporary
    return variables


def extension_variables(runtime: Mapping[str, str]) -> dict[str, str]:
    """Return the environment variables of an extension, derived from those of the runtime."""
    hidden = NOT_FOR_EXTENSIONS | _RUNTIME_ONLY
    return {name: value for name, value in runtime.items() if name not in hidden and not name.startswith("_")}
