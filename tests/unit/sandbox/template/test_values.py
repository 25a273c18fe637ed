"""Values: what intrinsic functions, parameters and conditions make of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.template.file import load, shown
from adaptive_batching.sandbox.template.template import Template
from tests.unit.sandbox.template.written import TEXT, template

if TYPE_CHECKING:
    from pathlib import Path

#: Types of which Ref is not the name, or of which the template does not say it.
UNKNOWN = [
    "{Type: AWS::SecretsManager::Secret, Properties: {Name: own}}",
    "{Type: AWS::StepFunctions::StateMachine}",
    "{Type: AWS::DynamoDB::Table}",
    "{Type: AWS::Serverless::Api}",
    "{}",
]

QUEUES = ["{Type: AWS::SQS::Queue}", "{Type: AWS::SQS::Queue, Properties: {QueueName: own}}"]
REFS = ["!Ref Other", "{Ref: Other}", '!Sub "x-${Other}"']


@pytest.mark.parametrize(
    ("resource", "use"),
    [
        *((resource, use) for resource in UNKNOWN for use in [*REFS, "!GetAtt Other.Arn"]),
        *((resource, use) for resource in QUEUES for use in [*REFS, "!GetAtt Other.QueueUrl"]),
        ("{Type: AWS::SNS::Topic, Properties: {TopicName: own}}", "!GetAtt Other.Arn"),
    ],
)
def test_what_only_aws_knows_of_a_resource_is_said_unless_it_is_given(tmp_path: Path, resource: str, use: str) -> None:
    text = TEXT.replace("BUCKET: !Ref LogBucket", f"BUCKET: {use}").replace(
        "Resources:", f"Resources:\n  Other: {resource}"
    )
    with pytest.raises(SandboxError, match=r"One.BUCKET (refers to|uses) Other"):
        template(tmp_path, text).function()
    assert "BUCKET" not in template(tmp_path, text).function(given={"BUCKET"}).variables


def test_the_name_of_a_resource_that_the_template_names_is_known(tmp_path: Path) -> None:
    table = "{Type: AWS::DynamoDB::Table, Properties: {TableName: !Sub 'own-${Rate}'}}"
    text = TEXT.replace("Resources:", f"Resources:\n  Other: {table}").replace("!Ref LogBucket", "!Ref Other")
    assert template(tmp_path, text).function().variables["BUCKET"] == "own-7"


CONDITIONAL = """
Parameters: {Stage: {Type: String, Default: test}}
Conditions:
  IsTest: !Equals [!Ref Stage, test]
  IsLive: {"Fn::Not": [{Condition: IsTest}]}
  IsEither: !Or [!Condition IsTest, !Condition IsLive]
  IsBoth: !And [!Condition IsTest, !Condition IsLive]
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: .
      Handler: a.b
      Runtime: python3.13
      Timeout: !If [IsTest, 5, 50]
      Environment:
        Variables:
          A: !If [IsLive, !Ref AWS::NoValue, !Ref Stage]
          B: {"Fn::If": [IsLive, live, {Ref: "AWS::NoValue"}]}
          C: !If [IsEither, !If [IsBoth, both, either], neither]
