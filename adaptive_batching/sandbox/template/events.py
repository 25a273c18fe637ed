"""What a template says of a function's asynchronous invocations and of its concurrency, its values resolved. Pure.

SAM has `EventInvokeConfig` and `DeadLetterQueue` in the function. CloudFormation has `DeadLetterConfig` there, and the
rest in a resource of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.template.file import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The properties of a function that are read here.
PROPERTIES = ("ReservedConcurrentExecutions", "EventInvokeConfig", "DeadLetterQueue", "DeadLetterConfig")
#: The type of the resource that has the rest in CloudFormation.
EVENT_INVOKE_CONFIG = "AWS::Lambda::EventInvokeConfig"
#: What leaves out the property that has it.
NO_VALUE = "AWS::NoValue"
_NUMBERS = ("MaximumRetryAttempts", "MaximumEventAgeInSeconds")
_USES = ("OnSuccess", "OnFailure")


def fields(properties: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return the fields of `Function` for these properties. `where` names the function. Raises SandboxError."""
    known = {name: value for name, value in properties.items() if value not in (None, NO_VALUE)}
    found: dict[str, Any] = {}
    if (reserved := known.get("ReservedConcurrentExecutions")) is not None:
        found["reserved"] = _number(reserved, f"{where}.ReservedConcurrentExecutions")
    if (document := known.get("EventInvokeConfig")) is not None:
        found["event_config"] = _event_config(document, f"{where}.EventInvokeConfig")
    for name in ("DeadLetterQueue", "DeadLetterConfig"):
        if name in known:
            found["dead_letter"] = _arn(known[name], "TargetArn", f"{where}.{name}")
    return found


def _event_config(value: object, where: str) -> dict[str, Any]:
    given = _mapping(value, where)
    found: dict[str, Any] = {
        name: _number(given[name], f"{where}.{name}") for name in _NUMBERS if given.get(name, NO_VALUE) != NO_VALUE
    }
    destinations = _mapping(given.get("DestinationConfig", NO_VALUE), f"{where}.DestinationConfig")
    named = {use: destinations[use] for use in _USES if destinations.get(use, NO_VALUE) != NO_VALUE}
    if named:
        found["DestinationConfig"] = {
            use: {"Destination": _arn(one, "Destination", f"{where}.{use}")} for use, one in named.items()
        }
    return found


def _arn(value: object, member: str, where: str) -> str:
    found = _mapping(value, where).get(member)
    if not isinstance(found, str) or not found.startswith("arn:"):
        raise SandboxError(
            f"{where} has no ARN in {member}: {shown(found)}; none is made here, so name a queue or a topic"
        )
    return found


def _mapping(value: object, where: str) -> dict[str, Any]:
    if value == NO_VALUE:
        return {}
    if not isinstance(value, dict):
        raise SandboxError(f"{where} is {shown(value)}, not a mapping")
    return value


def _number(value: object, where: str) -> int:
    try:
        return int(str(value))
    except ValueError:
        raise SandboxError(f"{where} is {shown(value)}, not a whole number") from None
