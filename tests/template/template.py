"""Reads template.yaml as CloudFormation would, as far as its policies need it."""

import functools
import json
import re
import subprocess
from typing import Any

import cfnlint.decode

from tests.layer.conftest import ROOT

NO_VALUE = "AWS::NoValue"
#: Where `sam deploy` puts nested templates.
PACKAGED = "https://s3.eu-west-1.amazonaws.com/packaged/"
#: What SAM makes of the template before CloudFormation reads it: aws-sam-translator, which SAM CLI brings.
TRANSLATE = """
import json, sys
from samtranslator.parser import parser
from samtranslator.translator.transform import transform
from samtranslator.translator.managed_policy_translator import ManagedPolicyLoader
class NoManaged(ManagedPolicyLoader):
    def __init__(self): pass
    def load(self): return {}
print(json.dumps(transform(json.load(sys.stdin), {}, NoManaged())))
"""


def template() -> dict[str, Any]:
    """The template, short forms of intrinsic functions spelt out."""
    decoded, matches = cfnlint.decode.decode(str(ROOT / "template.yaml"))
    assert decoded is not None, matches
    return dict(decoded)


def defaults() -> dict[str, str]:
    """What the parameters are if nobody sets them."""
    return {name: str(about["Default"]) for name, about in template()["Parameters"].items()}


def policy_of_function(bucket: str, account: str, resource: str = "DemoFunction", **parameters: str) -> dict[str, Any]:
    """The function's own policy document with everything filled in."""
    values = defaults() | parameters | {"LogBucket": bucket, "AWS::AccountId": account}
    values |= {"LogBucket.Arn": f"arn:aws:s3:::{bucket}", "AWS::Region": "eu-west-1", "AWS::URLSuffix": "amazonaws.com"}
    values["AWS::NoValue"] = NO_VALUE
    whole = template()
    (policy,) = whole["Resources"][resource]["Properties"]["Policies"]
    resolved: dict[str, Any] = _resolve(_unsplit(policy), values, whole["Conditions"])
    return resolved


def resolved(node: Any, **parameters: str) -> Any:  # noqa: ANN401 - any JSON
    """A part of the template with everything filled in; a resource is its logical id."""
    return _resolve(node, defaults() | parameters | {"AWS::NoValue": NO_VALUE}, template()["Conditions"])


def variables_of_function(resource: str, **parameters: str) -> dict[str, str]:
    """The extension's variables in a function's environment, Globals included, without those that have no value."""
    values = defaults() | parameters | {"LogBucket": "a-bucket", "AWS::AccountId": "1", "AWS::NoValue": NO_VALUE}
    whole = translated()
    variables = whole["Resources"][resource]["Properties"]["Environment"]["Variables"]
    found: dict[str, str] = _resolve(variables, values, whole["Conditions"])
    return {name: value for name, value in found.items() if name.startswith("ADAPTIVE_BATCHING_")}


@functools.cache
def translated() -> dict[str, Any]:
    """The template as CloudFormation gets it, after SAM's transform."""
    whole = template()
    for resource in whole["Resources"].values():
        for name in ("CodeUri", "ContentUri"):
            if name in resource.get("Properties", {}):
                resource["Properties"][name] = "s3://packaged/artifact"  # as `sam deploy` puts it there
        if "TemplateURL" in resource.get("Properties", {}):
            resource["Properties"]["TemplateURL"] = PACKAGED + resource["Properties"]["TemplateURL"]
    python = ROOT / "build" / "sam" / "bin" / "python"
    environ = {"AWS_DEFAULT_REGION": "eu-west-1", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [python, "-c", TRANSLATE], input=json.dumps(whole), env=environ, capture_output=True, text=True, check=True
    )
    made: dict[str, Any] = json.loads(done.stdout)
    return made


def policy_of_role(role: str, bucket: str, account: str, **parameters: str) -> dict[str, Any]:
    """The policy for shipping in a role of the translated template, filled in. SAM adds others, for queues."""
    values = defaults() | parameters | {"LogBucket": bucket, "AWS::AccountId": account, "AWS::NoValue": NO_VALUE}
    values |= {"LogBucket.Arn": f"arn:aws:s3:::{bucket}", "AWS::Region": "eu-west-1", "AWS::URLSuffix": "amazonaws.com"}
    whole = translated()
    policies = whole["Resources"][role]["Properties"]["Policies"]
    (policy,) = [one for one in policies if any(each.get("Sid") for each in one["PolicyDocument"]["Statement"])]
    document: dict[str, Any] = _resolve(_unsplit(policy["PolicyDocument"]), values, whole["Conditions"])
    return document


def _unsplit(node: Any) -> Any:  # noqa: ANN401 - any JSON
    """SAM leaves Fn::GetAtt as a list; here it is the text that Fn::Sub would use."""
    match node:
        case {"Fn::GetAtt": [name, attribute]}:
            return {"Ref": f"{name}.{attribute}"}
        case dict():
            return {name: _unsplit(value) for name, value in node.items()}
        case list():
            return [_unsplit(one) for one in node]
        case _:
            return node


def _resolve(node: Any, values: dict[str, str], conditions: dict[str, Any]) -> Any:  # noqa: ANN401, C901, PLR0911, PLR0912 - a table
    def inner(each: Any) -> Any:  # noqa: ANN401 - any JSON
        return _resolve(each, values, conditions)

    match node:
        case {"Ref": name}:
            return values.get(name, name)  # of a resource: its logical id
        case {"Fn::Sub": [text, more]}:
            return _substitute(text, values | {name: inner(value) for name, value in more.items()})
        case {"Fn::Sub": text}:
            return _substitute(text, values)
        case {"Fn::Join": [str(by), parts]}:  # CloudFormation takes no function as the delimiter
            return str(by.join(inner(parts)))
        case {"Fn::Split": [by, text]}:
            return inner(text).split(by)
        case {"Fn::Select": [index, parts]}:
            return inner(parts)[int(index)]
        case {"Fn::Not": [one]}:
            return not inner(one)
        case {"Fn::And": parts}:
            return all(map(inner, parts))
        case {"Fn::Or": parts}:
            return any(map(inner, parts))
        case {"Condition": str(name)}:
            return inner(conditions[name])
        case {"Fn::Equals": [one, other]}:
            return inner(one) == inner(other)
        case {"Fn::If": [condition, then, otherwise]}:
            return inner(then if inner(conditions[condition]) else otherwise)
        case dict():
            assert not any(name.startswith("Fn::") for name in node), node
            members = {name: inner(value) for name, value in node.items()}
            return {name: value for name, value in members.items() if value != NO_VALUE}
        case list():
            return [value for each in node if (value := inner(each)) != NO_VALUE]
        case _:
            return node


def _substitute(text: str, values: dict[str, str]) -> str:
    return re.sub(r"\$\{([^}]+)\}", lambda match: values.get(match[1], match[1]), text)  # of a resource: its id
