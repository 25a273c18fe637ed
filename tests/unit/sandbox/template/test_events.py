"""What a template says of asynchronous invocations."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from adaptive_batching.sandbox.errors import SandboxError
from tests.unit.sandbox.template.written import TEXT, template

if TYPE_CHECKING:
    from pathlib import Path

    from adaptive_batching.sandbox.function import Function

HERE = "us-east-1:123456789012"

EVENTS = """
  Dead: {Type: AWS::SQS::Queue, Properties: {QueueName: dead}}
  Topic: {Type: AWS::SNS::Topic}
  Bus: {Type: AWS::Events::EventBus, Properties: {Name: bus}}
"""


def with_events(tmp_path: Path, properties: str, **parameters: str) -> Function:
    text = TEXT.replace("Resources:", f"Resources:{EVENTS}").replace(
        "      FunctionName: !Sub", f"{properties}\n      FunctionName: !Sub"
    )
    return template(tmp_path, text, **parameters).function()


@pytest.mark.parametrize("reference", ["!Ref Topic", '!Sub "${Topic}"', "!GetAtt Topic.TopicArn"])
def test_what_a_sam_template_says_of_asynchronous_invocations_is_read(tmp_path: Path, reference: str) -> None:
    found = with_events(
        tmp_path,
        f"""
      ReservedConcurrentExecutions: 0
      DeadLetterQueue: {{Type: SQS, TargetArn: !GetAtt Dead.Arn}}
      EventInvokeConfig:
        MaximumRetryAttempts: 0
        MaximumEventAgeInSeconds: !Ref Rate
        DestinationConfig:
          OnSuccess: {{Type: SNS, Destination: {reference}}}
          OnFailure: {{Type: EventBridge, Destination: !GetAtt Bus.Arn}}""",
        Rate="90",
    )
    assert (found.reserved, found.dead_letter) == (0, f"arn:aws:sqs:{HERE}:dead")
    assert found.event_config == {
        "MaximumRetryAttempts": 0,
        "MaximumEventAgeInSeconds": 90,
        "DestinationConfig": {
            "OnSuccess": {"Destination": f"arn:aws:sns:{HERE}:topic"},
            "OnFailure": {"Destination": f"arn:aws:events:{HERE}:event-bus/bus"},
        },
    }


def test_what_has_no_value_is_not_set(tmp_path: Path) -> None:
    found = with_events(
        tmp_path,
        """
      ReservedConcurrentExecutions: !Ref AWS::NoValue
      DeadLetterQueue: !Ref AWS::NoValue
      EventInvokeConfig: {MaximumRetryAttempts: !Ref AWS::NoValue, MaximumEventAgeInSeconds: 60}""",
    )
    assert (found.reserved, found.dead_letter, found.event_config) == (None, "", {"MaximumEventAgeInSeconds": 60})


def test_cloudformations_own_resources_are_read(tmp_path: Path) -> None:
    text = TEXT.replace("AWS::Serverless::Function", "AWS::Lambda::Function").replace("CodeUri", "Code")
    text = text.replace(
        "Resources:",
        f"""Resources:{EVENTS}
  Config:
    Type: AWS::Lambda::EventInvokeConfig
    Properties: {{FunctionName: !Ref One, Qualifier: $LATEST, MaximumRetryAttempts: 1}}
  Others:
    Type: AWS::Lambda::EventInvokeConfig
    Properties: {{FunctionName: another, Qualifier: $LATEST, MaximumRetryAttempts: 0}}""",
    ).replace("      FunctionName: !Sub", "      DeadLetterConfig: {TargetArn: !Ref Topic}\n      FunctionName: !Sub")
    text = text.replace("    Runtime: python3.13\n", "").replace("Handler:", "Runtime: python3.13\n      Handler:")
    found = template(tmp_path, text).function()
    assert (found.event_config, found.dead_letter) == ({"MaximumRetryAttempts": 1}, f"arn:aws:sns:{HERE}:topic")


@pytest.mark.parametrize(
    ("properties", "said"),
    [
        ("      ReservedConcurrentExecutions: many", "One.ReservedConcurrentExecutions is 'many', not a whole number"),
        ("      EventInvokeConfig: 3", "One.EventInvokeConfig is 3, not a mapping"),
        ("      EventInvokeConfig: {MaximumRetryAttempts: x}", "MaximumRetryAttempts is 'x', not a whole number"),
        ("      DeadLetterQueue: {Type: SQS}", "One.DeadLetterQueue has no ARN in TargetArn"),
        ("      DeadLetterQueue: {TargetArn: !Ref Dead}", "refers to Dead, and only AWS knows that"),
    ],
)
def test_what_is_no_setting_of_events_is_said(tmp_path: Path, properties: str, said: str) -> None:
    with pytest.raises(SandboxError, match=re.escape(said)):
        with_events(tmp_path, properties)
