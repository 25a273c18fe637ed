"""`doctor --template` with anything in any place: a finding or a sentence, never a traceback."""

from __future__ import annotations

import copy
import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
import yaml  # type: ignore[import-untyped]

from adaptive_batching.operate.doctor import report
from adaptive_batching.operate.doctor.checks import judged
from adaptive_batching.operate.doctor.reading import template
from adaptive_batching.sandbox.errors import SandboxError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

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
            "Properties": {"LayerName": "adaptive-batching-extension", "CompatibleArchitectures": ["arm64"]},
        },
        "Errors": {"Type": "AWS::Logs::MetricFilter", "Properties": {"LogGroupName": "/aws/lambda/orders"}},
        "Orders": {
            "Type": "AWS::Serverless::Function",
            "Condition": "Always",
            "Connectors": {"Writes": {"Properties": {"Destination": {"Id": "Logs"}, "Permissions": ["Write"]}}},
            "Properties": {
                **_CODE,
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
)


def places(node: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:  # noqa: ANN401 - any JSON
    """Every place of a document."""
    if at:
        yield at
    for name, one in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield from places(one, (*at, name))


def examined(path: Path) -> None:
    for name, facts in template.read(path, {}, None):
        made = report.Report(name, judged(facts))
        assert all(line.isprintable() for line in report.lines(made, 100, lambda text, _style: text))
        json.dumps(report.as_json([made]))


def test_anything_may_stand_in_any_place_of_a_template(tmp_path: Path) -> None:
    wrong: list[str] = []
    path = tmp_path / "template.yaml"
    for number, at in enumerate(list(places(WHOLE))[::2]):
        odd = ODD[number * 7 % len(ODD)]
        document = copy.deepcopy(WHOLE)
        node = document
        for name in at[:-1]:
            node = node[name]
        node[at[-1]] = odd
        path.write_text(yaml.safe_dump(document))
        try:
            examined(path)
        except SandboxError as error:
            wrong += [f"{at}: no sentence"] * (not str(error))
        except Exception as error:  # noqa: BLE001 - all are told at once
            wrong.append(f"{'.'.join(map(str, at))} = {odd!r}: {error!r}")
    assert not wrong, "\n".join(wrong)


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
        examined(path)
