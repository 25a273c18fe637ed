"""What the published layers are called, and what their ARNs say. Pure."""

from __future__ import annotations

from adaptive_batching.settings import EXTENSION

ARCHITECTURES = ("x86_64", "arm64")
#: The ARN of a layer's version: arn:aws:lambda:REGION:ACCOUNT:layer:NAME:VERSION
VERSION_ARN = r"arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:layer:[A-Za-z0-9_-]{1,140}:[0-9]+"


def layer_name(architecture: str) -> str:
    """Return the name under which `publish` publishes the layer of an architecture."""
    return f"{EXTENSION}-{architecture}"


#: Every name of the layer: that of template.yaml, and those of `publish`.
NAMES = (EXTENSION, *map(layer_name, ARCHITECTURES))


def layer_of(arn: str) -> str:
    """Return the ARN of a layer without the version."""
    return arn.rpartition(":")[0]


def is_ours(arn: str) -> bool:
    """Return whether the ARN of a version is of this extension by its name."""
    return layer_of(arn).rpartition(":")[2] in NAMES
