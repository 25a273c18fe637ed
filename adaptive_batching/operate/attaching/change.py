"""What attaching and detaching make of a function's layers and variables. Pure.

UpdateFunctionConfiguration replaces whole lists, so what is sent has to be what is there, with our part changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from adaptive_batching.operate.function import Held
from adaptive_batching.operate.layers.names import layer_of
from adaptive_batching.settings import PREFIX

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

#: The most layers of a function (Lambda quotas).
MOST_LAYERS = 5


class ChangeError(Exception):
    """The function cannot take the layer. The message is for the user."""


def attached(held: Held, own: Collection[str], layer: str, variables: Mapping[str, str]) -> Held:
    """Return what the function has with the layer: in the place of the first of its `own`, else last.

    `own` are those of its layers that hold the extension. Raises ChangeError.
    """
    own = [one for one in held.layers if one in own or layer_of(one) == layer_of(layer)]
    layers = tuple(layer if one in own[:1] else one for one in held.layers if one not in own[1:])
    if not own:
        if len(held.layers) >= MOST_LAYERS:
            raise ChangeError(
                f"it has {len(held.layers)} layers already, and Lambda allows {MOST_LAYERS}: take one off, or put two "
                f"into one ({', '.join(held.layers)})"
            )
        layers = (*held.layers, layer)
    return Held(layers, {**held.variables, **variables})


def detached(held: Held, own: Collection[str], named: str | None = None) -> Held:
    """Return what the function has without its `own` layers, each version of the one named, and our variables."""
    of_named = layer_of(named) if named else None
    layers = tuple(one for one in held.layers if one not in own and layer_of(one) != of_named)
    return Held(layers, {name: value for name, value in held.variables.items() if not name.startswith(PREFIX)})


def differences(before: Held, after: Held) -> list[str]:
    """Return the lines of a change: what comes has a +, what goes a -. Only our own variables ever change."""
    gone = [f"- layer {one}" for one in before.layers if one not in after.layers]
    come = [f"+ layer {one}" for one in after.layers if one not in before.layers]
    lines = gone + come
    for name in sorted({*before.variables, *after.variables}):
        old, new = before.variables.get(name), after.variables.get(name)
        if old != new:
            lines += [f"- {name}={old}"] if old is not None else []
            lines += [f"+ {name}={new}"] if new is not None else []
    return lines
