"""Read a function from a SAM, CloudFormation or CDK template: code, variables, layers, limits. Opens no connection.

`template_values` says which values are known. A variable that the caller gives is not read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.function import Function
from adaptive_batching.sandbox.template import events
from adaptive_batching.sandbox.template.file import Intrinsic, shown
from adaptive_batching.sandbox.template.values import FUNCTION, NO_VALUE, PLAIN_FUNCTION, Values

if TYPE_CHECKING:
    from collections.abc import Container, Mapping
    from pathlib import Path

#: The endings of the names of templates.
TEMPLATES = frozenset({".yaml", ".yml", ".json", ".template"})
#: Type of a layer, of SAM and of CloudFormation -> the property with its content.
_LAYERS = {"AWS::Serverless::LayerVersion": "ContentUri", "AWS::Lambda::LayerVersion": "Content"}


class Template(Values):
    """One template. `parameters` override the defaults of its parameters. Raises SandboxError if it cannot be read."""

    def has_layers(self, logical_id: str) -> bool:
        """Return whether a function has layers, of its own or by Globals."""
        return bool(self._wanted(self._resources[logical_id], logical_id).get("Layers"))

    def function(
        self, logical_id: str | None = None, layers: tuple[Path, ...] = (), given: Container[str] = ()
    ) -> Function:
        """Return the function with a logical id. Without an id the template must have exactly one function.

        `layers`, if given, replace those of the template. `given` are the names of variables that are given elsewhere:
        the template's values of these are not read. Raises SandboxError.
        """
        named = {name: one for name, one in self._resources.items() if one.get("Type") in (FUNCTION, PLAIN_FUNCTION)}
        if logical_id is None and len(named) == 1:
            (logical_id,) = named
        if not named:
            raise SandboxError(f"{self._path} has no function: no resource of type {FUNCTION} or {PLAIN_FUNCTION}")
        if logical_id not in named:
            raise SandboxError(f"{self._path} has the functions {', '.join(named)}; select one with --function")
        resource = named[logical_id]
        everywhere = self.globals("Function") if resource["Type"] == FUNCTION else {}
        own = self._mapping(resource.get("Properties"), f"{logical_id}.Properties")
        wanted = self._wanted(resource, logical_id)
        if wanted.get("PackageType") == "Image":
            raise SandboxError(f"{self._path}: {logical_id} is a container image, which is not run here; only code is")
        both = {**self._variables(everywhere, logical_id), **self._variables(own, logical_id)}
        variables = {name: value for name, value in both.items() if name not in given}
        where = f"{logical_id}.Layers"  # SAM adds lists together
        shared = [*self._list(everywhere.get("Layers"), where), *self._list(own.get("Layers"), where)]
        logging = self._mapping(
            self._value(wanted.get("LoggingConfig"), f"{logical_id}.LoggingConfig"), f"{logical_id}.LoggingConfig"
        )
        return Function(
            self._code(resource, wanted, logical_id),
            self._text(wanted.get("Handler", "bootstrap"), f"{logical_id}.Handler"),
            self.name(logical_id),
            runtime=self._text(self._needed(wanted, "Runtime", logical_id), f"{logical_id}.Runtime"),
            variables={
                name: value
                for name, one in variables.items()
                if (value := self._text(one, f"{logical_id}.{name}")) != NO_VALUE
            },
            layers=layers or tuple(self._layer(one, where) for one in shared),
            timeout=self._number(wanted.get("Timeout", 3), f"{logical_id}.Timeout"),
            memory=self._number(wanted.get("MemorySize", 128), f"{logical_id}.MemorySize"),
            log_format=str(logging.get("LogFormat", "Text")),
            xray=self._traced(wanted, logical_id),
            **self._events(wanted, logical_id),
        )

    def _traced(self, wanted: Mapping[str, Any], logical_id: str) -> bool:
        """Return whether X-Ray traces a function: `Tracing` of SAM, `TracingConfig` of CloudFormation."""
        plain = self._mapping(self._value(wanted.get("TracingConfig"), f"{logical_id}.TracingConfig"), logical_id)
        return "Active" in (self._value(wanted.get("Tracing"), f"{logical_id}.Tracing"), plain.get("Mode"))

    def _events(self, wanted: Mapping[str, Any], logical_id: str) -> dict[str, Any]:
        """Return the fields for asynchronous invocations, from the function and from CloudFormation's own resource."""
        properties = {
            name: self._value(wanted[name], f"{logical_id}.{name}") for name in events.PROPERTIES if name in wanted
        }
        for name, one in self._resources.items():
            if one.get("Type") == events.EVENT_INVOKE_CONFIG:
                document = self._value(self._mapping(one.get("Properties"), name), name)
                if document.get("FunctionName") == self.name(logical_id):
                    properties["EventInvokeConfig"] = document
        return events.fields(properties, f"{self._path}: {logical_id}")

    def _code(self, resource: Mapping[str, Any], wanted: Mapping[str, Any], logical_id: str) -> Path:
        """Return the folder of the function's code."""
        if resource["Type"] == FUNCTION:
            code = self._needed(wanted, "CodeUri", logical_id)
            if isinstance(code, str):
                return self._path.parent / code
            raise self._elsewhere(logical_id, f"{shown(code)}, not a folder")
        metadata = self._mapping(resource.get("Metadata"), f"{logical_id}.Metadata")
        if asset := metadata.get("aws:asset:path"):  # written by the CDK, relative to cdk.out
            return self._path.parent / str(asset)
        code = self._needed(wanted, "Code", logical_id)
        if isinstance(code, str):  # as `aws cloudformation package` reads it
            return self._path.parent / code
        where = self._mapping(code, f"{logical_id}.Code")
        if "ImageUri" in where:
            raise SandboxError(f"{self._path}: {logical_id} is a container image, which is not run here; only code is")
        raise self._elsewhere(
            logical_id, "written into the template (ZipFile)" if "ZipFile" in where else "in an S3 bucket"
        )

    def _elsewhere(self, logical_id: str, what: str) -> SandboxError:
        instead = "put it in a folder and name that, not the template"
        return SandboxError(f"{self._path}: the code of {logical_id} is {what}; {instead}")

    def _number(self, value: Any, where: str) -> int:  # noqa: ANN401 - any YAML
        found = self._value(value, where)
        try:
            return int(str(found))
        except ValueError:
            raise SandboxError(f"{self._path}: {where} is {shown(found)}, not a whole number") from None

    def _variables(self, properties: Mapping[str, Any], logical_id: str) -> dict[str, Any]:
        where = f"{logical_id}.Environment"
        return self._mapping(self._mapping(properties.get("Environment"), where).get("Variables"), f"{where}.Variables")

    def _needed(self, wanted: Mapping[str, Any], name: str, logical_id: str) -> object:
        if wanted.get(name) is None:
            raise SandboxError(f"{self._path}: {logical_id} has no {name}")
        return self._value(wanted[name], f"{logical_id}.{name}")

    def _layer(self, reference: object, where: str) -> Path:
        """Return the folder of a layer: what `sam build` or the CDK wrote, or its content if that is a folder here."""
        target = None
        if isinstance(reference, Intrinsic) and reference.name == "Ref":
            target = reference.argument
        elif isinstance(reference, dict) and len(reference) == 1:
            target = reference.get("Ref")
        resource = self._resources.get(str(target), {})
        content = _LAYERS.get(str(resource.get("Type")))
        if content is None:
            raise SandboxError(
                f"{self._path}: {where}: a layer must be a Ref to a layer version of the template; name its folder "
                "with --layer"
            )
        metadata = self._mapping(resource.get("Metadata"), f"{target}.Metadata")
        if asset := metadata.get("aws:asset:path"):  # written by the CDK, relative to cdk.out
            return self._path.parent / str(asset)
        built = self._path.parent / ".aws-sam/build" / str(target)
        if built.is_dir():
            return built
        if "BuildMethod" in metadata:
            raise SandboxError(f"layer {target} is not built; run `sam build`, or name its folder with --layer")
        folder = self._needed(self._mapping(resource.get("Properties"), str(target)), content, str(target))
        if not isinstance(folder, str) or "://" in folder:
            raise SandboxError(f"{self._path}: {target}.{content} is not a folder here; name one with --layer")
        return self._path.parent / folder
