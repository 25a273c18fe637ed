"""`doctor --template`: faults planted in a template, each found by its check and by no other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from adaptive_batching.cli import main

if TYPE_CHECKING:
    from pathlib import Path

TEXT = """
Parameters:
  Elsewhere: {Type: String, Default: ""}
  Needed: {Type: String}
Conditions:
  Never: !Equals [a, b]
Globals:
  Function:
    Runtime: python3.13
    Timeout: 30
    Environment: {Variables: {ADAPTIVE_BATCHING_EXTENSION_S3_BUCKET: !Ref Logs}}
Resources:
  Logs: {Type: AWS::S3::Bucket}
  LogsPolicy:
    Type: AWS::S3::BucketPolicy
    Properties:
      Bucket: !Ref Logs
      PolicyDocument:
        Statement:
          - Sid: TlsOnly
            Effect: Deny
            Principal: "*"
            Action: s3:*
            Resource: [!GetAtt Logs.Arn, !Sub "${Logs.Arn}/*"]
            Condition: {Bool: {aws:SecureTransport: "false"}}
  Layer:
    Type: AWS::Serverless::LayerVersion
    Properties:
      LayerName: adaptive-batching-extension
      ContentUri: .
      CompatibleArchitectures: [arm64]
  Other:
    Type: AWS::Serverless::LayerVersion
    Properties: {ContentUri: .}
  Orders:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: .
      Handler: app.handler
      MemorySize: 256
      Architectures: [arm64]
      Layers: [!Ref Layer]
      Environment: {Variables: {OTHER: !GetAtt Queue.Arn, ADAPTIVE_BATCHING_EXTENSION_MODE: adaptive}}
      Policies:
        - Statement:
            - Effect: Allow
              Action: s3:PutObject
              Resource: !Join ["", [!GetAtt Logs.Arn, "/function=", orders, "/*"]]
            - {Sid: Off, Effect: Deny, Action: "logs:*", Resource: "*"}
  Queue: {Type: AWS::SQS::Queue}
  Unmade:
    Type: AWS::Serverless::Function
    Condition: Never
    Properties: {CodeUri: ., Handler: x.y}
