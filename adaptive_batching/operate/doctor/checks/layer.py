"""The layer: is it attached, for the function's architecture, and a build for production. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adaptive_batching.operate.doctor.checks.permission import INVOKE
from adaptive_batching.operate.doctor.facts import Unknown
from adaptive_batching.operate.doctor.finding import CANNOT_SAY, ERROR, OK, WARNING, Finding, cannot_say

if TYPE_CHECKING:
    from adaptive_batching.operate.doctor.facts import Facts, Function, Layer

#: How the origin of an interpreter begins that is not made for other machines (layer.json).
DEVELOPMENT = "development"
#: Colons of a layer's ARN before its name: arn:aws:lambda:REGION:ACCOUNT:layer:NAME:VERSION
_OF_AN_ARN = 6
_ATTACH = "attach it: `adaptive-batching attach`, or docs/attach.md"


def judge(facts: Facts) -> list[Finding]:
    """Return what is to be said about the extension's layer, or about its absence."""
    function = facts.function
    if function.image:
        why = "a container image has no layers, and what is in it is not seen from here"
        return [Finding(CANNOT_SAY, why, INVOKE)]
    own = [one for one in function.layers if one.is_extension is True]
    if not own:
        unknown = [one for one in function.layers if isinstance(one.is_extension, Unknown)]
        if unknown and isinstance(unknown[0].is_extension, Unknown):
            return [cannot_say(unknown[0].is_extension, "name the extension's layer adaptive-batching-extension")]
        names = ", ".join(_told(function, one) for one in function.layers)
        return [
            Finding(ERROR, f"not attached; the function has {f'the layers {names}' if names else 'no layer'}", _ATTACH)
        ]
    if len(own) > 1:
        names = ", ".join(_told(function, one) for one in own)
        return [Finding(ERROR, f"attached twice, and files of one replace those of the other: {names}", "remove one")]
    return _one(function, own[0])


def _one(function: Function, layer: Layer) -> list[Finding]:
    found = []
    name, wanted, has = _told(function, layer), function.architecture, layer.architectures
    if layer.is_deleted:
        read = f"{name} was deleted: this function keeps it, and nothing can be attached beside it any more"
        found.append(Finding(WARNING, read, "publish it anew, and attach that version"))
    if isinstance(has, Unknown):
        found.append(cannot_say(has))
    elif isinstance(wanted, Unknown):
        found.append(cannot_say(wanted))
    elif has and wanted not in has:
        read = f"{name} is for {', '.join(has)}, and the function runs on {wanted}: exec format error"
        found.append(Finding(ERROR, read, f"attach the layer for {wanted} (ARCH={wanted} make layer)"))
    if isinstance(layer.origin, Unknown):
        found.append(cannot_say(layer.origin))
    elif layer.origin.startswith(DEVELOPMENT):
        read = f"{name} is a development build, with the interpreter of the machine that built it"
        found.append(Finding(WARNING, read, "make layer where the package registry can be reached, publish that"))
    return found or [Finding(OK, f"{name}{f', for {wanted}' if has else ''}")]


def _told(function: Function, layer: Layer) -> str:
    """Return name and version of a layer, with its account if that is another than the function's."""
    if not layer.name.startswith("arn:") or layer.name.count(":") < _OF_AN_ARN:
        return layer.name
    *_, account, _kind, name = layer.name.split(":", _OF_AN_ARN)
    return name if account == function.account else f"{name} of {account}"
