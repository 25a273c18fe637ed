"""The extension's variables as a person gives them: NAME=VALUE, with or without the prefix. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adaptive_batching.operate import variables
from adaptive_batching.operate.nearest import nearest
from adaptive_batching.settings import PREFIX, schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class VariableError(ValueError):
    """A setting that does not exist, or a value that it cannot have. The message is for the user."""


def given(texts: Iterable[str], beside: Mapping[str, tuple[str, str]] | None = None) -> dict[str, str]:
    """Return the variables by their full names. Raises VariableError for what the extension would not use.

    `beside` are those that have options of their own: full name -> option and value. Nothing may be given twice.
    """
    found = {name: value for name, (_, value) in (beside or {}).items()}
    for text in texts:
        name, value = _one(text)
        if name in found:
            other = beside[name][0] if beside and name in beside else "another --set"
            raise VariableError(f"--set {text!r} and {other} give {name}: leave one of them out")
        found[name] = value
    return found


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
