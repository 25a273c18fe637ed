"""The extension's variables as a person gives them: NAME=VALUE, with or without the prefix. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adaptive_batching.operate import variables
from adaptive_batching.operate.nearest import nearest
from adaptive_batching.settings import PREFIX, schema

if TYPE_CHECKING:
    from collections.abc import Iterable


class VariableError(ValueError):
    """A setting that does not exist, or a value that it cannot have. The message is for the user."""


def given(texts: Iterable[str]) -> dict[str, str]:
    """Return the variables by their full names. Raises VariableError for what the extension would not use."""
    return dict(_one(text) for text in texts)


def _one(text: str) -> tuple[str, str]:
    short, sign, value = text.partition("=")
    if not sign:
        raise VariableError(f"{text!r} is not NAME=VALUE, as in MODE=adaptive")
    name = PREFIX + short.strip().removeprefix(PREFIX)
    known = schema()["properties"]
    if name not in known:
        near = nearest(PREFIX + short.strip().upper().removeprefix(PREFIX), known).removeprefix(PREFIX)
        raise VariableError(f"{short!r} is not a setting of the extension; did you mean {near}?")
    if why := variables.refusal(name, value):
        raise VariableError(f"{name} cannot be {value!r}: {why}")
    return name, value
