"""Read a function from a SAM, CloudFormation or CDK template: code, variables, layers, limits. Opens no connection.

These intrinsic functions are resolved: Ref (to parameters, pseudo parameters, and resources of which it is the name or
the ARN), Fn::Sub, Fn::GetAtt with Arn, Fn::If, Fn::Select, Fn::Split and Fn::Join. Any other one in a property that is
read here is an error, and so is a value that only AWS knows: `{{resolve:…}}`, and the URL of a queue, unless `tell` has
said what it is here. A variable that the caller gives is not read.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from adaptive_batching.sandbox import template_events
from adaptive_batching.sandbox.conditions import Conditions
from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.function import Function
from adaptive_batching.sandbox.template_file import Intrinsic, load, shown, split, text

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping
    from pathlib import Path

#: The endings of the names of templates.
TEMPLATES = frozenset({".yaml", ".yml", ".json", ".template"})
FUNCTION = "AWS::Serverless::Function"
#: The type that CloudFormation itself knows, and that the CDK writes.
PLAIN_FUNCTION = "AWS::Lambda::Function"
#: Type of a layer, of SAM and of CloudFormation -> the property with its content.
_LAYERS = {"AWS::Serverless::LayerVersion": "ContentUri", "AWS::Lambda::LayerVersion": "Content"}
_PLACEHOLDER = re.compile(r"\$\{(!?)([^}]+)\}")
_TOPIC = "AWS::SNS::Topic"  # of which Ref is the ARN
_URL = "AWS::SQS::Queue"  # of which Ref is a URL
#: Resource type -> format of the ARN of a resource.
_ARNS = {
    "AWS::S3::Bucket": "arn:aws:s3:::{name}",
    "AWS::SQS::Queue": "arn:aws:sqs:{region}:{account}:{name}",
    _TOPIC: "arn:aws:sns:{region}:{account}:{name}",
    "AWS::Events::EventBus": "arn:aws:events:{region}:{account}:event-bus/{name}",
    FUNCTION: "arn:aws:lambda:{region}:{account}:function:{name}",
    PLAIN_FUNCTION: "arn:aws:lambda:{region}:{account}:function:{name}",
}
#: Resource type of which Ref is the name -> the property with that name. Functions and buckets get one without it.
#: Source: "Return values" of each resource in the CloudFormation reference.
_NAMES = {
    FUNCTION: "FunctionName",
    PLAIN_FUNCTION: "FunctionName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::Events::EventBus": "Name",
    "AWS::IAM::Role": "RoleName",
    "AWS::Kinesis::Stream": "Name",
    "AWS::KinesisFirehose::DeliveryStream": "DeliveryStreamName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::SSM::Parameter": "Name",
    "AWS::SNS::Topic": "TopicName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::Serverless::SimpleTable": "TableName",
}
_RESOLVE = "{{resolve:"
_INSTEAD = "write a plain value, or give the variable with --env"
_IF_PARTS = 3  # a condition, and a value for either case
_NO_VALUE = "AWS::NoValue"  # leaves out what has it
_DEFAULTS = {"region": "us-east-1", "account": "123456789012"}


class Template:
    """One template. `parameters` override the defaults of its parameters. Raises SandboxError if it cannot be read."""

    def __init__(self, path: Path, parameters: Mapping[str, str] | None = None) -> None:
        self._path = path
        self._document = load(path)
        resources = self._mapping(self._document.get("Resources"), "Resources")
        self._resources: dict[str, Any] = {name: self._mapping(one, name) for name, one in resources.items()}
        declared = self._mapping(self._document.get("Parameters"), "Parameters")
        given = dict(parameters or {})
        if unknown := set(given) - set(declared):
            raise SandboxError(f"{path} has no parameter {', '.join(sorted(unknown))}; it has {', '.join(declared)}")
        self._conditions = Conditions(
            self._mapping(self._document.get("Conditions"), "Conditions"),
            split,
            lambda value, where: text(self._value(value, where)),
        )
        self._parameters = {
            name: given.get(name, self._mapping(one, name).get("Default")) for name, one in declared.items()
        }
        self._told: dict[tuple[str, str], str] = {}

    def tell(self, logical_id: str, attribute: str, value: str) -> None:
        """Say what GetAtt of an attribute gives, or Ref, for a resource that was made on this machine."""
        self._told[logical_id, attribute] = value

    def resources(self) -> dict[str, str]:
        """Return the type of each resource by its logical id, without those whose condition does not hold.

        Raises SandboxError.
        """
        return {name: self._type(name) for name in self._resources if not self._absent(name)}

    def name(self, logical_id: str) -> str:
        """Return the physical name of a resource: its name property, or a name derived from its logical id."""
        properties = self._resources[logical_id].get("Properties") or {}
        own = properties.get(_NAMES[self._type(logical_id)])
        if own is not None and (found := self._value(own, logical_id)) != _NO_VALUE:
            return str(found)
        derived = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", logical_id).lower()
        return f"{derived}.fifo" if text(properties.get("FifoQueue")) == "true" else derived

    def arn(self, logical_id: str) -> str:
        """Return the ARN of a resource that has a name."""
        return _ARNS[self._type(logical_id)].format(name=self.name(logical_id), **_DEFAULTS)

    def properties(self, logical_id: str, names: Iterable[str] | None = None) -> dict[str, Any]:
        """Return properties of a resource, resolved, without those that are left out: the named ones, or all.

        Those of a function contain what its Globals say. Raises SandboxError.
        """
        found = self._wanted(self._resources[logical_id], logical_id)
        kept = {name: found[name] for name in names if name in found} if names is not None else found
        return dict(self.plain(kept, logical_id))

    def has_layers(self, logical_id: str) -> bool:
        """Return whether a function has layers, of its own or by Globals."""
        return bool(self._wanted(self._resources[logical_id], logical_id).get("Layers"))

    def globals(self, section: str) -> dict[str, Any]:
        """Return a section of SAM's Globals, not resolved."""
        return self._mapping(self._mapping(self._document.get("Globals"), "Globals").get(section), f"Globals.{section}")

    def plain(self, value: Any, where: str) -> Any:  # noqa: ANN401 - any YAML
        """Return a value resolved, without members that are left out. `where` is for messages. Raises SandboxError."""
        return _without(self._value(value, where))

    def raw(self, logical_id: str, name: str) -> dict[str, Any]:
        """Return a property of a resource that is a mapping, not resolved."""
        where = f"{logical_id}.{name}"
        return self._mapping(self._wanted(self._resources[logical_id], logical_id).get(name), where)

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
            str(self._value(wanted.get("Handler", "bootstrap"), f"{logical_id}.Handler")),
            self.name(logical_id),
            runtime=str(self._needed(wanted, "Runtime", logical_id)),
            variables={
                name: text(value)
                for name, one in variables.items()
                if (value := self._value(one, f"{logical_id}.{name}")) != _NO_VALUE
            },
            layers=layers or tuple(self._layer(one, where) for one in shared),
            timeout=self._number(wanted.get("Timeout", 3), f"{logical_id}.Timeout"),
            memory=self._number(wanted.get("MemorySize", 128), f"{logical_id}.MemorySize"),
            log_format=str(logging.get("LogFormat", "Text")),
            xray=self._traced(wanted, logical_id),
            **self._events(wanted, logical_id),
        )

    def _wanted(self, resource: Mapping[str, Any], logical_id: str) -> dict[str, Any]:
        """Return the properties of a resource; a function of SAM has those of Globals too."""
        everywhere = self.globals("Function") if resource.get("Type") == FUNCTION else {}
        return {**everywhere, **self._mapping(resource.get("Properties"), f"{logical_id}.Properties")}

    def _traced(self, wanted: Mapping[str, Any], logical_id: str) -> bool:
        """Return whether X-Ray traces a function: `Tracing` of SAM, `TracingConfig` of CloudFormation."""
        plain = self._mapping(self._value(wanted.get("TracingConfig"), f"{logical_id}.TracingConfig"), logical_id)
        return "Active" in (self._value(wanted.get("Tracing"), f"{logical_id}.Tracing"), plain.get("Mode"))

    def _absent(self, logical_id: str) -> str:
        """Return the condition for which a resource is not made, "" if it is made."""
        condition = self._resources[logical_id].get("Condition")
        holds = condition is None or self._conditions.hold(str(condition), f"{self._path}: {logical_id}")
        return "" if holds else str(condition)

    def _events(self, wanted: Mapping[str, Any], logical_id: str) -> dict[str, Any]:
        """Return the fields for asynchronous invocations, from the function and from CloudFormation's own resource."""
        properties = {
            name: self._value(wanted[name], f"{logical_id}.{name}")
            for name in template_events.PROPERTIES
            if name in wanted
        }
        for name, one in self._resources.items():
            if one.get("Type") == template_events.EVENT_INVOKE_CONFIG:
                document = self._value(self._mapping(one.get("Properties"), name), name)
                if document.get("FunctionName") == self.name(logical_id):
                    properties["EventInvokeConfig"] = document
        return template_events.fields(properties, f"{self._path}: {logical_id}")

    def _code(self, resource: Mapping[str, Any], wanted: Mapping[str, Any], logical_id: str) -> Path:
        """Return the folder of the function's code."""
        if resource["Type"] == FUNCTION:
            return self._path.parent / str(self._needed(wanted, "CodeUri", logical_id))
        metadata = self._mapping(resource.get("Metadata"), f"{logical_id}.Metadata")
        if asset := metadata.get("aws:asset:path"):  # written by the CDK, relative to cdk.out
            return self._path.parent / str(asset)
        code = self._needed(wanted, "Code", logical_id)
        if isinstance(code, str):  # as `aws cloudformation package` reads it
            return self._path.parent / code
        where = self._mapping(code, f"{logical_id}.Code")
        if "ImageUri" in where:
            raise SandboxError(f"{self._path}: {logical_id} is a container image, which is not run here; only code is")
        what = "written into the template (ZipFile)" if "ZipFile" in where else "in an S3 bucket"
        raise SandboxError(
            f"{self._path}: the code of {logical_id} is {what}; put it in a folder and name that, not the template"
        )

    def _mapping(self, value: Any, where: str) -> dict[str, Any]:  # noqa: ANN401 - any YAML
        """Return a value that must be a mapping; a missing one is empty."""
        if value in (None, _NO_VALUE):
            return {}
        if not isinstance(value, dict):
            raise SandboxError(f"{self._path}: {where} is {shown(value)}, not a mapping")
        return value

    def _list(self, value: Any, where: str) -> list[Any]:  # noqa: ANN401 - any YAML
        if value is None:
            return []
        if not isinstance(value, list):
            raise SandboxError(f"{self._path}: {where} is {shown(value)}, not a list")
        return value

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
        if name not in wanted:
            raise SandboxError(f"{self._path}: {logical_id} has no {name}")
        return self._value(wanted[name], f"{logical_id}.{name}")

    def _value(self, value: Any, where: str) -> Any:  # noqa: ANN401 - any YAML
        """Return a value with its intrinsic functions resolved. `where` names the property in an error message."""
        if isinstance(value, dict):
            if len(value) == 1 and (name := next(iter(value))) and (name == "Ref" or str(name).startswith("Fn::")):
                return self._value(Intrinsic(str(name).removeprefix("Fn::"), value[name]), where)
            return {name: self._value(one, where) for name, one in value.items()}
        if isinstance(value, list):
            return [self._value(one, where) for one in value]
        if isinstance(value, Intrinsic):
            return self._value(self._resolve(value, where), where)
        if isinstance(value, str) and _RESOLVE in value:
            reference = value[value.index(_RESOLVE) :].partition("}}")[0] + "}}"
            raise SandboxError(f"{self._path}: {where} uses {reference}, which only AWS resolves; {_INSTEAD}")
        return value

    def _resolve(self, value: Intrinsic, where: str) -> object:
        if value.name == "Ref":
            return self._reference(str(value.argument), where)
        if value.name == "GetAtt":
            parts = value.argument if isinstance(value.argument, list) else str(value.argument).split(".")
            return self._attribute([str(part) for part in parts], where)
        if value.name == "Sub":
            return self._substitute(value.argument, where)
        if value.name == "If":
            parts = value.argument if isinstance(value.argument, list) else []
            if len(parts) != _IF_PARTS:
                raise SandboxError(f"{self._path}: {where} uses If with {shown(value.argument)}, not a list of three")
            return parts[1] if self._conditions.hold(str(parts[0]), f"{self._path}: {where}") else parts[2]
        if value.name in ("Select", "Split", "Join"):
            return self._pieces(value, where)
        raise SandboxError(f"{self._path}: {where} uses {value.name}, which is not resolved here; write a plain value")

    def _pieces(self, value: Intrinsic, where: str) -> object:
        """Resolve Select, Split and Join, each of which has two arguments."""
        parts = [self._value(one, where) for one in value.argument] if isinstance(value.argument, list) else []
        try:
            one, other = parts
            if value.name == "Select":
                return other[int(one)]
            return str(other).split(str(one)) if value.name == "Split" else str(one).join(map(text, other))
        except (ValueError, TypeError, IndexError, KeyError):
            why = f"uses {value.name} with {shown(value.argument)}, which does not give a value"
            raise SandboxError(f"{self._path}: {where} {why}") from None

    def _substitute(self, argument: object, where: str) -> str:
        parts = argument if isinstance(argument, list) else [argument, {}]
        pattern, extra = (parts[0], parts[1]) if len(parts) == 2 else ("", None)  # noqa: PLR2004 - a text, its variables
        if not isinstance(extra, dict):
            raise SandboxError(f"{self._path}: {where} uses Sub with {shown(argument)}, not a text and a mapping")
        own = {name: text(self._value(value, where)) for name, value in extra.items()}

        def found(match: re.Match[str]) -> str:
            name = match[2].strip()
            if match[1]:  # ${!Literal}
                return f"${{{name}}}"
            if name in own:
                return own[name]
            resolved = self._attribute(name.split("."), where) if "." in name else self._reference(name, where)
            return text(resolved)

        return _PLACEHOLDER.sub(found, str(pattern))

    def _reference(self, name: str, where: str) -> object:
        pseudo = {
            "AWS::Region": _DEFAULTS["region"],
            "AWS::AccountId": _DEFAULTS["account"],
            "AWS::Partition": "aws",
            "AWS::StackName": "sandbox",
            "AWS::URLSuffix": "amazonaws.com",
            _NO_VALUE: _NO_VALUE,
        }
        if name in pseudo:
            return pseudo[name]
        if name in self._parameters:
            value = self._parameters[name]
            if value is None:
                raise SandboxError(f"{self._path}: parameter {name} has no default; set it with --parameter {name}=…")
            return value
        if name not in self._resources:
            raise SandboxError(f"{self._path}: {where} refers to {name}, which is not in the template")
        if (name, "Ref") in self._told:
            return self._told[name, "Ref"]
        kind, properties = self._type(name), self._resources[name].get("Properties") or {}
        if kind == _TOPIC:
            return _ARNS[kind].format(name=self.name(name), **_DEFAULTS)
        if kind != _URL and (kind in _ARNS or _NAMES.get(kind, "") in properties):
            return self.name(name)
        raise SandboxError(f"{self._path}: {where} refers to {name}, and only AWS knows that of {kind}; {_INSTEAD}")

    def _type(self, name: str) -> str:
        return str(self._resources[name].get("Type", "a resource without a type"))

    def _attribute(self, parts: list[str], where: str) -> str:
        name, attribute = ".".join(parts[:1]), ".".join(parts[1:])
        if (name, attribute) in self._told:
            return self._told[name, attribute]
        arn = _ARNS.get(self._resources.get(name, {}).get("Type", ""))
        if arn is None or attribute != ("TopicArn" if arn == _ARNS[_TOPIC] else "Arn"):
            raise SandboxError(f"{self._path}: {where} uses {name}.{attribute}, which is not resolved here")
        return arn.format(name=self.name(name), **_DEFAULTS)

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


def _without(value: Any) -> Any:  # noqa: ANN401 - any YAML
    """Return a resolved value without the members that are AWS::NoValue. Pure."""
    if isinstance(value, dict):
        return {name: _without(one) for name, one in value.items() if one != _NO_VALUE}
    if isinstance(value, list):
        return [_without(one) for one in value if one != _NO_VALUE]
    return value
