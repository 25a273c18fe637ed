"""The extension's settings as the tools know them: a JSON Schema that is part of this package.

`make docs` writes the schema from the extension's own table of settings.
"""

from __future__ import annotations

import functools
import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The beginning of the name of every variable.
PREFIX = "ADAPTIVE_BATCHING_EXTENSION_"
#: The name of the extension: that of its file in the layer, under which it registers.
EXTENSION = "adaptive-batching-extension"
#: The settings that remove records of the function and of extensions, or parts of them.
FILTERS = ("EXCLUDE", "INCLUDE", "MIN_LEVEL", "REDACT", "REDACT_PATTERN")
#: Every record type, in the order of the documents.
TYPES = ("platform", "function", "extension")


@functools.cache
def schema() -> dict[str, Any]:
    """Return the JSON Schema of the environment variables that configure the extension."""
    found: dict[str, Any] = json.loads(files("adaptive_batching").joinpath("settings.schema.json").read_text("utf-8"))
    return found


def bucket_variable() -> str:
    """Return the name of the variable that sets the bucket, the only required one."""
    (name,) = schema()["required"]
    return str(name)


def variable(ending: str) -> str:
    """Return the full name of a variable, as in `variable("COMPRESSION")`. Raises KeyError if it does not exist."""
    name = PREFIX + ending
    if name not in schema()["properties"]:
        raise KeyError(name)
    return name


def default(ending: str) -> str:
    """Return the default of a variable as text. Raises KeyError if the variable does not exist."""
    return str(schema()["properties"][variable(ending)]["default"])


def choices(ending: str) -> tuple[str, ...]:
    """Return the values that a variable may have. Raises KeyError for a variable that is not an enumeration."""
    return tuple(value for value in schema()["properties"][variable(ending)]["enum"] if value)  # "": not set


def default_log_types() -> tuple[str, ...]:
    """Return the record types that the extension ships when LOG_TYPES is not set."""
    return tuple(json.loads(default("LOG_TYPES")))


def log_types(variables: Mapping[str, str]) -> tuple[str, ...]:
    """Return the record types that the extension ships with these variables. It ignores bad items, as here."""
    try:
        wanted = json.loads(variables.get(variable("LOG_TYPES"), "[]"))
    except ValueError:
        wanted = []
    return tuple(one for one in TYPES if isinstance(wanted, list) and one in wanted) or default_log_types()


def has_filters(variables: Mapping[str, str]) -> bool:
    """Return whether records may be removed or changed before they are shipped; those of the platform never are."""
    return any(variables.get(variable(one)) for one in FILTERS)