"""


@pytest.mark.parametrize(
    ("stage", "timeout", "variables"),
    [("test", 5, {"A": "test", "C": "either"}), ("live", 50, {"B": "live", "C": "either"})],
)
def test_if_is_resolved_and_what_has_no_value_is_left_out(
    tmp_path: Path, stage: str, timeout: int, variables: dict[str, str]
) -> None:
    path = tmp_path / "t.yaml"
    path.write_text(CONDITIONAL)
    found = Template(path, {"Stage": stage}).function()
    assert (found.timeout, found.variables) == (timeout, variables)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("!If [IsTest, 5, 50]", "!If [IsTest, 5]", "F.Timeout uses If with ['IsTest', 5], not a list of three"),
        ("!If [IsTest, 5, 50]", "!If [None, 5, 5]", "F.Timeout uses the condition None, which is not in the template"),
        (
            "!Equals [!Ref Stage, test]",
            "!Condition IsLive",
            "condition IsLive uses the condition IsTest, which refers to",
        ),
        ("!Equals [!Ref Stage, test]", "!Equals [!Ref Stage]", "condition IsTest is not one of Equals, Not, And, Or"),
        ("!Equals [!Ref Stage, test]", "7", "condition IsTest is not one of Equals, Not, And, Or"),
    ],
)
def test_a_condition_that_is_unclear_is_one_sentence(tmp_path: Path, before: str, after: str, said: str) -> None:
    path = tmp_path / "t.yaml"
    path.write_text(CONDITIONAL.replace(before, after))
    with pytest.raises(SandboxError, match=re.escape(said)):
        Template(path).function()


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ('!Select [1, !Split ["/", a/b/c]]', "b"),
        ('!Join ["-", [a, !Ref Rate, true]]', "a-7-true"),
        ('{"Fn::Select": ["0", [!Ref Rate, x]]}', "7"),
        ('!Join ["", !Split [",", "a,b"]]', "ab"),
        ('!Sub ["${First}/*", {First: !Select [0, !Split ["{function}", "x{function}y"]]}]', "x/*"),
    ],
)
def test_lists_and_texts_are_taken_apart_and_put_together(tmp_path: Path, written: str, value: str) -> None:
    text = TEXT.replace("BUCKET: !Ref LogBucket", f"BUCKET: {written}")
    assert template(tmp_path, text, Needed="x").function("One").variables["BUCKET"] == value


@pytest.mark.parametrize("written", ["!Select [3, [a]]", "!Select [x, [a]]", "!Split [a]", "!Join [a, 1]", "!Select a"])
def test_what_has_no_such_piece_is_a_sentence(tmp_path: Path, written: str) -> None:
    text = TEXT.replace("BUCKET: !Ref LogBucket", f"BUCKET: {written}")
    with pytest.raises(
        SandboxError, match=r"One\.BUCKET uses (Select|Split|Join) with .*, which does not give a value"
    ):
        template(tmp_path, text, Needed="x").function("One")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("!Ref Logs", "!Ref Logs"),
        ("!GetAtt [Logs, Arn]", "!GetAtt ['Logs', 'Arn']"),
        ("{Fn::Join: ['', [a, !Ref B]]}", "{Fn::Join: ['', ['a', !Ref B]]}"),
        ("[null, true, {a: null}]", "[null, true, {a: null}]"),
        ("{}", "{}"),
        ("1.5", "1.5"),
        ("2026-11-26", "2026-11-26"),
        ('"\\e[31m"', r"'\x1b[31m'"),
    ],
)
def test_a_value_is_shown_as_a_template_writes_it(tmp_path: Path, value: str, said: str) -> None:
    path = tmp_path / "template.yaml"
    path.write_text(f"Resources: {value}\n")
    assert shown(load(path)["Resources"]) == said


CHOSEN = """
Parameters: {Stage: {Type: String, Default: test}}
Conditions: {IsTest: !Equals [!Ref Stage, test]}
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: ., Runtime: python3.13, Handler: a.b, %s}
"""


@pytest.mark.parametrize(
    "written",
    [
        "Environment: {Variables: !If [IsTest, {A: test}, {B: no}]}",
        "Environment: !If [IsTest, {Variables: {A: test}}, !Ref AWS::NoValue]",
        "Environment: {Variables: {A: test, B: !If [IsTest, !Ref AWS::NoValue, no]}}",
        "Environment: {'Fn::If': [IsTest, {'Fn::If': [IsTest, {Variables: {A: !Ref Stage}}, 1]}, 1]}",
    ],
)
def test_if_may_choose_a_whole_mapping(tmp_path: Path, written: str) -> None:
    assert dict(template(tmp_path, CHOSEN % written).function().variables) == {"A": "test"}


@pytest.mark.parametrize("written", ["Environment: !If [IsTest, !Ref AWS::NoValue, {Variables: {A: b}}]", "Layers: []"])
def test_what_if_leaves_out_is_not_there(tmp_path: Path, written: str) -> None:
    assert dict(template(tmp_path, CHOSEN % written).function().variables) == {}


def test_a_variable_with_the_name_of_an_intrinsic_function_is_a_variable(tmp_path: Path) -> None:
    found = template(tmp_path, CHOSEN % "Environment: {Variables: {If: a}}").function()
    assert dict(found.variables) == {"If": "a"}


@pytest.mark.parametrize(("given", "found"), [({}, None), ({"Bucket": "my-logs"}, "my-logs")])
def test_the_value_of_a_parameter_of_ssm_is_not_the_name_that_is_its_default(
    tmp_path: Path, given: dict[str, str], found: str | None
) -> None:
    text = CHOSEN.replace("Parameters: {", "Parameters: {Bucket: {Type: %s, Default: /logs/bucket}, ")
    text = text % ("'AWS::SSM::Parameter::Value<String>'", "Environment: {Variables: {A: !Ref Bucket}}")
    if found:
        assert template(tmp_path, text, **given).function().variables["A"] == found
    else:
        with pytest.raises(
            SandboxError, match="parameter Bucket names a value of SSM; set it with --parameter Bucket=…"
        ):
            template(tmp_path, text, **given).function()


@pytest.mark.parametrize("kind", ["CommaDelimitedList", "List<String>", "List<AWS::EC2::Subnet::Id>"])
def test_a_parameter_that_is_a_list_is_one(tmp_path: Path, kind: str) -> None:
    text = CHOSEN.replace("Parameters: {", f"Parameters: {{Names: {{Type: '{kind}', Default: 'a, b'}}, ")
    text %= "Environment: {Variables: {A: !Join ['-', !Ref Names], B: !Select [1, !Ref Names]}}"
    assert dict(template(tmp_path, text).function().variables) == {"A": "a-b", "B": "b"}
    assert template(tmp_path, text, Names="c,d").function().variables["A"] == "c-d"


def test_a_mapping_that_only_aws_makes_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match=r"F.Environment.Variables is \{Fn::ImportValue: 'x'\}, not a mapping"):
        template(tmp_path, CHOSEN % "Environment: {Variables: {'Fn::ImportValue': x}}").function()
