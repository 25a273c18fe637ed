"""A function on AWS: what it has, changing that without losing what others change, and waiting until it is active."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adaptive_batching.operate.aws import AwsError, answers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from adaptive_batching.operate.aws import Account

#: Seconds between two looks at a function that is being updated, and after which it is given up.
_DELAY, _LONGEST = 0.5, 300
#: How often a change is made anew because somebody else changed the function meanwhile.
_ATTEMPTS = 3
#: A name or an ARN with a version or an alias behind it.
_QUALIFIED = re.compile(r"(?:(?:arn:[^:]+:lambda:[^:]+:)?(?:\d{12}:)?function:)?(?!function:)[^:]+:([^:]+)")
#: What is to be said after a change was sent whose outcome is not known.
UNSETTLED = "it may be changed or not; the same command again settles it"
_CHANGED, _BUSY = "PreconditionFailedException", "ResourceConflictException"


class FunctionError(Exception):
    """The function cannot be changed, whatever AWS allows. The message is for the user."""


@dataclass(frozen=True)
class Held:
    """What a function has: ARNs of layers in their order, and all environment variables."""

    layers: tuple[str, ...]
    variables: Mapping[str, str]


@dataclass(frozen=True)
class Function:
    """What was read of a function. `revision` is "" where the server has none."""

    name: str
    arn: str
    role: str
    architecture: str
    is_image: bool
    held: Held
    revision: str
    log_group: str

    @property
    def region(self) -> str:
        """The function's region."""
        return self.arn.split(":")[3]

    @property
    def account(self) -> str:
        """The function's account."""
        return self.arn.split(":")[4]


def log_group(configuration: Mapping[str, Any]) -> str:
    """Return where Lambda writes a function's logs, from its configuration. Pure."""
    named = (configuration.get("LoggingConfig") or {}).get("LogGroup")
    return str(named or f"/aws/lambda/{configuration['FunctionName']}")


def found(account: Account, name: str) -> Function:
    """Read a function in the region that its ARN names, or in the account's. Raises AwsError and FunctionError."""
    return read(account.client("lambda", region(name)), name)


def region(name: str) -> str | None:
    """Return the region that an ARN names, None for a name. Pure."""
    return name.split(":")[3] if name.startswith("arn:") else None


def qualifier(name: str) -> str:
    """Return the version or alias behind a name or an ARN, "" if there is none. Pure."""
    found = _QUALIFIED.fullmatch(name)
    return found[1] if found else ""


def read(client: Any, name: str) -> Function:  # noqa: ANN401 - boto3's
    """Read a function, by name or ARN, once it is not being updated any more. Raises AwsError and FunctionError."""
    _refuse_version(name)
    found = _settled(client, name)
    environment = found.get("Environment", {})
    if why := environment.get("Error"):  # its variables are not shown: writing would delete them
        raise FunctionError(f"its variables cannot be read: {why.get('ErrorCode')} {why.get('Message')}".rstrip())
    return Function(
        name=found["FunctionName"],
        arn=found["FunctionArn"],
        role=found["Role"],
        architecture=found.get("Architectures", ["x86_64"])[0],
        is_image=found.get("PackageType") == "Image",
        held=Held(tuple(one["Arn"] for one in found.get("Layers") or ()), environment.get("Variables", {})),
        revision=found.get("RevisionId", ""),
        log_group=log_group(found),
    )


def change(client: Any, function: Function, wanted: Callable[[Function], Held]) -> tuple[Function, Held]:  # noqa: ANN401
    """Give a function what `wanted` makes of it, and wait until it is active. Return what it was, and what it has.

    If somebody else changes the function in between, it is read again and `wanted` is asked anew. Nothing is written if
    nothing is to change. Raises AwsError and FunctionError.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        target = wanted(function)
        update = _update(function, target)
        if not update:
            return function, target
        try:
            with answers():
                client.update_function_configuration(FunctionName=function.arn, **update)
            break
        except AwsError as error:
            if error.is_lost:
                raise _unsettled(error) from None
            if error.code not in (_CHANGED, _BUSY) or attempt == _ATTEMPTS:
                raise
            function = read(client, function.arn)
    try:
        after = _settled(client, function.arn)
    except AwsError as error:
        raise _unsettled(error) from None
    if after.get("LastUpdateStatus") == "Failed":
        raise FunctionError(f"its update failed: {after.get('LastUpdateStatusReason') or 'AWS does not say why'}")
    environment = after.get("Environment", {}).get("Variables", {})
    held = Held(tuple(one["Arn"] for one in after.get("Layers") or ()), environment)
    if held != target:
        raise FunctionError("AWS agreed to the change, but it has something else now; look at it, and try again")
    return function, held


def _unsettled(error: AwsError) -> FunctionError:
    return FunctionError(f"{UNSETTLED} ({error})")


def _update(function: Function, target: Held) -> dict[str, Any]:
    """Return what is sent: only the lists that change, and the revision that they were made of."""
    update: dict[str, Any] = {}
    if target.layers != function.held.layers:
        update["Layers"] = list(target.layers)
    if target.variables != function.held.variables:
        update["Environment"] = {"Variables": dict(target.variables)}
    return {**update, "RevisionId": function.revision} if update and function.revision else update


def configuration(client: Any, name: str) -> Mapping[str, Any]:  # noqa: ANN401 - boto3's
    """Return what Lambda says of a function. Raises AwsError, with a sentence of its own where there is none."""
    try:
        with answers():
            found: Mapping[str, Any] = client.get_function_configuration(FunctionName=name)
    except AwsError as error:
        if error.is_absent:
            raise AwsError(f"there is no function {name!r} in {client.meta.region_name}", error.code) from None
        raise
    return found


def _settled(client: Any, name: str) -> Mapping[str, Any]:  # noqa: ANN401 - boto3's
    """Return the configuration of a function that is neither being made nor updated."""
    deadline = time.monotonic() + _LONGEST
    while True:
        found = configuration(client, name)
        if found.get("LastUpdateStatus") != "InProgress" and found.get("State") != "Pending":
            return found
        if time.monotonic() >= deadline:
            raise FunctionError(f"it is still being updated after {_LONGEST} seconds; try again later")
        time.sleep(_DELAY)


def _refuse_version(name: str) -> None:
    if found := qualifier(name):
        raise FunctionError(
            f"{found} is a version or an alias, and the configuration of a version never changes: name the function "
            "without it, then publish a version"
        )
