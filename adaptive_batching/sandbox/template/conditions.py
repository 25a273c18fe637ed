"""The conditions of a template: whether Equals, Not, And, Or and Condition hold. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.template.file import word

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_MOST_NESTED = 100


class Conditions:
    """The section `Conditions`. `split` gives name and argument of an intrinsic function, `text` a value as text."""

    def __init__(
        self,
        section: Mapping[str, object],
        split: Callable[[object], tuple[str, object]],
        text: Callable[[object, str], str],
    ) -> None:
        self._section = section
        self._split = split
        self._text = text

    def hold(self, name: str, where: str, nested: int = 0) -> bool:
        """Return whether the condition with this name holds. Raises SandboxError if there is none, or it is unclear."""
        if name not in self._section or nested > _MOST_NESTED:
            why = "refers to itself" if name in self._section else "is not in the template"
            raise SandboxError(f"{where} uses the condition {name}, which {why}")
        return self._holds(self._section[name], f"condition {name}", nested + 1)

    def _holds(self, node: object, where: str, nested: int) -> bool:
        kind, argument = self._split(node)
        if kind == "Condition":
            return self.hold(word(argument), where, nested)
        parts = argument if isinstance(argument, list) else []
        if kind == "Equals" and len(parts) == 2:  # noqa: PLR2004 - two values
            return self._text(parts[0], where) == self._text(parts[1], where)
        if kind == "Not" and len(parts) == 1:
            return not self._holds(parts[0], where, nested)
        if kind in ("And", "Or") and parts:
            found = [self._holds(part, where, nested) for part in parts]
            return all(found) if kind == "And" else any(found)
        raise SandboxError(f"{where} is not one of Equals, Not, And, Or and Condition with its arguments")
