"""Reads template.yaml as CloudFormation would, as far as its policies need it."""

import re
from typing import Any

import cfnlint.decode

from tests.layer.conftest import ROOT

NO_VALUE = "AWS::NoValue"


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
    values["LogBucket.Arn"] = f"arn:aws:s3:::{bucket}"
    whole = template()
    (policy,) = whole["Resources"][resource]["Properties"]["Policies"]
    resolved: dict[str, Any] = _resolve(policy, values, whole["Conditions"])
    return resolved


def variables_of_function(resource: str, **parameters: str) -> dict[str, str]:
    """The function's environment variables, without those that have no value."""
    values = defaults() | parameters | {"LogBucket": "a-bucket", "AWS::AccountId": "1", "AWS::NoValue": NO_VALUE}
    whole = template()
    variables = whole["Resources"][resource]["Properties"]["Environment"]["Variables"]
    found = {name: _resolve(value, values, whole["Conditions"]) for name, value in variables.items()}
    return {name: value for name, value in found.items() if value != NO_VALUE}


def _resolve(node: Any, values: dict[str, str], conditions: dict[str, Any]) -> Any:  # noqa: ANN401, C901, PLR0911 - a table
    def inner(each: Any) -> Any:  # noqa: ANN401 - any JSON
        return _resolve(each, values, conditions)

    match node:
        case {"Ref": name}:
            return values[name]
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
        case {"Fn::Equals": [one, other]}:
            return inner(one) == inner(other)
        case {"Fn::If": [condition, then, otherwise]}:
            return inner(then if inner(conditions[condition]) else otherwise)
        case dict():
            assert not any(name.startswith("Fn::") for name in node), node
            return {name: inner(value) for name, value in node.items()}
        case list():
            return [inner(each) for each in node]
        case _:
            return node


def _substitute(text: str, values: dict[str, str]) -> str:
    return re.sub(r"\$\{([^}]+)\}", lambda match: values[match[1]], text)
