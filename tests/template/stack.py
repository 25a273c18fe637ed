"""A template with its parameters filled in, as CloudFormation has it before it makes anything. Pure.

Intrinsic functions and conditions are resolved; what only AWS knows gets an invented value that names its resource.
"""

from __future__ import annotations

import copy
import re
from typing import Any

import cfnlint.decode

from tests.layer.conftest import ROOT
from tests.template.template import PACKAGED

PSEUDO = {
    "AWS::AccountId": "111122223333",
    "AWS::Region": "eu-west-1",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::Partition": "aws",
    "AWS::StackName": "a-stack",
}
#: Resource type -> the property that Ref is.
NAMES = {
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Serverless::Function": "FunctionName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::DynamoDB::Table": "TableName",
}
#: Resource type -> its ARN; the last word is what names it.
ARNS = {
    "AWS::DynamoDB::Table": "arn:aws:dynamodb:eu-west-1:111122223333:table/{}",
    "AWS::IAM::ManagedPolicy": "arn:aws:iam::111122223333:policy/{}",
    "AWS::IAM::Role": "arn:aws:iam::111122223333:role/{}",
    "AWS::Lambda::Function": "arn:aws:lambda:eu-west-1:111122223333:function:{}",
    "AWS::Lambda::LayerVersion": "arn:aws:lambda:eu-west-1:111122223333:layer:{}:1",
    "AWS::S3::Bucket": "arn:aws:s3:::{}",
    "AWS::SNS::Topic": "arn:aws:sns:eu-west-1:111122223333:{}",
    "AWS::SQS::Queue": "arn:aws:sqs:eu-west-1:111122223333:{}",
    "AWS::Events::Rule": "arn:aws:events:eu-west-1:111122223333:rule/{}",
}
#: Those of which Ref is the ARN.
REF_IS_ARN = {"AWS::IAM::ManagedPolicy", "AWS::Lambda::LayerVersion", "AWS::SNS::Topic"}
NOTHING = object()


class Stack:
    """Resources of which the conditions hold, resolved. `resources`: logical id -> type and properties."""

    def __init__(self, template: dict[str, Any], **parameters: str) -> None:
        self._template = copy.deepcopy(template)
        declared = self._template.get("Parameters", {})
        assert set(parameters) <= set(declared)
        self._parameters = {name: str(one.get("Default", "")) for name, one in declared.items()} | parameters
        self.resources = {
            name: {"Type": one["Type"], "Properties": self.value(one.get("Properties", {}))}
            for name, one in self._template["Resources"].items()
            if "Condition" not in one or self.holds(one["Condition"])
        }
        self.outputs = {
            name: self.value(one["Value"])
            for name, one in self._template.get("Outputs", {}).items()
            if "Condition" not in one or self.holds(one["Condition"])
        }

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """Logical id -> properties of the resources of a type."""
        return {name: one["Properties"] for name, one in self.resources.items() if one["Type"] == kind}

    def document(self) -> dict[str, Any]:
        """A template that has the resources as they are, and nothing to resolve."""
        return {"AWSTemplateFormatVersion": "2010-09-09", "Resources": self.resources}

    def holds(self, condition: str) -> bool:
        found: bool = self.value(self._template["Conditions"][condition])
        return found

    def value(self, node: Any) -> Any:  # noqa: ANN401, C901, PLR0911, PLR0912 - a table over any JSON
        match node:
            case {"Ref": "AWS::NoValue"}:
                return NOTHING
            case {"Ref": str(name)}:
                return self._reference(name)
            case {"Fn::GetAtt": [name, attribute]}:
                return self._attribute(name, attribute)
            case {"Fn::GetAtt": str(both)}:
                return self.value({"Fn::GetAtt": both.split(".", 1)})
            case {"Fn::Sub": [text, more]}:
                return self._substituted(text, {name: self.value(one) for name, one in more.items()})
            case {"Fn::Sub": text}:
                return self._substituted(text, {})
            case {"Fn::Join": [by, parts]}:
                return by.join(self.value(parts))
            case {"Fn::Split": [by, text]}:
                return self.value(text).split(by)
            case {"Fn::Select": [index, parts]}:
                return self.value(parts)[int(index)]
            case {"Condition": name} if len(node) == 1 and name in self._template["Conditions"]:
                return self.holds(name)
            case {"Fn::Not": [one]}:
                return not self.value(one)
            case {"Fn::And": parts}:
                return all(self.value(one) for one in parts)
            case {"Fn::Or": parts}:
                return any(self.value(one) for one in parts)
            case {"Fn::Equals": [one, other]}:
                return str(self.value(one)) == str(self.value(other))
            case {"Fn::If": [condition, then, otherwise]}:
                return self.value(then if self.holds(condition) else otherwise)
            case dict():
                assert not any(name.startswith("Fn::") for name in node), node
                members = {name: self.value(one) for name, one in node.items()}
                return {name: one for name, one in members.items() if one is not NOTHING}
            case list():
                return [one for each in node if (one := self.value(each)) is not NOTHING]
            case _:
                return node

    def _reference(self, name: str) -> str:
        if name in PSEUDO:
            return PSEUDO[name]
        if name in self._parameters:
            return self._parameters[name]
        resource = self._template["Resources"][name]
        assert "Condition" not in resource or self.holds(resource["Condition"]), f"{name} is not made"
        own = self._name(name)
        return ARNS[resource["Type"]].format(own) if resource["Type"] in REF_IS_ARN else own

    def _attribute(self, name: str, attribute: str) -> str:
        self._reference(name)  # it is made
        if attribute.endswith("Arn"):
            stream = "/stream/2026-11-20T09:15:02.150" if attribute == "StreamArn" else ""
            return ARNS[self._template["Resources"][name]["Type"]].format(self._name(name)) + stream
        return self._name(name) if attribute in ("QueueName", "TopicName") else f"{name}.{attribute}"

    def _name(self, name: str) -> str:
        resource = self._template["Resources"][name]
        own = resource.get("Properties", {}).get(NAMES.get(resource["Type"], ""))
        return str(self.value(own)) if own else name.lower() if resource["Type"] == "AWS::S3::Bucket" else name

    def _substituted(self, text: str, more: dict[str, str]) -> str:
        def found(match: re.Match[str]) -> str:
            if match[1]:
                return f"${{{match[2]}}}"
            if match[2] in more:
                return more[match[2]]
            name, _, attribute = match[2].partition(".")
            return self._attribute(name, attribute) if attribute else self._reference(name)

        return re.sub(r"\$\{(!?)([^}]+)\}", found, text)


def monitoring(**parameters: str) -> Stack:
    """deploy/monitoring.yaml as a stack of its own."""
    return Stack(_decoded("deploy/monitoring.yaml"), **parameters)


def _decoded(path: str) -> dict[str, Any]:
    decoded, matches = cfnlint.decode.decode(str(ROOT / path))
    assert decoded is not None, matches
    return dict(decoded)


def nested(outer: Stack) -> dict[str, Stack]:
    """The stacks that a stack nests: logical id -> the stack of its template, with the parameters it is given."""
    found = {}
    for name, one in outer.of_type("AWS::CloudFormation::Stack").items():
        path = one["TemplateURL"].removeprefix(PACKAGED)
        found[name] = Stack(_decoded(path), **{key: str(value) for key, value in one["Parameters"].items()})
    return found
