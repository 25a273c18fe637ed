"""A template as a whole: every resource, with what can be resolved of it. What only AWS knows is `Unresolved`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.template.file import is_intrinsic, split
from adaptive_batching.sandbox.template.template import Template
from adaptive_batching.sandbox.template.values import FUNCTION, NO_VALUE, PLAIN_FUNCTION, UnresolvedError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Unresolved:
    """What stands in the place of a value that cannot be resolved here. `why` is a clause.

    `parameter` is the name of the parameter that has to be given for it, "" if only AWS knows the value.
    """

    why: str
    parameter: str = ""


def unresolved_in(value: object) -> Unresolved | None:
    """Return the first thing in a value that is `Unresolved`, None if all is resolved. Pure."""
    if isinstance(value, Unresolved):
        return value
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next((found for one in parts if (found := unresolved_in(one)) is not None), None)


def is_resolved(value: object) -> bool:
    """Return whether nothing in a value is `Unresolved`. Pure."""
    return unresolved_in(value) is None


class WholeTemplate(Template):
    """A template whose resources are looked at one by one."""

    def functions(self) -> list[str]:
        """Return the logical ids of the functions that are made, or may be: their condition cannot be judged."""
        return [name for kind in (FUNCTION, PLAIN_FUNCTION) for name in self.perhaps(kind)]

    def perhaps(self, kind: str) -> list[str]:
        """Return the logical ids of the resources of a type that are made, or may be."""
        return [name for name in self._resources if self._may_be(name, kind)]

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
        own = self._written(logical_id)
        if self._type(logical_id) not in (FUNCTION, PLAIN_FUNCTION):
            return own
        everywhere = self.globals("Function") if self._type(logical_id) == FUNCTION else {}
        variables = {**self._variables(everywhere, logical_id), **self._variables(own, logical_id)}
        layers = [one for some in (everywhere, own) for one in self._each(some.get("Layers"), f"{logical_id}.Layers")]
        return {**everywhere, **own, "Environment": {"Variables": variables}, "Layers": layers}

    def _each(self, value: Any, where: str) -> list[Any]:  # noqa: ANN401 - any YAML
        """Return the elements of a list as they are written, without those that have no value.

        A list that cannot be resolved is one element.
        """
        try:
            found = self._list(value, where)
        except SandboxError:
            return [value]
        return [one for one in found if self._opened(one, where) != NO_VALUE]

    def unresolved(self, error: SandboxError) -> Unresolved:
        """Return why a value cannot be resolved as what stands in its place."""
        if isinstance(error, UnresolvedError):
            return Unresolved(error.why, error.parameter)
        return Unresolved(str(error).removeprefix(f"{self._path}: "))

    def part(self, value: Any, *names: str, where: str) -> Any:  # noqa: ANN401 - any YAML
        """Return what stands under these names, each in the one before, as it is written; None if nothing does.

        Of a list the first element is looked into. `Unresolved` if one of them only AWS knows.
        """
        for name in names:
            found = self._opened(value, where)
            if isinstance(found, list):
                found = self._opened(found[0], where) if found else None
            if isinstance(found, Unresolved):
                return found
            value = found.get(name) if isinstance(found, dict) else None
        return value

    def _opened(self, value: Any, where: str) -> Any:  # noqa: ANN401 - any YAML
        """Return a mapping or a list as it is written, and anything else resolved."""
        try:
            value = self._chosen(value, where)
        except SandboxError as error:
            return self.unresolved(error)
        return value if isinstance(value, list) or not is_intrinsic(value) else self.known(value, where)

    def known(self, value: Any, where: str) -> Any:  # noqa: ANN401 - any YAML
        """Return a value with all that can be resolved of it.

        What cannot be is `Unresolved`, and what has no value is left out.
        """
        try:
            value = self._chosen(value, where)
            if isinstance(value, dict) and not is_intrinsic(value):
                parts = {key: self.known(one, f"{where}.{key}") for key, one in value.items()}
                return {key: one for key, one in parts.items() if one != NO_VALUE}
            if isinstance(value, list):
                return [found for one in value if (found := self.known(one, where)) != NO_VALUE]
            return self._value(value, where)
        except SandboxError as error:
            return self.unresolved(error)

    def target(self, value: object) -> str:
        """Return the logical id of the resource that a Ref or GetAtt refers to, "" if it is neither or a parameter."""
        try:
            name, argument = split(self._chosen(value, ""))
        except SandboxError:
            return ""
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
