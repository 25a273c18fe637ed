"""A template as a whole: every resource, with what can be resolved of it. What only AWS knows is `Unresolved`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.template.file import Intrinsic, split
from adaptive_batching.sandbox.template.template import Template
from adaptive_batching.sandbox.template.values import FUNCTION, NO_VALUE, PLAIN_FUNCTION, ParameterError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Unresolved:
    """What stands in the place of a value that cannot be resolved here. `why` is a clause.

    `parameter` is the name of the parameter that has to be given for it, "" if only AWS knows the value.
    """

    why: str
    parameter: str = ""


def is_resolved(value: object) -> bool:
    """Return whether nothing in a value is `Unresolved`. Pure."""
    if isinstance(value, dict):
        return all(map(is_resolved, value.values()))
    return all(map(is_resolved, value)) if isinstance(value, list) else not isinstance(value, Unresolved)


def unresolved(error: SandboxError) -> Unresolved:
    """Return why a value cannot be resolved as what stands in its place. Pure."""
    if isinstance(error, ParameterError):
        return Unresolved(error.why, error.parameter)
    return Unresolved(str(error))


class WholeTemplate(Template):
    """A template whose resources are looked at one by one."""

    def functions(self) -> list[str]:
        """Return the logical ids of the functions that are made, or may be: their condition cannot be judged."""
        return [name for kind in (FUNCTION, PLAIN_FUNCTION) for name in self._resources if self._may_be(name, kind)]

    def _may_be(self, logical_id: str, kind: str) -> bool:
        try:
            return self._type(logical_id) == kind and not self._absent(logical_id)
        except SandboxError:
            return True

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """Return the properties of each resource of a type whose condition holds, as they are written, by logical id.

        Those of a function of SAM have what Globals say.
        """
        return {
            name: self.written(name) for name in self._resources if self._type(name) == kind and not self._absent(name)
        }

    def made(self, logical_id: str) -> dict[str, Any]:
        """Return the properties of a resource as they are written. Raises SandboxError if its condition is unclear."""
        self._absent(logical_id)
        return self.written(logical_id)

    def written(self, logical_id: str) -> dict[str, Any]:
        """Return the properties of a resource as they are written. Those of a function of SAM have what Globals say."""
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
        try:
            value = self._chosen(value, where)
            name, _ = split(value)
            is_intrinsic = isinstance(value, Intrinsic) or name == "Ref" or (name and f"Fn::{name}" in value)
            if isinstance(value, dict) and not is_intrinsic:
                parts = {key: self.known(one, f"{where}.{key}") for key, one in value.items()}
                return {key: one for key, one in parts.items() if one != NO_VALUE}
            if isinstance(value, list):
                return [found for one in value if (found := self.known(one, where)) != NO_VALUE]
            return self._value(value, where)
        except SandboxError as error:
            return unresolved(error)

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
