"""Values of a template as facts. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from adaptive_batching import settings
from adaptive_batching.operate import variables
from adaptive_batching.operate.doctor.facts import Unknown
from adaptive_batching.sandbox.template.file import shown
from adaptive_batching.sandbox.template.whole import Unresolved

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from adaptive_batching.operate.variables import Variables

#: Where a template is read as if it were deployed.
REGION, ACCOUNT = "us-east-1", "123456789012"
DEPLOYED = "doctor --function NAME, once it is deployed"


def mapping(value: object) -> dict[str, Any]:
    """Return a mapping as it is, and anything else as an empty one."""
    return value if isinstance(value, dict) else {}


def unknown(found: Unresolved, about: str = "") -> Unknown:
    """Return what cannot be resolved as a fact that is not known. `about` is the beginning of its clause."""
    return Unknown(about + found.why, mend=f"--parameter {found.parameter}=…" if found.parameter else DEPLOYED)


def settings_of(plain: Mapping[str, str], lacking: Container[str], name: str, region: str) -> Variables:
    """Return what the extension makes of a function's variables, of which some are set, but not known (`lacking`)."""
    read, bucket = variables.read(plain, name, region), settings.bucket_variable()
    if bucket not in lacking:
        return read
    return replace(read, problems=tuple(one for one in read.problems if one.name != bucket))


def without_value(name: str, value: object) -> Unknown:
    """Return why the value of a variable is not known."""
    if isinstance(value, Unresolved):
        return unknown(value, "" if name in value.why else f"{name}: ")
    return Unknown(f"{name} is {shown(value)}, not a text", mend="CloudFormation refuses it: write a text")


def architecture(values: object) -> str | Unknown:
    """Return the architecture of `Architectures`, of which Lambda takes one."""
    first = values[0] if isinstance(values, list) and values else values
    if isinstance(first, Unresolved):
        return unknown(first, "the architecture is not known: ")
    return first if isinstance(first, str) else Unknown(f"the architecture is {shown(values)}, not a text")


def number(value: object) -> int | Unknown:
    """Return a whole number."""
    try:
        return int(str(value))
    except ValueError:
        return unknown(value) if isinstance(value, Unresolved) else Unknown(f"{shown(value)} is not a number")
