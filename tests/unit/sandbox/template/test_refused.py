"""What is no template, or says what cannot be resolved, is refused in a sentence."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.template.template import Template
from tests.unit.sandbox.template.written import TEXT, template

if TYPE_CHECKING:
    from pathlib import Path

MISTAKES = [
    (
        "Handler: app.handler",
        "Handler: !If [a, b, c]",
        "One.Handler uses the condition a, which is not in the template",
    ),
    ("BUCKET: !Ref LogBucket", "BUCKET: !Ref Absent", "refers to Absent"),
    ("BUCKET: !Ref LogBucket", "BUCKET: !Ref Needed", "Needed has no default"),
    ("ARN: !GetAtt LogBucket.Arn", "ARN: !GetAtt LogBucket.DomainName", "LogBucket.DomainName"),
    ("!Ref Plain", "!Ref Built", "not built"),
    ("!Ref Plain", "arn:aws:lambda:us-east-1:1:layer:x:1", "name its folder with --layer"),
    ("!Ref Plain", "{Ref: Built}", "not built"),
    ("ContentUri: layers/plain", "ContentUri: {Bucket: b, Key: k}", "Plain.ContentUri is not a folder"),
    ("ContentUri: layers/plain", "ContentUri: s3://bucket/key", "Plain.ContentUri is not a folder"),
    ("{ContentUri: layers/plain}", "{}", "Plain has no ContentUri"),
    ("BUCKET: !Ref LogBucket", "BUCKET: !Ref Plain", "only AWS knows that of AWS::Serverless::LayerVersion"),
    (
        "BUCKET: !Ref LogBucket",
        "BUCKET: '{{resolve:ssm:/a/b:3}}'",
        "One.BUCKET uses {{resolve:ssm:/a/b:3}}, which only",
    ),
    (
        "BUCKET: !Ref LogBucket",
        "BUCKET: !Sub 'x-{{resolve:ssm-secure:${Rate}}}'",
        "{{resolve:ssm-secure:7}}, which only",
    ),
    ("Handler: app.handler", "Handler: '{{resolve:ssm:/h}}'", "One.Handler uses {{resolve:ssm:/h}}"),
    ("Default: 7", "Default: '{{resolve:secretsmanager:one}}'", "{{resolve:secretsmanager:one}}, which only AWS"),
    ("CodeUri: code", "Tags: {}", "has no CodeUri"),
    ("Resources:", "Resources: [", "is not YAML or JSON"),
    ("Timeout: 30", "Timeout: many", "One.Timeout is 'many', not a whole number"),
    ("MemorySize: !Ref Rate", "MemorySize: abc", "One.MemorySize is 'abc', not a whole number"),
    ("Environment: {Variables", "Environment: [1] #", "One.Environment is [1], not a mapping"),
    ("Timeout: 30", "PackageType: Image", "One is a container image, which is not run here"),
    ("AWS::Serverless::Function", "AWS::SQS::Queue", "has no function: no resource of type AWS::Serverless::Function"),
    ("Layers: [!Ref Plain]", "Layers: 7", "One.Layers is 7, not a list"),
    ("LogBucket: {Type: AWS::S3::Bucket}", "LogBucket: 1", "LogBucket is 1, not a mapping"),
]


@pytest.mark.parametrize(("before", "after", "said"), MISTAKES)
def test_what_cannot_be_resolved_is_said(tmp_path: Path, before: str, after: str, said: str) -> None:
    with pytest.raises(SandboxError) as error:
        template(tmp_path, TEXT.replace(before, after)).function()
    assert said in str(error.value)


FILES = [
    (None, "cannot be read: No such file or directory"),
    (b"\xff\xfe", "is not a template: it is not text in UTF-8"),
    (b"- 1", "is not a template, which is a mapping with Resources"),
    (b"Resources: foo", "Resources is 'foo', not a mapping"),
    (b"[" * 100_000, "is not YAML or JSON"),
    (b"a: &a [*a]\nResources: *a", "its aliases (*) make it endless"),
    (b"Resources:\n  F: {}\n  G: {}\n  F: {}\n", ", line 4: the key 'F' is there twice"),
    (b'{"Resources": {}, "a": [{"b": {"c": 1, "c": 1}}]}', ", line 1: the key 'c' is there twice"),
    (b"Resources: {F: !Sub {a: 1, a: 2}}", ", line 1: the key 'a' is there twice"),
    (b"Resources: {1: a, '1': b}", ", line 1: the key '1' is there twice"),
    (b"{}", "has no function"),
]


@pytest.mark.parametrize(("data", "said"), FILES, ids=[said for _, said in FILES])
def test_what_is_not_a_template_is_said(tmp_path: Path, data: bytes | None, said: str) -> None:
    path = tmp_path / "template.yaml"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(SandboxError) as error:
        Template(path).function()
    assert said in str(error.value) or "not a mapping" in str(error.value)
    assert "Errno" not in str(error.value)


NAMES = ["Ref", "Fn::Sub", "Fn::GetAtt", "Fn::If", "Variables", "LogFormat", "Type", "a"]

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["${A}", "${A.Arn}"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["Ref", "Fn::Sub", "Fn::GetAtt", "Fn::If", "Variables", "LogFormat", "Type", "a"]),
            inner,
            max_size=2,
        )
    ),
    max_leaves=6,
)

PLACES = [
    ["Resources"], ["Resources", "F"], ["Resources", "F", "Type"], ["Resources", "F", "Properties"], ["Parameters"],
    ["Globals"], ["Globals", "Function"], ["Resources", "F", "Metadata"], ["Parameters", "P"],
    *(["Resources", "F", "Properties", name] for name in ("CodeUri", "Code", "Handler", "Runtime", "Timeout",
      "MemorySize", "Layers", "Environment", "LoggingConfig", "FunctionName", "PackageType")),
]  # fmt: skip


@settings(max_examples=300)
@given(place=st.sampled_from(PLACES), value=ANYTHING, kind=st.sampled_from(["Serverless", "Lambda"]))
def test_whatever_stands_in_a_template_is_read_or_refused_in_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, place: list[str], value: object, kind: str
) -> None:
    properties = {"CodeUri": "code", "Code": "code", "Handler": "a.b", "Runtime": "python3.13"}
    document: dict[str, Any] = {
        "Parameters": {"P": {"Default": 1}},
        "Globals": {"Function": {}},
        "Resources": {"F": {"Type": f"AWS::{kind}::Function", "Properties": properties, "Metadata": {}}},
    }
    inner = document
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = value
    path = tmp_path_factory.getbasetemp() / "anything.json"
    path.write_text(json.dumps(document))
    with contextlib.suppress(SandboxError):
        Template(path).function()


def test_an_unknown_parameter_or_function_is_said(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="no parameter Rat"):
        template(tmp_path, Rat="1")
    with pytest.raises(SandboxError, match="has the functions One"):
        template(tmp_path).function("Two")


def test_a_template_without_parameters_says_so(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match=r"has no parameter A; it has none$"):
        template(tmp_path, "Resources: {}", A="1")
