"""Functions of a template: code, variables, layers and limits, of SAM, CloudFormation and the CDK."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.template.template import Template
from tests.unit.sandbox.template.written import TEXT, template


def test_a_function_is_read_with_its_variables_layers_and_limits(tmp_path: Path) -> None:
    found = template(tmp_path).function("One")
    assert (found.folder, found.handler, found.name) == (tmp_path / "code", "app.handler", "one-7")
    assert (found.runtime, found.timeout, found.memory, found.log_format) == ("python3.13", 30.0, 7, "JSON")
    assert found.layers == (tmp_path / "layers/plain",)
    assert dict(found.variables) == {
        "EVERYWHERE": "true",
        "BUCKET": "log-bucket",
        "ARN": "arn:aws:s3:::log-bucket",
        "LONG": "arn:aws:s3:::log-bucket",
        "SUB": "us-east-1/7/${Literal}/arn:aws:s3:::log-bucket",
        "SELF": "123456789012",
    }


def test_a_parameter_can_be_given(tmp_path: Path) -> None:
    assert template(tmp_path, Rate="9").function().name == "one-9"


def test_a_layer_that_sam_built_is_taken(tmp_path: Path) -> None:
    (tmp_path / ".aws-sam/build/Built").mkdir(parents=True)
    found = template(tmp_path, TEXT.replace("!Ref Plain", "!Ref Built")).function()
    assert found.layers == (tmp_path / ".aws-sam/build/Built",)


#: What the CDK writes to cdk.out, shortened.
CDK = {
    "Resources": {
        "Queue4A7E3555": {"Type": "AWS::SQS::Queue"},
        "Hello4A628BD4": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Code": {"S3Bucket": {"Fn::Sub": "cdk-assets-${AWS::AccountId}"}, "S3Key": "f00.zip"},
                "Environment": {"Variables": {"QUEUE": {"Ref": "Queue4A7E3555"}}},
                "Handler": "index.handler",
                "MemorySize": "512",
                "Role": {"Fn::GetAtt": ["Role1", "Arn"]},
                "Runtime": "nodejs22.x",
            },
            "Metadata": {"aws:asset:path": "asset.f00", "aws:asset:property": "Code"},
        },
    }
}

OTHER_CODE = [
    ("./src", "src"),
    ({"ZipFile": "x"}, "is written into the template (ZipFile); put it in a folder and name that"),
    ({"S3Bucket": "b", "S3Key": "k"}, "is in an S3 bucket; put it in a folder and name that"),
    ({"ImageUri": "x"}, "is a container image, which is not run here"),
    (7, "F.Code is 7, not a mapping"),
]


def test_a_template_of_the_cdk_is_read(tmp_path: Path) -> None:
    path = tmp_path / "Stack.template.json"
    path.write_text(json.dumps(CDK))
    with pytest.raises(SandboxError, match="QUEUE refers to Queue4A7E3555, and only AWS knows that"):
        Template(path).function()
    found = Template(path).function(given={"QUEUE"})
    assert (found.folder, found.handler, found.runtime) == (tmp_path / "asset.f00", "index.handler", "nodejs22.x")
    assert (found.memory, found.timeout, list(found.variables)) == (512, 3, [])


@pytest.mark.parametrize(("code", "said"), OTHER_CODE)
def test_where_cloudformation_has_the_code(tmp_path: Path, code: object, said: str) -> None:
    properties = {"Code": code, "Handler": "a.b", "Runtime": "python3.13"}
    path = tmp_path / "t.json"
    path.write_text(json.dumps({"Resources": {"F": {"Type": "AWS::Lambda::Function", "Properties": properties}}}))
    if isinstance(code, str):
        assert Template(path).function().folder == tmp_path / said
        return
    with pytest.raises(SandboxError, match=re.escape(said)):
        Template(path).function()


def test_the_projects_own_template_can_be_run() -> None:
    path = Path(__file__).resolve().parents[4] / "template.yaml"
    if not (path.parent / ".aws-sam/build/AdaptiveBatchingLayer").is_dir():
        with pytest.raises(SandboxError, match="sam build"):
            Template(path).function("DemoFunction")
        return
    assert Template(path).function("DemoFunction").handler == "app.handler"


def test_a_layer_of_the_cdk_or_of_cloudformation_is_taken(tmp_path: Path) -> None:
    plain = "AWS::Serverless::LayerVersion\n    Properties: {ContentUri: layers/plain}"
    for made, folder in {
        "AWS::Lambda::LayerVersion\n    Properties: {Content: own/}": "own",
        "AWS::Lambda::LayerVersion\n    Metadata: {'aws:asset:path': asset.1}\n"
        "    Properties: {Content: {S3Bucket: b, S3Key: k}}": "asset.1",
    }.items():
        assert template(tmp_path, TEXT.replace(plain, made)).function().layers == (tmp_path / folder,)
    with pytest.raises(SandboxError, match=r"Plain\.Content is not a folder here"):
        template(
            tmp_path, TEXT.replace(plain, "AWS::Lambda::LayerVersion\n    Properties: {Content: {S3Key: k}}")
        ).function()


def test_layers_of_globals_come_first(tmp_path: Path) -> None:
    text = TEXT.replace("    Runtime: python3.13", "    Runtime: python3.13\n    Layers: [{Ref: More}]").replace(
        "Resources:", "Resources:\n  More: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: more/}}"
    )
    assert template(tmp_path, text).function().layers == (tmp_path / "more", tmp_path / "layers/plain")
