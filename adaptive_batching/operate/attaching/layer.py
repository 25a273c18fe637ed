"""Which layer a function gets: the one that was named, or the newest that `publish` has published beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adaptive_batching.operate.attaching.change import ChangeError
from adaptive_batching.operate.aws import answers
from adaptive_batching.operate.layers.names import layer_name, layer_of
from adaptive_batching.operate.layers.versions import newest

if TYPE_CHECKING:
    from adaptive_batching.operate.function import Function


def chosen(client: Any, function: Function, named: str | None) -> str:  # noqa: ANN401 - boto3's
    """Return the ARN of the layer's version. Raises ChangeError if the function cannot have it, and AwsError."""
    if function.is_image:
        raise ChangeError(
            "it is a container image, and Lambda has no layers for those: copy the layer into the image, as "
            "layer/README.md shows, and set the variables where you deploy it"
        )
    if named:
        _check(client, function, named)
        return named
    name = layer_name(function.architecture)
    found = newest(client, name)
    if found is None:
        raise ChangeError(
            f"there is no layer {name} in {function.region}: run `adaptive-batching publish --arch "
            f"{function.architecture}`, or name one with --layer"
        )
    return str(found["LayerVersionArn"])


def _check(client: Any, function: Function, arn: str) -> None:  # noqa: ANN401 - boto3's
    region = arn.split(":")[3]
    if region != function.region:
        raise ChangeError(f"the layer is in {region} and the function in {function.region}: publish it there too")
    number = int(arn.rpartition(":")[2])
    with answers():
        found = client.get_layer_version(LayerName=layer_of(arn), VersionNumber=number)
    architectures = found.get("CompatibleArchitectures") or [function.architecture]
    if function.architecture not in architectures:
        raise ChangeError(
            f"it is an {function.architecture} function, and the layer is for {' and '.join(architectures)}: name the "
            f"one for {function.architecture}"
        )
