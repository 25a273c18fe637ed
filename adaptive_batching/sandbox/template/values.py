"""The values of a template: what its parameters, conditions and intrinsic functions give. Opens no connection.

These intrinsic functions are resolved: Ref (to parameters, pseudo parameters, and resources of which it is the name or
the ARN), Fn::Sub, Fn::GetAtt with Arn, Fn::If, Fn::Select, Fn::Split and Fn::Join. Any other one in a property that is
read is an error, and so is a value that only AWS knows: `{{resolve:…}}`, and the URL of a queue, unless `tell` has said
what it is here.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.template.conditions import Conditions
from adaptive_batching.sandbox.template.file import Intrinsic, is_intrinsic, load, shown, split, text, word

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

FUNCTION = "AWS::Serverless::Function"
#: The type that CloudFormation itself knows, and that the CDK writes.
PLAIN_FUNCTION = "AWS::Lambda::Function"
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


class _Named(NamedTuple):
    """The property with a resource's name, and how many characters a name has."""

    property: str
    least: int
    most: int


#: Resource type of which Ref is the name -> that name. Functions and buckets get one without it.
#: Source: "Return values" of each resource in the CloudFormation reference, and the quotas of its service.
_NAMES = {
    FUNCTION: _Named("FunctionName", 1, 64),
    PLAIN_FUNCTION: _Named("FunctionName", 1, 64),
    "AWS::S3::Bucket": _Named("BucketName", 3, 63),
    "AWS::DynamoDB::Table": _Named("TableName", 3, 255),
    "AWS::Events::EventBus": _Named("Name", 1, 256),
    "AWS::IAM::Role": _Named("RoleName", 1, 64),
    "AWS::Kinesis::Stream": _Named("Name", 1, 128),
    "AWS::KinesisFirehose::DeliveryStream": _Named("DeliveryStreamName", 1, 64),
    "AWS::Logs::LogGroup": _Named("LogGroupName", 1, 512),
    "AWS::SSM::Parameter": _Named("Name", 1, 1011),
    _TOPIC: _Named("TopicName", 1, 256),
    _URL: _Named("QueueName", 1, 80),
    "AWS::Serverless::SimpleTable": _Named("TableName", 3, 255),
}
_UNNAMED = _Named("", 1, 64)
_FIFO = ".fifo"
_RESOLVE = "{{resolve:"
#: The beginning of the type of a parameter whose default is a name in SSM's Parameter Store.
_OF_SSM = "AWS::SSM::Parameter::Value"
_INSTEAD = "write a plain value, or give the variable with --env"
_MOST_NESTED = 40  # intrinsic functions in another
_IF_PARTS = 3  # a condition, and a value for either case
NO_VALUE = "AWS::NoValue"  # leaves out what has it
_DEFAULTS = {"region": "us-east-1", "account": "123456789012"}


class UnresolvedError(SandboxError):
    """A value that only AWS knows, or a parameter without one.

    `why` is a clause; `parameter` is the name of the parameter that has to be given, "" for any other value.
    """

    def __init__(self, path: Path, why: str, instead: str, parameter: str = "") -> None:
        super().__init__(f"{path}: {why}; {instead}")
        self.why = why
        self.parameter = parameter


