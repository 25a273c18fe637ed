"""What Lambda accepts of a function's configuration, from options or a template: quotas and names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from adaptive_batching.option_types import FUNCTION_NAME
from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.values.bounds import Bounds

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adaptive_batching.sandbox.function import Function

#: Lambda's quotas for a function: the timeout in seconds, the memory size in MB.
TIMEOUT, MEMORY = Bounds(0, 900, above=True), Bounds(128, 10_240)
#: Names that Lambda accepts for a variable.
_VARIABLE = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
#: Variables that Lambda sets itself and refuses in a configuration ("Defined runtime environment variables").
_RESERVED = frozenset(
    {
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
        "AWS_DEFAULT_REGION",
        "AWS_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_RUNTIME_API",
        "LAMBDA_TASK_ROOT",
        "LAMBDA_RUNTIME_DIR",
    }
)


def check_function(function: Function, named: str = "--name") -> None:
    """Raise SandboxError if the function's name, timeout or memory size is not one that Lambda accepts.

    `named` is what gives the name.
    """
    if not re.fullmatch(FUNCTION_NAME, function.name):
        raise SandboxError(
            f"the function's name {function.name!r} is not one that Lambda accepts (1 to 64 letters, digits, hyphens "
            f"and underscores); {named} gives another"
        )
    for name, number, bounds, unit in (
        ("timeout", function.timeout, TIMEOUT, "seconds"),
        ("memory size", function.memory, MEMORY, "MB"),
    ):
        if number not in bounds:
            raise SandboxError(f"the {name} {number} is out of bounds; it must be {bounds} {unit}, as on Lambda")


def check_variables(names: Iterable[str], where: str) -> None:
    """Raise SandboxError for a variable that Lambda does not let a function have. `where` says who set it.

    Credentials are reserved too, but may be set here: it is how a function may call AWS on purpose.
    """
    for name in names:
        if name in _RESERVED:
            raise SandboxError(f"{where} {name!r} is reserved: Lambda sets it and refuses it in a configuration")
        if not _VARIABLE.fullmatch(name):
            raise SandboxError(
                f"{where} {name!r} is not a variable name; Lambda accepts a letter, then letters, digits and _"
            )
