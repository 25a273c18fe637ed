"""`doctor --template`: faults planted in a template, each found by its check and by no other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from adaptive_batching import settings
from adaptive_batching.cli import main
from adaptive_batching.operate.doctor.checks import judged
from adaptive_batching.operate.doctor.facts import Facts
from adaptive_batching.operate.doctor.finding import cannot_say
from adaptive_batching.operate.doctor.reading import template as reading

if TYPE_CHECKING:
    from pathlib import Path

    from adaptive_batching.operate.doctor.finding import Finding

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
    "SAM's policy template for a bucket that only AWS knows": (
        POLICIES, "      Policies: [S3WritePolicy: {BucketName: !ImportValue x}]\n",
        {"put": "cannot say", "CloudWatch": "warning"}),
    "SAM's policy template for another bucket": (
        POLICIES, "      Policies: [S3WritePolicy: {BucketName: other}]\n", {"put": "error", "CloudWatch": "warning"}),
    "SAM's policy template that lets read": (
        POLICIES, "      Policies: [S3ReadPolicy: {BucketName: !Ref Logs}]\n",
        {"put": "error", "CloudWatch": "warning"}),
    "a variable that is no text": ("EXTENSION_MODE: adaptive", "EXTENSION_MODE: {a: b}", {"settings": "cannot say"}),
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
    "a layer that is left out": ("Layers: [!Ref Layer]", "Layers: [!If [Never, !Ref Other, !Ref AWS::NoValue]]",
                                 {"layer": "error"}),
    "a layer beside one that is left out": (
        "Layers: [!Ref Layer]", "Layers: [!Ref Layer, !If [Never, !Ref Layer, !Ref AWS::NoValue]]", {}),
    "a bucket that is not made": ("Logs: {Type: AWS::S3::Bucket}", "Logs: {Type: AWS::S3::Bucket, Condition: Never}",
                                  {"bucket": "cannot say", "put": "cannot say", "kms": "cannot say"}),
    "a VPC without subnets": ("MemorySize: 256", "MemorySize: 256\n      VpcConfig: {SubnetIds: []}", {}),
    "a VPC that only AWS knows": ("MemorySize: 256", "MemorySize: 256\n      VpcConfig: {SubnetIds: !ImportValue x}",
                                  {"network": "cannot say"}),
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


def checks(tmp_path: Path, text: str, **parameters: str) -> dict[str, dict[str, list[Finding]]]:
    """What each check finds of each function; `template` of one that cannot be read."""
    path = tmp_path / "template.yaml"
    path.write_text(text)
    return {
        name: judged(facts) if isinstance(facts, Facts) else {"template": [cannot_say(facts)]}
        for name, facts in reading.read(path, parameters, None)
    }


#: A value of a setting whose kind has no list of values -> values that differ in what they mean.
VALUES = {
    "bucket": ("!Ref Logs", "elsewhere"),
    "region": ("''", "eu-central-1"),
    "owner": ("''", "123456789012", "999999999999"),
    "key": ("''", "alias/mine"),
    "tags": ("''", "a=b"),
    "prefix": ("''", "'function={function}/'", "'logs/'"),
    "number": ("1000", "2000"),
    "types": ("'[\"platform\"]'", "'[\"function\"]'"),
    "level": ("WARN", "ERROR"),
    "redactions": ("email", "all"),
    "pattern": ("a", "b"),
}
WANTS_SSE = "Condition: {StringNotEquals: {'s3:x-amz-server-side-encryption': 'AES256'}}"
WANTS_REGION = "Condition: {StringNotEquals: {'aws:RequestedRegion': 'us-east-1'}}"
CONDITIONED = ('Condition: {Bool: {aws:SecureTransport: "false"}}', WANTS_SSE, WANTS_REGION)


@pytest.mark.parametrize("condition", CONDITIONED)
@pytest.mark.parametrize("name", sorted(settings.schema()["properties"]))
def test_a_setting_that_only_aws_knows_silences_the_checks_that_go_by_it(
    name: str, condition: str, tmp_path: Path
) -> None:
    """Those whose findings differ from value to value."""
    about = settings.schema()["properties"][name]
    values = [json.dumps(one) for one in about.get("enum", ())] or VALUES[about["kind"]]
    text = TEXT.replace(CONDITIONED[0], condition).replace("EXTENSION_MODE: adaptive", "EXTENSION_MODE: thresholds")
    text = text.replace(f"{name}: !Ref Logs", "INSTEAD: 1").replace(f"{name}: thresholds", "INSTEAD: 1")
    of = [checks(tmp_path, _set(text, name, value))["Orders"] for value in values]
    unknown = checks(tmp_path, _set(text, name, "!ImportValue x"))["Orders"]
    assert [one.status for one in unknown["settings"]] == ["cannot say"]
    assert name in unknown["settings"][0].read
    differ = {check for check in unknown if check != "settings" and any(one[check] != of[0][check] for one in of)}
    silent = {check for check, found in unknown.items() if [one.status for one in found] == ["cannot say"]}
    assert differ <= silent


def _set(text: str, name: str, value: str) -> str:
    return text.replace("Variables: {OTHER:", f"Variables: {{{name}: {value}, OTHER:")


def test_a_parameter_without_a_value_is_asked_for_wherever_it_is_needed(tmp_path: Path) -> None:
    found = checks(tmp_path, TEXT.replace("S3_BUCKET: !Ref Logs", "S3_BUCKET: !Ref Needed"))["Orders"]
    asks = ["--parameter Needed=…"]
    asked_for = {check for check, findings in found.items() if [one.mend for one in findings] == asks}
    assert asked_for == {"settings", "bucket", "put", "kms", "write once", "flowing"}
    assert not [one.read for findings in found.values() for one in findings if "no bucket is set" in one.read]
    given = checks(tmp_path, TEXT.replace("S3_BUCKET: !Ref Logs", "S3_BUCKET: !Ref Needed"), Needed="my-logs")["Orders"]
    assert {check for check, findings in given.items() if findings[0].status == "cannot say"} == {
        *("bucket", "put", "kms", "flowing", "heard")
    }


@pytest.mark.parametrize(
    ("old", "new", "check"),
    [
        (", orders, ", ", !Ref Needed, ", "put"),
        ("Action: s3:*", "Action: !Sub '${Needed}:*'", "put"),
        ("      Policies:", "      PermissionsBoundary: !Ref AWS::NoValue\n      Policies:\n        - !Ref Needed", ""),
        ("Layers: [!Ref Layer]", "Layers: [!Ref Needed]", "layer"),
        ("Architectures: [arm64]\n      Layers", "Architectures: [!Ref Needed]\n      Layers", "layer"),
        ("MemorySize: 256", "MemorySize: !Ref Needed", "limits"),
        ("MemorySize: 256", "LoggingConfig: {LogGroup: !Ref Needed}\n      MemorySize: 256", "CloudWatch"),
        (
            "Logs: {Type: AWS::S3::Bucket}",
            "Logs: {Type: AWS::S3::Bucket, Properties: {BucketEncryption: !If [Asks, {}, {}]}}",
            "kms",
        ),
    ],
)
def test_whatever_needs_a_parameter_asks_for_it(old: str, new: str, check: str, tmp_path: Path) -> None:
    assert old in TEXT
    text = TEXT.replace("  Never:", "  Asks: !Equals [!Ref Needed, x]\n  Never:").replace(old, new, 1)
    found = checks(tmp_path, text)["Orders"]
    asking = {name for name, findings in found.items() if "--parameter Needed=…" in [one.mend for one in findings]}
    assert asking == ({check} if check else set())


#: How a function's role and what stores may name a key of the template: each fits every other.
NAMED = ["!GetAtt Key.Arn", "!Sub '${Key.Arn}'", "!Sub 'arn:aws:kms:${AWS::Region}:${AWS::AccountId}:key/${Key}'"]
LETS_ACCOUNT_IN = (
    "{Sid: Account, Effect: Allow, Action: 'kms:*', Resource: '*', "
    "Principal: {AWS: !Sub 'arn:aws:iam::${AWS::AccountId}:root'}}"
)
LETS_OTHERS_IN = LETS_ACCOUNT_IN.replace(":root", ":role/admin")
NOBODY = "{Sid: Nobody, Effect: Deny, Action: 'kms:*', Resource: '*', Principal: '*'}"


@pytest.mark.parametrize("role", [*NAMED, "'*'"])
@pytest.mark.parametrize("stores", [*NAMED, "!Ref Key", "a variable"])
@pytest.mark.parametrize(
    ("policy", "status", "words"),
    [
        (LETS_ACCOUNT_IN, "ok", "allowed"),
        (LETS_OTHERS_IN, "error", "the key's policy does not allow"),
        (f"{LETS_ACCOUNT_IN}, {NOBODY}", "error", "statement Nobody"),
    ],
)
def test_a_key_of_the_template_is_judged_however_it_is_named(
    role: str, stores: str, policy: str, status: str, words: str, tmp_path: Path
) -> None:
    key = f"  Key: {{Type: AWS::KMS::Key, Properties: {{KeyPolicy: {{Statement: [{policy}]}}}}}}\n"
    bucket = "" if stores == "a variable" else ENCRYPTED % f"'aws:kms', KMSMasterKeyID: {stores}"
    text = TEXT.replace("Logs: {Type: AWS::S3::Bucket}\n", (bucket or "Logs: {Type: AWS::S3::Bucket}\n") + key)
    allowing = f"        - Statement: {{Effect: Allow, Action: 'kms:GenerateDataKey', Resource: {role}}}\n"
    text = text.replace("      Policies:\n", "      Policies:\n" + allowing)
    assert allowing in text
    if stores == "a variable":
        text = _set(text, f"{settings.PREFIX}KMS_KEY_ID", NAMED[0])
    judged_ = checks(tmp_path, text)["Orders"]
    assert [(one.status, words in one.read) for one in judged_["kms"]] == [(status, True)], judged_["kms"]
    assert "key/Key" in judged_["kms"][0].read
    assert [one.status for one in judged_["settings"]] == ["ok"]


@pytest.mark.parametrize("written", ["Key", "arn:aws:kms:us-east-1:123456789012:key/Key"])
def test_a_text_that_is_no_key_is_told_even_if_a_key_of_the_template_has_that_name(
    written: str, tmp_path: Path
) -> None:
    text = TEXT.replace("Logs: {Type: AWS::S3::Bucket}\n", f"Logs: {{Type: AWS::S3::Bucket}}\n{KEY}\n")
    found = checks(tmp_path, _set(text, f"{settings.PREFIX}KMS_KEY_ID", written))["Orders"]
    assert [one.status for one in found["settings"]] == ["warning"]


def test_a_layer_that_is_left_out_is_none(tmp_path: Path) -> None:
    text = TEXT.replace("Layers: [!Ref Layer]", "Layers: [!If [Never, !Ref Layer, !Ref AWS::NoValue]]")
    (finding,) = checks(tmp_path, text)["Orders"]["layer"]
    assert finding.read == "not attached; the function has no layer"


HIDING = {
    "a name that only AWS knows": "Properties: {FunctionName: !ImportValue x}",
    "a name that needs a parameter": "Properties: {FunctionName: !Sub '${Needed}-x'}",
    "a name that is no text": "Properties: {FunctionName: [a]}",
    "variables that are no mapping": "Properties: {Environment: [a]}",
    "a condition that needs a parameter": "Condition: Asks",
}


@pytest.mark.parametrize("planted", HIDING)
def test_a_function_that_cannot_be_read_hides_no_other(planted: str, tmp_path: Path) -> None:
    text = TEXT.replace("  Never:", "  Asks: !Equals [!Ref Needed, x]\n  Never:")
    text += f"  Hiding:\n    Type: AWS::Serverless::Function\n    {HIDING[planted]}\n"
    found = checks(tmp_path, text)
    (finding,) = found.pop("Hiding")["template"]
    assert finding.status == "cannot say"
    assert ("--parameter Needed=…" in finding.mend) == ("parameter" in planted)
    assert found == checks(tmp_path, TEXT)


@pytest.mark.parametrize("layer", ["'arn:aws:lambda:us-east-1:123456789012:layer:%s:1'", "!Ref Layer"])
@pytest.mark.parametrize("wanted", ["arm64", "x86_64"])
@pytest.mark.parametrize("name", ["adaptive-batching-extension", "adaptive-batching-extension-arm64", "our-own"])
def test_the_name_of_a_published_layer_tells_its_architecture(
    name: str, wanted: str, layer: str, tmp_path: Path
) -> None:
    text = TEXT.replace(
        "Architectures: [arm64]\n      Layers: [!Ref Layer]", f"Architectures: [{wanted}]\n      Layers: [{layer}]"
    )
    text = text.replace("%s", name).replace("LayerName: adaptive-batching-extension", f"LayerName: {name}")
    text = text.replace("      CompatibleArchitectures: [arm64]\n", "")
    (found,) = checks(tmp_path, text)["Orders"]["layer"]
    is_ours = name != "our-own"
    assert found.status == ("ok" if is_ours and not (name.endswith("arm64") and wanted == "x86_64") else "error")


def test_the_log_group_that_the_template_makes_is_known_by_its_reference(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = TEXT.replace("MemorySize: 256", "MemorySize: 256\n      LoggingConfig: {LogGroup: !Ref Group}")
    text += "  Group: {Type: AWS::Logs::LogGroup}\n" + FILTER.replace("/aws/lambda/orders", "!Ref Group")
    assert found(tmp_path, capsys, text) == FLOW | {"CloudWatch": "warning"}
    (warning,) = checks(tmp_path, text)["Orders"]["CloudWatch"]
    assert warning.read == "the role may not write to group, and metric filters see nothing: Errors"


@pytest.mark.parametrize(("name", "wrong"), [("adaptive-batching-extension", {}), ("other", {"layer": "error"})])
def test_layers_may_be_a_parameter(
    name: str, wrong: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arns = ", ".join(f"arn:aws:lambda:us-east-1:1:layer:{one}:1" for one in ("insights", name))
    text = TEXT.replace("  Needed:", f"  Arns: {{Type: CommaDelimitedList, Default: '{arns}'}}\n  Needed:")
    assert found(tmp_path, capsys, text.replace("Layers: [!Ref Layer]", "Layers: !Ref Arns")) == FLOW | wrong


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