class Values:
    """The values of one template. `parameters` override the defaults of its parameters. Raises SandboxError."""

    def __init__(self, path: Path, parameters: Mapping[str, str] | None = None) -> None:
        self._path = path
        self._document = load(path)
        resources = self._section(self._document.get("Resources"), "Resources")
        self._resources: dict[str, Any] = {name: self._section(one, name) for name, one in resources.items()}
        declared = self._section(self._document.get("Parameters"), "Parameters")
        given = dict(parameters or {})
        if unknown := set(given) - set(declared):
            has = f"it has {', '.join(declared)}" if declared else "it has none"
            raise SandboxError(f"{path} has no parameter {', '.join(sorted(unknown))}; {has}")
        self._conditions = Conditions(
            self._section(self._document.get("Conditions"), "Conditions"),
            split,
            lambda value, where: text(self._value(value, where)),
        )
        self._declared = {name: self._section(one, name) for name, one in declared.items()}
        self._given = given
        self._told: dict[tuple[str, str], str] = {}
        self._nested = 0  # intrinsic functions that are being resolved

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
        properties = self._written(logical_id)
        named = _NAMES.get(self._type(logical_id), _UNNAMED)
        own, where = properties.get(named.property), f"{logical_id}.{named.property}"
        if own is None or (found := self._text(own, where)) == NO_VALUE:
            return self._derived_name(logical_id, named, _FIFO if text(properties.get("FifoQueue")) == "true" else "")
        return found

    def _derived_name(self, logical_id: str, named: _Named, ending: str) -> str:
        """Return a name of a length that the service takes, and that no other resource gets."""
        whole, most = _kebab(logical_id), named.most - len(ending)
        if self._alike[whole] == 1 and named.least <= len(whole) <= most:
            return whole + ending
        unique = hashlib.sha256(logical_id.encode()).hexdigest()[:8]
        return f"{whole[: most - len(unique) - 1].rstrip('-')}-{unique}{ending}"

    @cached_property
    def _alike(self) -> Counter[str]:
        """How many resources there are whose logical ids differ in case alone."""
        return Counter(map(_kebab, self._resources))

    def arn(self, logical_id: str) -> str:
        """Return the ARN of a resource that has a name."""
        return _ARNS[self._type(logical_id)].format(name=self.name(logical_id), **_DEFAULTS)

    def properties(self, logical_id: str, names: Iterable[str] | None = None) -> dict[str, Any]:
        """Return properties of a resource, resolved, without those that are left out: the named ones, or all.

        Those of a function contain what its Globals say. Raises SandboxError.
        """
        found = self._wanted(self._resources[logical_id], logical_id)
        kept = {name: found[name] for name in names if name in found} if names is not None else found
        return self._mapping(self.plain(kept, logical_id), f"{logical_id}.Properties")

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

    def _wanted(self, resource: Mapping[str, Any], logical_id: str) -> dict[str, Any]:
        """Return the properties of a resource; a function of SAM has those of Globals too."""
        everywhere = self.globals("Function") if resource.get("Type") == FUNCTION else {}
        return {**everywhere, **self._mapping(resource.get("Properties"), f"{logical_id}.Properties")}

    def _absent(self, logical_id: str) -> str:
        """Return the condition for which a resource is not made, "" if it is made."""
        condition = self._resources[logical_id].get("Condition")
        holds = condition is None or self._conditions.hold(word(condition), f"{self._path}: {logical_id}")
        return "" if holds else word(condition)

    def _mapping(self, value: Any, where: str) -> dict[str, Any]:  # noqa: ANN401 - any YAML
        """Return a value that must be a mapping, and may be chosen by If; a missing one is empty."""
        value = self._chosen(value, where)
        if is_intrinsic(value):
            raise SandboxError(f"{self._path}: {where} is {shown(value)}, not a mapping")
        return self._section(value, where)

    def _section(self, value: Any, where: str) -> dict[str, Any]:  # noqa: ANN401 - any YAML
        """Return a value that must be a mapping as it is written; a missing one is empty."""
        if value in (None, NO_VALUE):
            return {}
        if not isinstance(value, dict):
            raise SandboxError(f"{self._path}: {where} is {shown(value)}, not a mapping")
        return value

    def _chosen(self, value: Any, where: str) -> Any:  # noqa: ANN401 - any YAML
        """Return what If chooses, as it is written, and anything else as it is. Ref of AWS::NoValue is that name."""
        for _ in range(_MOST_NESTED):
            name, argument = split(value)
            if name != "If" or (isinstance(value, dict) and "If" in value):  # a member of that name
                return NO_VALUE if (name, argument) == ("Ref", NO_VALUE) else value
            value = self._branch(argument, where)
        raise SandboxError(f"{self._path}: {where} has too many If in another")

    def _branch(self, argument: object, where: str) -> Any:  # noqa: ANN401 - any YAML
        """Return the one of the two values of If that its condition chooses."""
        parts = argument if isinstance(argument, list) else []
        if len(parts) != _IF_PARTS:
            raise SandboxError(f"{self._path}: {where} uses If with {shown(argument)}, not a list of three")
        return parts[1] if self._conditions.hold(word(parts[0]), f"{self._path}: {where}") else parts[2]

    def _list(self, value: Any, where: str) -> list[Any]:  # noqa: ANN401 - any YAML
        value = self._chosen(value, where)
        if split(value)[0] == "Ref":  # to a parameter that is a list
            value = self._value(value, where)
        if value in (None, NO_VALUE):
            return []
        if not isinstance(value, list):
            raise SandboxError(f"{self._path}: {where} is {shown(value)}, not a list")
        return value

    def _value(self, value: Any, where: str) -> Any:  # noqa: ANN401 - any YAML
        """Return a value with its intrinsic functions resolved. `where` names the property in an error message."""
        if isinstance(value, dict):
            if len(value) == 1 and (name := next(iter(value))) and (name == "Ref" or str(name).startswith("Fn::")):
                return self._value(Intrinsic(str(name).removeprefix("Fn::"), value[name]), where)
            return {name: self._value(one, where) for name, one in value.items()}
        if isinstance(value, list):
            return [self._value(one, where) for one in value]
        if isinstance(value, Intrinsic):
            if self._nested >= _MOST_NESTED:
                raise SandboxError(f"{self._path}: {where} refers to itself")
            self._nested += 1
            try:
                return self._value(self._resolve(value, where), where)
            finally:
                self._nested -= 1
        if isinstance(value, str) and _RESOLVE in value:
            reference = value[value.index(_RESOLVE) :].partition("}}")[0] + "}}"
            raise UnresolvedError(self._path, f"{where} uses {reference}, which only AWS resolves", _INSTEAD)
        return value

    def _text(self, value: Any, where: str) -> str:  # noqa: ANN401 - any YAML
        """Return a value resolved, as the text that CloudFormation makes of it."""
        found = self._value(value, where)
        if found is None or isinstance(found, (dict, list)):
            raise SandboxError(f"{self._path}: {where} is {shown(found)}, not a text")
        return text(found)

    def _resolve(self, value: Intrinsic, where: str) -> object:
        if value.name == "Ref":
            return self._reference(word(value.argument), where)
        if value.name == "GetAtt":
            parts = value.argument if isinstance(value.argument, list) else word(value.argument).split(".")
            return self._attribute([word(part) for part in parts], where)
        if value.name == "Sub":
            return self._substitute(value.argument, where)
        if value.name == "If":
            return self._branch(value.argument, where)
        if value.name in ("Select", "Split", "Join"):
            return self._pieces(value, where)
        why = f"{where} uses {value.name}, which is not resolved here"
        raise UnresolvedError(self._path, why, "write a plain value")

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
        if not isinstance(extra, dict) or not isinstance(pattern, str):
            raise SandboxError(f"{self._path}: {where} uses Sub with {shown(argument)}, not a text and a mapping")
        own = {name: self._text(value, f"{where}, {name} of its Sub,") for name, value in extra.items()}

        def found(match: re.Match[str]) -> str:
            name = match[2].strip()
            if match[1]:  # ${!Literal}
                return f"${{{name}}}"
            if name in own:
                return own[name]
            if "." in name:
                return self._attribute(name.split("."), where)
            return self._text(self._reference(name, where), f"{where}, {name} of its Sub,")

        return _PLACEHOLDER.sub(found, pattern)

    def _reference(self, name: str, where: str) -> object:
        pseudo = {
            "AWS::Region": _DEFAULTS["region"],
            "AWS::AccountId": _DEFAULTS["account"],
            "AWS::Partition": "aws",
            "AWS::StackName": "sandbox",
            "AWS::URLSuffix": "amazonaws.com",
            NO_VALUE: NO_VALUE,
        }
        if name in pseudo:
            return pseudo[name]
        if name in self._declared:
            return self._parameter(name)
        if name not in self._resources:
            raise SandboxError(f"{self._path}: {where} refers to {name}, which is not in the template")
        if (name, "Ref") in self._told:
            return self._told[name, "Ref"]
        kind, properties = self._type(name), self._written(name)
        if kind == _TOPIC:
            return _ARNS[kind].format(name=self.name(name), **_DEFAULTS)
        if kind != _URL and (kind in _ARNS or _NAMES.get(kind, _UNNAMED).property in properties):
            return self.name(name)
        raise UnresolvedError(self._path, f"{where} refers to {name}, and only AWS knows that of {kind}", _INSTEAD)

    def _parameter(self, name: str) -> object:
        """Return the value of a parameter: a list if it is of such a type."""
        kind = word(self._declared[name].get("Type", ""))
        is_unread = kind.startswith(_OF_SSM)
        value = self._given.get(name, None if is_unread else self._declared[name].get("Default"))
        if value is None:
            why = f"parameter {name} {'names a value of SSM' if is_unread else 'has no default'}"
            raise UnresolvedError(self._path, why, f"set it with --parameter {name}=…", name)
        is_list = kind.removeprefix(_OF_SSM).lstrip("<").startswith(("CommaDelimitedList", "List<"))
        return [one.strip() for one in text(value).split(",")] if is_list and not isinstance(value, list) else value

    def _written(self, logical_id: str) -> dict[str, Any]:
        """Return the properties of a resource as they are written."""
        return self._mapping(self._resources[logical_id].get("Properties"), f"{logical_id}.Properties")

    def _type(self, name: str) -> str:
        found = self._resources[name].get("Type")
        return "a resource without a type" if found is None else word(found)

    def _attribute(self, parts: list[str], where: str) -> str:
        name, attribute = ".".join(parts[:1]), ".".join(parts[1:])
        if (name, attribute) in self._told:
            return self._told[name, attribute]
        arn = _ARNS.get(self._type(name)) if name in self._resources else None
        if arn is None or attribute != ("TopicArn" if arn == _ARNS[_TOPIC] else "Arn"):
            why = f"{where} uses {name}.{attribute}, which is not resolved here"
            raise UnresolvedError(self._path, why, _INSTEAD)
        return arn.format(name=self.name(name), **_DEFAULTS)


def _kebab(logical_id: str) -> str:
    """Return a logical id in lower case, with hyphens between its words. Pure."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", logical_id).lower()


def _without(value: Any) -> Any:  # noqa: ANN401 - any YAML
    """Return a resolved value without the members that are AWS::NoValue. Pure."""
    if isinstance(value, dict):
        return {name: _without(one) for name, one in value.items() if one != NO_VALUE}
    if isinstance(value, list):
        return [_without(one) for one in value if one != NO_VALUE]
    return value
