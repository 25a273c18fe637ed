"""What the tools know of the extension's settings: the JSON Schema that is packaged with them, and nothing else.

docs/settings.py writes the schema from the extension's own table.
"""

from __future__ import annotations

import functools
import json
from importlib.resources import files
from typing import Any

#: How the name of every variable begins.
PREFIX = "ADAPTIVE_BATCHING_EXTENSION_"


@functools.cache
def schema() -> dict[str, Any]:
    """Return the JSON Schema of the environment variables that configure the extension."""
    found: dict[str, Any] = json.loads(files("adaptive_batching").joinpath("settings.schema.json").read_text("utf-8"))
    return found


def bucket_variable() -> str:
    """Return the name of the variable that names the bucket: the only one that is required."""
    (name,) = schema()["required"]
    return str(name)


def variable(ending: str) -> str:
    """Return the full name of a variable, as in `variable("COMPRESSION")`. Raises KeyError if there is none."""
    name = PREFIX + ending
    if name not in schema()["properties"]:
        raise KeyError(name)
    return name


def default(ending: str) -> str:
    """Return what the extension does without the variable, as the text that says the same. Raises KeyError."""
    return str(schema()["properties"][variable(ending)]["default"])


def choices(ending: str) -> tuple[str, ...]:
    """Return the values that a variable takes. Raises KeyError for one that takes others, too."""
    return tuple(schema()["properties"][variable(ending)]["enum"])


def default_log_types() -> tuple[str, ...]:
    """Return the types of records that the extension ships when LOG_TYPES is not set."""
    return tuple(json.loads(default("LOG_TYPES")))
