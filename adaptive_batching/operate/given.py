"""The extension's variables as a person gives them: NAME=VALUE, with or without the prefix. Pure."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

from adaptive_batching.settings import PREFIX, schema

if TYPE_CHECKING:
    from collections.abc import Iterable


class VariableError(ValueError):
    """A setting that does not exist, or a value that it cannot have. The message is for the user."""


def given(texts: Iterable[str]) -> dict[str, str]:
    """Return the variables by their full names. Raises VariableError."""
    return dict(_one(text) for text in texts)


def _one(text: str) -> tuple[str, str]:
    short, sign, value = text.partition("=")
    if not sign:
        raise VariableError(f"{text!r} is not NAME=VALUE, as in MODE=adaptive")
    name = PREFIX + short.strip().removeprefix(PREFIX)
    known = schema()["properties"]
    if name not in known:
        near = difflib.get_close_matches(name, known, 1, 0)[0].removeprefix(PREFIX)
        raise VariableError(f"{short!r} is not a setting of the extension; did you mean {near}?")
    about = known[name]
    fits = value in about["enum"] if "enum" in about else re.search(about.get("pattern", ""), value)
    if not fits:
        raise VariableError(f"{text!r}: {value!r} cannot be the value of {name}; it is: {about['description']}")
    return name, value
