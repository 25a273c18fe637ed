"""Templates with anything in any place: a finding or a sentence in words, from doctor and from the sandbox.

Never a traceback, an escape sequence of a terminal, or a value as Python writes it.
"""

from __future__ import annotations

import copy
import datetime as dt
import json
import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
import yaml  # type: ignore[import-untyped]

from adaptive_batching.command_line import shown
from adaptive_batching.operate.doctor import report
from adaptive_batching.operate.doctor.checks import judged
from adaptive_batching.operate.doctor.facts import Facts
from adaptive_batching.operate.doctor.finding import cannot_say
from adaptive_batching.operate.doctor.reading import template
from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.landscape import events
from adaptive_batching.sandbox.landscape.description import describe
from adaptive_batching.sandbox.template.template import Template

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from adaptive_batching.operate.doctor.finding import Finding

BUCKET = "ADAPTIVE_BATCHING_EXTENSION_S3_BUCKET"
_PUT = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": {"Fn::Sub": "${Logs.Arn}/*"}}
_RULE = {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": {"Fn::GetAtt": ["Key", "Arn"]}}}
_CODE = {"Runtime": "python3.13", "Handler": "a.b", "Architectures": ["arm64"], "Layers": [{"Ref": "Layer"}]}
WHOLE: dict[str, Any] = {
    "Parameters": {"Size": {"Type": "Number", "Default": 256}},
    "Conditions": {"Always": {"Fn::Equals": ["a", "a"]}},
    "Globals": {"Function": {"Timeout": 30, "Environment": {"Variables": {BUCKET: {"Ref": "Logs"}}}}},
    "Resources": {
        "Logs": {
            "Type": "AWS::S3::Bucket",
            "Properties": {"BucketName": "logs", "BucketEncryption": {"ServerSideEncryptionConfiguration": [_RULE]}},
        },
        "LogsPolicy": {
            "Type": "AWS::S3::BucketPolicy",
            "Properties": {
                "Bucket": {"Ref": "Logs"},
                "PolicyDocument": {
                    "Statement": [
                        {
                            "Effect": "Deny",
                            "Principal": {"AWS": ["*"]},
                            "Action": ["s3:*"],
                            "Resource": "*",
                            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                        }
                    ]
                },
            },
        },
        "Key": {
            "Type": "AWS::KMS::Key",
            "Properties": {"KeyPolicy": {"Statement": {"Effect": "Allow", "Action": "kms:*", "Principal": "*"}}},
        },
        "Layer": {
            "Type": "AWS::Serverless::LayerVersion",
            "Properties": {
                "ContentUri": ".",
                "LayerName": "adaptive-batching-extension",
                "CompatibleArchitectures": ["arm64"],
            },
        },
        "Errors": {"Type": "AWS::Logs::MetricFilter", "Properties": {"LogGroupName": "/aws/lambda/orders"}},
        "Orders": {
            "Type": "AWS::Serverless::Function",
            "Condition": "Always",
            "Connectors": {"Writes": {"Properties": {"Destination": {"Id": "Logs"}, "Permissions": ["Write"]}}},
            "Properties": {
                **_CODE,
                "CodeUri": ".",
                "FunctionName": "orders",
                "MemorySize": {"Ref": "Size"},
                "LoggingConfig": {"LogGroup": {"Fn::Sub": ["/aws/${a}", {"a": "b"}]}},
                "VpcConfig": {"SubnetIds": ["a"]},
                "Policies": [{"S3WritePolicy": {"BucketName": {"Ref": "Logs"}}}, {"Statement": [_PUT]}, "x"],
            },
        },
        "Mail": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                **_CODE,
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Environment": {"Variables": {BUCKET: {"Ref": "Logs"}}},
            },
        },
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "Policies": [{"PolicyDocument": {"Statement": [_PUT]}}],
                "ManagedPolicyArns": ["arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"],
            },
        },
        "More": {
            "Type": "AWS::IAM::Policy",
            "Properties": {
                "Roles": [{"Ref": "Role"}, {"Ref": "OrdersRole"}],
                "PolicyDocument": {"Statement": [{**_PUT, "Action": "kms:*"}]},
            },
        },
    },
}
ODD: tuple[Any, ...] = (
    5,
    None,
    True,
    "x",
    [],
    [5],
    [None],
    [[]],
    [{"a": {"b": 1}}],
    {},
    {"a": "b"},
    {5: "x"},
    {"Ref": "Absent"},
    {"Ref": ["Logs"]},
    {"Fn::Sub": "${Orders}"},
    {"Fn::GetAtt": [[]]},
    {"Fn::If": ["Always", {"Ref": "Logs"}, 5]},
    {"Fn::Select": [0, 5]},
    {"Fn::ImportValue": "x"},
    {"Fn::If": ["Always", 5]},
    "\x1b[31mred\u202e\n",
    {"\x1b[2J": [None, True, {"a": None}]},
    dt.date(2026, 11, 26),
)
#: What Python calls things, and what a terminal obeys.
OF_PYTHON = re.compile(
    r"Intrinsic|Unresolved|Unknown\(|Decision|(?<!-)\bNone\b|\bTrue\b|\bFalse\b|datetime|<\w+|object at"
    r"|\{['\"]|[\x00-\x1f\x7f-\x9f]"
)


def places(node: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:  # noqa: ANN401 - any JSON
    """Every place of a document."""
    if at:
        yield at
    for name, one in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield from places(one, (*at, name))


def examined(path: Path) -> Iterator[str]:
    """Yield the lines of doctor's reports. Raises SandboxError."""
    for name, facts in template.read(path, {}, None):
        made = report.Report(name, judged(facts) if isinstance(facts, Facts) else {"template": [cannot_say(facts)]})
        yield from report.lines(made, 100, lambda text, _style: text)
        json.dumps(report.as_json([made]))


def played(path: Path) -> Iterator[str]:
    """Yield what the sandbox says of the template. Raises SandboxError."""
    whole = Template(path)
    describe(whole)
    yield from events.read(whole).notes
    for name in ("Orders", "Mail"):
        try:
            found = whole.function(name)
            read = (found.name, found.handler, found.runtime, found.folder, found.log_format)
            yield from (shown(str(one)) for one in (*read, *found.variables.values()))
        except SandboxError as error:
            yield shown(str(error))


@pytest.mark.parametrize("start", range(len(ODD)))
def test_anything_may_stand_in_any_place_of_a_template(start: int, tmp_path: Path) -> None:
    wrong: list[str] = []
    path = tmp_path / "template.yaml"
    for number, at in enumerate(list(places(WHOLE))[start % 6 :: 6]):
        odd = ODD[(number * 7 + start) % len(ODD)]
        document = copy.deepcopy(WHOLE)
        node = document
        for name in at[:-1]:
            node = node[name]
        node[at[-1]] = odd
        path.write_text(yaml.safe_dump(document))
        for reading in (examined, played):
            said: list[str] = []
            try:
                said.extend(reading(path))
            except SandboxError as error:
                said.append(shown(str(error)))
            except Exception as error:  # noqa: BLE001 - all are told at once
                wrong.append(f"{'.'.join(map(str, at))} = {odd!r}: {error!r}")
            wrong += [f"{'.'.join(map(str, at))} = {odd!r}: {one}" for one in said if not one or OF_PYTHON.search(one)]
    assert not wrong, "\n".join(wrong)


def found(path: Path, document: Any) -> dict[str, dict[str, list[Finding]]]:  # noqa: ANN401 - any JSON
    path.write_text(yaml.safe_dump(document, default_flow_style=True))
    return {
        name: judged(facts) if isinstance(facts, Facts) else {"template": [cannot_say(facts)]}
        for name, facts in template.read(path, {}, None)
    }


#: Members that CloudFormation wants to know itself, or that nothing here goes by.
PLAIN = {"Type", "Condition", "Properties", "Roles"}
KNOWN = copy.deepcopy(WHOLE)
ORDERS = KNOWN["Resources"]["Orders"]
del ORDERS["Connectors"]  # without what cannot be known anyway
ORDERS["Properties"] |= {
    "LoggingConfig": {"LogGroup": "/logs/orders"},
    "Policies": ORDERS["Properties"]["Policies"][:2],
}
KNOWN["Resources"]["Errors"]["Properties"]["LogGroupName"] = "/logs/orders"
UNKNOWABLE = [
    at
    for at in places(KNOWN["Resources"])
    if at[-1] not in PLAIN and len(at) > 1 and not any(str(one) in ("Ref", "Roles") or "Fn::" in str(one) for one in at)
]


@pytest.mark.parametrize("at", UNKNOWABLE, ids=lambda at: ".".join(map(str, at)))
def test_what_only_aws_knows_changes_a_finding_to_cannot_say_and_to_nothing_else(
    at: tuple[Any, ...], tmp_path: Path
) -> None:
    usual = found(tmp_path / "template.yaml", KNOWN)
    document = copy.deepcopy(KNOWN)
    node = document["Resources"]
    for name in at[:-1]:
        node = node[name]
    node[at[-1]] = {"Fn::ImportValue": "x"}
    for function, checks in found(tmp_path / "template.yaml", document).items():
        changed = {check: findings for check, findings in checks.items() if findings != usual[function].get(check)}
        assert {one.status for findings in changed.values() for one in findings} <= {"cannot say"}, changed


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Resources:\n  F: &f {Type: AWS::Serverless::Function, Properties: *f}\n", "endless"),
        (
            "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
            + "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]\n" for a, b in pairwise("abcdefghij"))
            + "Resources: {}\n",
            "endless",
        ),
        (
            "Resources: {F: {Type: AWS::Serverless::Function, Properties: {FunctionName: !Sub '${F}'}}}\n",
            "refers to itself",
        ),
    ],
)
def test_a_template_without_end_is_one_sentence(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "template.yaml"
    path.write_text(text)
    with pytest.raises(SandboxError, match=said):
        list(examined(path))
