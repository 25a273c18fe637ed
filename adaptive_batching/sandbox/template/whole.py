"""A template as a whole: every resource, with what can be resolved of it. What only AWS knows is `Unresolved`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.template.file import Intrinsic, split
from adaptive_batching.sandbox.template.template import Template
from adaptive_batching.sandbox.template.values import FUNCTION, PLAIN_FUNCTION

if TYPE_CHECKING:
    from pathlib import Path

_NO_VALUE = "AWS::NoValue"
_IF_PARTS = 3


@dataclass(frozen=True)
class Unresolved:
    """What stands in the place of a value that cannot be resolved here. `why` is a sentence."""

    why: str


class WholeTemplate(Template):
    """A template whose resources are looked at one by one."""

    def functions(self) -> list[str]:
        """Return the logical ids of the functions that are made."""
        return [*self.of_type(FUNCTION), *self.of_type(PLAIN_FUNCTION)]

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """Return the properties of each resource of a type whose condition holds, as they are written, by logical id.

        Those of a function of SAM have what Globals say.
        """
        return {
            name: self._merged(name)
            for name, one in self._resources.items()
            if one.get("Type") == kind
            and ("Condition" not in one or self._conditions.hold(str(one["Condition"]), f"{self._path}: {name}"))
        }

    def _merged(self, logical_id: str) -> dict[str, Any]:
        resource = self._resources[logical_id]
        own = self._mapping(resource.get("Properties"), f"{logical_id}.Properties")
        if resource.get("Type") != FUNCTION:
            return own
        everywhere = self.globals("Function")
        variables = {**self._variables(everywhere, logical_id), **self._variables(own, logical_id)}
        where = f"{logical_id}.Layers"
        layers = [*self._list(everywhere.get("Layers"), where), *self._list(own.get("Layers"), where)]
        return {**everywhere, **own, "Environment": {"Variables": variables}, "Layers": layers}

    def known(self, value: Any, where: str) -> Any:  # noqa: ANN401 - any YAML
        """Return a value with all that can be resolved of it.

        What cannot be is `Unresolved`, and what has no value is left out.
        """
        name, argument = split(value)
        if name == "If" and isinstance(argument, list) and len(argument) == _IF_PARTS:
            holds = self._conditions.hold(str(argument[0]), f"{self._path}: {where}")
            return self.known(argument[1 if holds else 2], where)
        is_intrinsic = isinstance(value, Intrinsic) or name == "Ref" or (name and f"Fn::{name}" in value)
        if isinstance(value, dict) and not is_intrinsic:
            parts = {key: self.known(one, f"{where}.{key}") for key, one in value.items()}
            return {key: one for key, one in parts.items() if one != _NO_VALUE}
        if isinstance(value, list):
            return [found for one in value if (found := self.known(one, where)) != _NO_VALUE]
        try:
            return self._value(value, where)
        except SandboxError as error:
            return Unresolved(str(error))

    def target(self, value: object) -> str:
        """Return the logical id of the resource that a Ref or GetAtt refers to, "" if it is neither or a parameter."""
        name, argument = split(value)
        if name not in ("Ref", "GetAtt"):
            return ""
        parts = argument if isinstance(argument, list) else str(argument).split(".")
        return str(parts[0]) if parts and str(parts[0]) in self._resources else ""

    def attribute(self, logical_id: str, name: str) -> object:
        """Return an attribute of a resource beside its properties, as it is written."""
        return self._resources[logical_id].get(name)

    def kind(self, logical_id: str) -> str:
        """Return the type of a resource."""
        return self._type(logical_id)

    @property
    def folder(self) -> Path:
        """The folder of the template, in which `sam build` writes."""
        return self._path.parent
