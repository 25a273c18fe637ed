"""A function as Lambda describes it (GetFunctionConfiguration), and its layers (GetLayerVersion)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adaptive_batching import settings
from adaptive_batching.operate import function as functions
from adaptive_batching.operate import variables
from adaptive_batching.operate.aws import AwsError, answers
from adaptive_batching.operate.doctor.facts import Function, Layer, Unknown
from adaptive_batching.operate.doctor.reading import layer_zip
from adaptive_batching.operate.doctor.reading.attempt import unknown
from adaptive_batching.operate.doctor.reading.values import settings_of
from adaptive_batching.operate.layers.names import ARCHITECTURES, layer_name, layer_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adaptive_batching.operate.aws import Account


#: What stands in place of every value where a server hides them, and what is said then.
MASK, _ASK = "***", "ask AWS, or doctor --template FILE"
HIDDEN = Unknown(f"this server hides the values of variables ({MASK})", mend=_ASK)


def of(found: Mapping[str, Any]) -> Function:
    """Return the function of an answer, without its layers. Raises AwsError if its variables are not in it. Pure."""
    environment = found.get("Environment") or {}
    if error := environment.get("Error"):
        said = f"{error.get('ErrorCode', '')} {error.get('Message', '')}".strip()
        raise AwsError(f"Lambda does not show the variables of {found['FunctionName']}: {said}")
    _, partition, _, region, number, *_ = found["FunctionArn"].split(":")
    name, given = found["FunctionName"], environment.get("Variables") or {}
    hidden = _hidden(given)
    plain = {key: value for key, value in given.items() if key not in hidden}
    return Function(
        name,
        region,
        number,
        settings_of(plain, hidden, name, region),
        found.get("Timeout", 3),
        found.get("MemorySize", 128),
        (found.get("Architectures") or ["x86_64"])[0],
        partition,
        image=found.get("PackageType") == "Image",
        role=found.get("Role", ""),
        log_group=functions.log_group(found),
        unresolved=hidden,
    )


def _hidden(given: Mapping[str, str]) -> dict[str, Unknown]:
    """Return the variables that count and whose values are hidden, as the sandbox hides them: all of them, or none."""
    if set(given.values()) != {MASK}:
        return {}
    known = {*settings.schema()["properties"], *variables.ENDPOINTS}
    return {name: HIDDEN for name in given if name in known}


def layers(account: Account, found: Mapping[str, Any]) -> tuple[Layer, ...]:
    """Return the layers of an answer, each of which is asked about."""
    if "Layers" not in found and "Role" not in found:  # as the sandbox answers, and AWS never does: it names the role
        return (Layer("a layer", Unknown("this server names no layers of the function", mend=_ASK)),)
    arns = [one["Arn"] for one in found.get("Layers") or []]
    named = any(settings.EXTENSION in layer_of(arn) for arn in arns)
    return tuple(_layer(account, arn, named=named) for arn in arns)


def _layer(account: Account, arn: str, *, named: bool) -> Layer:
    """Return a layer. Where none has the extension's name (`named`), each is looked into."""
    is_ours = settings.EXTENSION in layer_of(arn)
    if named and not is_ours:
        return Layer(arn, is_extension=False)
    number = int(arn.rpartition(":")[2])
    client = account.client("lambda")
    try:
        with answers():
            found = client.get_layer_version(LayerName=layer_of(arn), VersionNumber=number)
    except AwsError as error:
        if error.is_absent and is_ours:
            return Layer(arn, True, named_architectures(arn), is_deleted=True)
        return Layer(arn, is_ours or unknown(error), unknown(error))
    architectures = tuple(found.get("CompatibleArchitectures") or named_architectures(arn))
    content = layer_zip.look(str((found.get("Content") or {}).get("Location", "")), account.endpoint_url)
    if isinstance(content, Unknown):
        return Layer(arn, is_ours or content, architectures, content)
    return Layer(arn, is_ours or content.has_extension, architectures, content.origin)


def named_architectures(arn: str) -> tuple[str, ...]:
    """Return the architecture that the name of a published layer ends with, none if it is another name. Pure."""
    name = layer_of(arn).rpartition(":")[2] if arn.startswith("arn:") else arn
    return tuple(one for one in ARCHITECTURES if name == layer_name(one))