"""
FLOW = {"flowing": "cannot say", "heard": "cannot say"}
ENCRYPTED = (
    "Logs: {Type: AWS::S3::Bucket, Properties: {BucketEncryption: {ServerSideEncryptionConfiguration: "
    "[{ServerSideEncryptionByDefault: {SSEAlgorithm: %s}}]}}}\n"
)
KEY = (
    "  Key: {Type: AWS::KMS::Key, Properties: {KeyPolicy: {Statement: {Effect: Allow, Action: 'kms:*', Resource: '*', "
    "Principal: {AWS: !Sub 'arn:aws:iam::${AWS::AccountId}:root'}}}}}"
)
CONNECTOR = "  Write: {Type: AWS::Serverless::Connector, Properties: {Source: {Id: Orders}, Destination: {Id: Logs}}}\n"
DENYING = (
    "  Closed: {Type: AWS::IAM::%s, Properties: {Roles: [!Ref OrdersRole], PolicyDocument: {Statement: "
    "{Effect: Deny, Action: 's3:*', Resource: '*'}}}}\n"
)
FILTER = "  Errors: {Type: AWS::Logs::MetricFilter, Properties: {LogGroupName: /aws/lambda/orders}}\n"
POLICIES = TEXT[TEXT.index("      Policies:") : TEXT.index("  Queue:")]


def asked(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    code = main(["doctor", "--format", "json", *words])
    return code, json.loads(capsys.readouterr().out)


def found(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, *words: str) -> dict[str, str]:
    path = tmp_path / "template.yaml"
    path.write_text(text)
    code, printed = asked(capsys, "--template", str(path), *words)
    (one,) = printed["functions"]
    assert one["function"] == "Orders"
    statuses: dict[str, str] = {}
    for check in one["checks"]:
        assert check["check"] not in statuses, one["checks"]
        statuses[check["check"]] = check["status"]
    assert code == ("error" in statuses.values())
    return {name: status for name, status in statuses.items() if status != "ok"}


#: What is planted -> what of the template is replaced by what, and what is found beside FLOW.
PLANTS: dict[str, tuple[str, str, dict[str, str]]] = {
    "nothing": ("", "", {}),
    "a typing error": ("EXTENSION_MODE: adaptive", "EXTENSION_MOD: adaptive", {"settings": "warning"}),
    "no bucket": ("EXTENSION_S3_BUCKET: !Ref Logs", "EXTENSION_MODE: adaptive",
                  {"settings": "error", "bucket": "cannot say", "put": "cannot say", "write once": "cannot say",
                   "kms": "cannot say", "flowing": "cannot say"}),
    "no layer": ("Layers: [!Ref Layer]", "Layers: []", {"layer": "error"}),
    "another layer": ("Layers: [!Ref Layer]", "Layers: [!Ref Other]", {"layer": "error"}),
    "an ARN of another layer": ("!Ref Layer]", "'arn:aws:lambda:x:1:layer:insights:1']", {"layer": "error"}),
    "a layer that only AWS knows": ("!Ref Layer]", "!ImportValue logs]", {"layer": "cannot say"}),
    "the other architecture": ("Architectures: [arm64]\n      Layers", "Architectures: [x86_64]\n      Layers",
                               {"layer": "error"}),
    "no permission": (POLICIES, "      Policies: [{Statement: {Effect: Deny, Action: 'logs:*', Resource: '*'}}]\n",
                      {"put": "error"}),
    "the permission of another function": ('orders, "/*"', 'others, "/*"', {"put": "error"}),
    "a policy of the account": ("- Statement:", "- arn:aws:iam::1:policy/mine\n        - Statement:", {}),
    "a policy of the account alone": (POLICIES, "      Policies: [arn:aws:iam::1:policy/mine]\n",
                                      {"put": "cannot say", "CloudWatch": "warning"}),
    "SAM's policy template": (POLICIES, "      Policies: [S3WritePolicy: {BucketName: !Ref Logs}]\n",
                              {"CloudWatch": "warning"}),
    "a permissions boundary": ("MemorySize: 256", "MemorySize: 256\n      PermissionsBoundary: arn:aws:iam::1:policy/b",
                               {"put": "cannot say"}),
    "a policy that is put on SAM's role and denies": ("  Queue: {Type", DENYING % "Policy" + "  Queue: {Type",
                                                      {"put": "error"}),
    "a managed policy that is put on SAM's role and denies": (
        "  Queue: {Type", DENYING % "ManagedPolicy" + "  Queue: {Type", {"put": "error"}),
    "a connector of SAM's": (
        POLICIES, "    Connectors: {Write: {Properties: {Destination: {Id: Logs}, Permissions: [Write]}}}\n",
        {"put": "cannot say", "CloudWatch": "warning"}),
    "a connector of its own": (
        POLICIES, CONNECTOR,
        {"put": "cannot say", "CloudWatch": "warning"}),
    "a role from elsewhere": (POLICIES, "      Role: arn:aws:iam::1:role/mine\n",
                              {"put": "cannot say", "CloudWatch": "cannot say"}),
    "a bucket that denies": ('Condition: {Bool: {aws:SecureTransport: "false"}}', "", {"put": "error"}),
    "a bucket from elsewhere": ("EXTENSION_S3_BUCKET: !Ref Logs", "EXTENSION_S3_BUCKET: my-logs",
                                {"bucket": "cannot say", "put": "cannot say", "kms": "cannot say"}),
    "a bucket that only AWS knows": ("EXTENSION_S3_BUCKET: !Ref Logs", "EXTENSION_S3_BUCKET: !ImportValue logs",
                                     {"settings": "cannot say", "bucket": "cannot say", "put": "cannot say",
                                      "kms": "cannot say", "write once": "cannot say"}),
    "tags without permission": ("EXTENSION_MODE: adaptive", "EXTENSION_TAGS: a=b", {"put": "error"}),
    "a key in the template that lets the account in": (
        "Logs: {Type: AWS::S3::Bucket}",
        ENCRYPTED % "'aws:kms', KMSMasterKeyID: !GetAtt Key.Arn" + KEY,
        {"kms": "error"}),
    "the bucket's own KMS encryption": (
        "Logs: {Type: AWS::S3::Bucket}",
        ENCRYPTED % "'aws:kms'", {}),
    "a VPC": ("MemorySize: 256", "MemorySize: 256\n      VpcConfig: {SubnetIds: [a]}", {"network": "cannot say"}),
    "little memory": ("MemorySize: 256", "MemorySize: 128", {"limits": "warning"}),
    "memory that only AWS knows": ("MemorySize: 256", "MemorySize: !ImportValue x", {"limits": "cannot say"}),
    "a short timeout": ("Timeout: 30", "Timeout: 2", {"limits": "warning"}),
    "CloudWatch paid too": ('            - {Sid: Off, Effect: Deny, Action: "logs:*", Resource: "*"}\n', "",
                            {"CloudWatch": "warning"}),
    "metric filters that see nothing": (
        "  Queue: {Type", f"{FILTER}  Queue: {{Type", {"CloudWatch": "warning"}),
    "a container image": (
        "CodeUri: .\n      Handler: app.handler\n      MemorySize", "PackageType: Image\n      MemorySize",
        {"layer": "cannot say"}),
}  # fmt: skip


@pytest.mark.parametrize("plant", PLANTS)
def test_a_fault_in_a_template_gives_its_finding_and_no_other(
    plant: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new, wanted = PLANTS[plant]
    assert old in TEXT
    assert found(tmp_path, capsys, TEXT.replace(old, new, 1)) == FLOW | wanted


def test_what_cloudformation_and_the_cdk_write_is_read_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put = {"Effect": "Allow", "Action": "s3:PutObject*", "Resource": {"Fn::Sub": "${Logs.Arn}/*"}}
    template = {
        "Resources": {
            "Logs": {"Type": "AWS::S3::Bucket"},
            "Role": {"Type": "AWS::IAM::Role", "Properties": {"ManagedPolicyArns": []}},
            "Policy": {
                "Type": "AWS::IAM::Policy",
                "Properties": {"Roles": [{"Ref": "Role"}], "PolicyDocument": {"Statement": [put]}},
            },
            "Orders": {
                "Type": "AWS::Lambda::Function",
                "Properties": {
                    "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                    "Timeout": 3,
                    "MemorySize": 256,
                    "Layers": ["arn:aws:lambda:us-east-1:1:layer:adaptive-batching-extension:3"],
                    "Environment": {"Variables": {"ADAPTIVE_BATCHING_EXTENSION_S3_BUCKET": {"Ref": "Logs"}}},
                },
            },
        }
    }
    assert found(tmp_path, capsys, json.dumps(template)) == FLOW
    del template["Resources"]["Policy"]
    assert found(tmp_path, capsys, json.dumps(template)) == FLOW | {"put": "error"}


def test_a_layer_that_sam_has_built_tells_what_is_in_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    private = tmp_path / ".aws-sam/build/Layer/adaptive-batching-extension"
    private.mkdir(parents=True)
    (private / "layer.json").write_text('{"origin": "development build: the interpreter of this machine"}')
    assert found(tmp_path, capsys, TEXT) == FLOW | {"layer": "warning"}
    (private / "layer.json").write_text('{"origin": "release"}')
    assert found(tmp_path, capsys, TEXT) == FLOW


def test_a_text_report_has_a_line_for_each_check_and_how_to_mend(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    path = tmp_path / "template.yaml"
    path.write_text(TEXT.replace("Layers: [!Ref Layer]", "Layers: []"))
    assert main(["doctor", "--template", str(path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Orders"
    at = next(n for n, line in enumerate(lines) if line.startswith("  layer "))
    assert lines[at].split() == ["layer", "error", "not", "attached;", "the", "function", "has", "no", "layer"]
    assert lines[at + 1].strip().startswith("-> attach it")
    assert lines[-1] == "  1 error, 0 warnings, 2 cannot say"
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--template", "absent.yaml"], "absent.yaml cannot be read: No such file or directory"),
        (["--template", "template.yaml", "--function", "Nobody"], "has the functions Orders; 'Nobody' is none of them"),
        (["--template", "template.yaml", "--function", "Unmade"], "has the functions Orders; 'Unmade' is none of them"),
        (
            ["--template", "template.yaml", "--parameter", "Nothing=1"],
            "has no parameter Nothing",
        ),
        (["--template", "template.yaml", "--parameter", "Elsewhere"], "'Elsewhere' is not NAME=VALUE"),
        (["--template", "template.yaml", "--parameter", "Needed=1", "--parameter", "Needed=2"], "is given twice"),
        (["--template", "empty.yaml"], "empty.yaml has no function whose condition holds"),
        ([], "nothing to examine"),
    ],
)
def test_what_cannot_be_examined_is_a_sentence(
    words: list[str],
    sentence: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "template.yaml").write_text(TEXT)
    (tmp_path / "empty.yaml").write_text("Resources: {}")
    assert main(["doctor", *words]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert said.err.startswith("doctor: ")
    assert sentence in said.err
