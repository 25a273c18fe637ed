"""Which layer a function gets: the one that was named, or the newest that `publish` has published beside it.

And which of its layers are the extension's: by their names, and where none has such a name, by what is in them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from adaptive_batching.operate.attaching.change import ChangeError
from adaptive_batching.operate.aws import AwsError, answers
from adaptive_batching.operate.doctor.facts import Unknown
from adaptive_batching.operate.doctor.reading import layer_zip
from adaptive_batching.operate.layers.names import is_ours, layer_name, layer_of
from adaptive_batching.operate.layers.versions import newest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adaptive_batching.operate.aws import Account
    from adaptive_batching.operate.function import Function


def chosen(account: Account, function: Function, named: str | None) -> str:
    """Return the ARN of the layer's version. Raises ChangeError if the function cannot have it, and AwsError."""
    if function.is_image:
        raise ChangeError(
            "it is a container image, and Lambda has no layers for those: copy the layer into the image, as "
            "layer/README.md shows, and set the variables where you deploy it"
        )
    if named:
        _check(account, function, named)
        return named
    name = layer_name(function.architecture)
    found = newest(account.client("lambda", function.region), name)
    if found is None:
        raise ChangeError(
            f"there is no layer {name} in {function.region}: run `adaptive-batching publish --arch "
            f"{function.architecture}`, or name one with --layer"
        )
    return str(found["LayerVersionArn"])


@dataclass(frozen=True)
class Own:
    """Which of a function's layers are the extension's; and if none is known to be, which may be, with the reason."""

    layers: tuple[str, ...]
    unread: Mapping[str, str] = field(default_factory=dict)

    def doubt(self) -> str:
        """Return a sentence about the layers that may be the extension's, "" if there are none. Pure."""
        return "; ".join(
            f"whether its layer {arn} holds the extension cannot be found out ({why})"
            for arn, why in self.unread.items()
        )


def held(account: Account, function: Function) -> Own:
    """Return those of the function's layers that are the extension's. Raises AwsError if AWS cannot be asked."""
    layers = function.held.layers
    if by_name := tuple(one for one in layers if is_ours(one)):
        return Own(by_name)
    found, unread = [], {}
    for arn in layers:
        try:
            content = _content(account, _version(account, arn))
        except AwsError as error:
            if error.is_unasked:
                raise
            content = Unknown(str(error))
        if isinstance(content, Unknown):
            unread[arn] = content.why
        elif content.has_extension:
            found.append(arn)
    return Own(tuple(found), {} if found else unread)


def refuse_foreign(account: Account, arn: str) -> None:
    """Raise ChangeError if a layer can be looked into and is not the extension's. One that is gone may have been."""
    if is_ours(arn):
        return
    try:
        content = _content(account, _version(account, arn))
    except AwsError as error:
        if error.is_unasked:
            raise
        return
    if not isinstance(content, Unknown) and not content.has_extension:
        raise ChangeError(f"the layer {layer_of(arn)} does not hold the extension, so it stays")


def _check(account: Account, function: Function, arn: str) -> None:
    region = arn.split(":")[3]
    if region != function.region:
        raise ChangeError(f"the layer is in {region} and the function in {function.region}: publish it there too")
    try:
        found = _version(account, arn)
    except AwsError as error:
        if error.is_absent:
            raise ChangeError(f"there is no layer {arn}; dist/layers.json has what `publish` made") from None
        raise
    architectures = found.get("CompatibleArchitectures") or [function.architecture]
    if function.architecture not in architectures:
        raise ChangeError(
            f"it is an {function.architecture} function, and the layer is for {' and '.join(architectures)}: name the "
            f"one for {function.architecture}"
        )
    if is_ours(arn):
        return
    content = _content(account, found)
    if isinstance(content, Unknown):
        raise ChangeError(
            f"whether the layer {layer_of(arn)} holds the extension cannot be said ({content.why}): publish it as "
            f"{layer_name(function.architecture)}"
        )
    if not content.has_extension:
        raise ChangeError(
            f"the layer {layer_of(arn)} does not hold the extension; name a version of "
            f"{layer_name(function.architecture)}, or leave out --layer"
        )


def _version(account: Account, arn: str) -> Any:  # noqa: ANN401 - boto3's
    with answers():
        return account.client("lambda", arn.split(":")[3]).get_layer_version(
            LayerName=layer_of(arn), VersionNumber=int(arn.rpartition(":")[2])
        )


def _content(account: Account, version: Any) -> layer_zip.Content | Unknown:  # noqa: ANN401 - boto3's
    return layer_zip.look(str((version.get("Content") or {}).get("Location", "")), account.endpoint_url)
