"""The notifier of template.yaml: what it is told to look at, its role, and whom its own failures go to."""

from __future__ import annotations

import re
from typing import Any

import pytest

from notifier import queues
from tests.template.template import policy_of_function, resolved, template, translated

NAME = "adaptive-batching-extension-demo-function"
ON = {"Monitoring": "on", "NotifyWebhook": "https://hooks.example.com/x"}


def properties() -> dict[str, Any]:
    found: dict[str, Any] = template()["Resources"]["NotifierFunction"]["Properties"]
    return found


@pytest.mark.parametrize(
    ("parameters", "urls", "functions"),
    [
        ({}, [], []),
        ({"AsyncExample": "true"}, ["AsyncDeadLetters"], ["AsyncFunction"]),
        (
            {"Conference": "true"},
            ["ConferenceDeadQueue", "ConferenceStreamDeadQueue"],
            ["SubmitFunction", "SaveFunction", "NotifyFunction"],
        ),
    ],
)
def test_it_looks_at_the_queues_and_functions_that_there_are(
    parameters: dict[str, str], urls: list[str], functions: list[str]
) -> None:
    found = resolved(properties()["Environment"]["Variables"], **ON, **parameters)
    assert [one for one in found["QUEUE_URLS"].split(",") if one] == urls
    assert [one for one in found["FUNCTIONS"].split(",") if one] == ["DemoFunction", "ExperimentFunction", *functions]
    statements = policy_of_function("logs", "111122223333", "NotifierFunction", **ON, **parameters)["Statement"]
    allowed = [one["Resource"] for one in statements if one["Sid"] == "LookAtDeadLetters"]
    assert allowed == ([[f"{one}.Arn" for one in urls]] if urls else [])


@pytest.mark.parametrize(
    ("prefix", "keys"),
    [
        ("function={function}/date={date}/hour={hour}/", "function=*"),
        ("logs/", "logs/*"),
        ("{function}/", "*"),
        ("team-{function}-logs/{date}/", "team-*"),
        ("", "*"),
    ],
)
def test_its_role_reads_below_the_prefix_of_the_functions_and_writes_markers(prefix: str, keys: str) -> None:
    statements = policy_of_function("logs", "111122223333", "NotifierFunction", **ON, S3Prefix=prefix)["Statement"]
    found = {one["Sid"]: (one["Action"], one["Resource"]) for one in statements}
    assert found == {
        "ListLogs": ("s3:ListBucket", "arn:aws:s3:::logs"),
        "GetLogs": ("s3:GetObject", [f"arn:aws:s3:::logs/{keys}", "arn:aws:s3:::logs/notified/*"]),
        "MarkWhatWasTold": ("s3:PutObject", "arn:aws:s3:::logs/notified/*"),
    }
    assert statements[0]["Condition"]["StringLike"] == {"s3:prefix": [keys, "notified/*"]}


def test_with_a_key_it_may_decrypt() -> None:
    key = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    statements = policy_of_function("logs", "1", "NotifierFunction", **ON, KmsKeyArn=key)["Statement"]
    assert [(one["Action"], one["Resource"]) for one in statements if "kms" in str(one["Action"])] == [
        ("kms:Decrypt", key)
    ]


def test_alarms_and_a_schedule_invoke_it() -> None:
    resources = translated()["Resources"]
    subscribed = [one["Properties"] for one in resources.values() if one["Type"] == "AWS::SNS::Subscription"]
    (own,) = [one for one in subscribed if one["Protocol"] == "lambda"]
    assert (own["TopicArn"], own["Endpoint"]) == (
        {"Ref": "AlarmTopic"},
        {"Fn::GetAtt": ["NotifierFunction", "Arn"]},
    )
    rules = [one["Properties"] for one in resources.values() if one["Type"] == "AWS::Events::Rule"]
    invoked = [(one["ScheduleExpression"], target["Arn"]) for one in rules for target in one["Targets"]]
    assert ("rate(5 minutes)", {"Fn::GetAtt": ["NotifierFunction", "Arn"]}) in invoked


def test_its_own_failures_go_to_the_address_alone() -> None:
    resources = template()["Resources"]
    alarm = resources["NotifierErrorsAlarm"]["Properties"]
    assert alarm["AlarmActions"] == {
        "Fn::If": ["HasNotifierEmail", [{"Ref": "NotifierTopic"}], {"Ref": "AWS::NoValue"}]
    }
    assert resources["NotifierTopic"]["Properties"] == {
        "Subscription": [{"Protocol": "email", "Endpoint": {"Ref": "NotifyEmail"}}]
    }
    assert (alarm["MetricName"], alarm["Dimensions"]) == (
        "Errors",
        [{"Name": "FunctionName", "Value": {"Ref": "NotifierFunction"}}],
    )


@pytest.mark.parametrize(
    ("parameters", "is_there"),
    [({}, False), ({"Monitoring": "on"}, False), ({**ON, "Monitoring": "off"}, False), (ON, True)],
)
def test_it_is_made_only_if_monitoring_is_on_and_a_webhook_is_given(parameters: dict[str, str], is_there: bool) -> None:  # noqa: FBT001
    conditions = {one["Condition"] for name, one in translated()["Resources"].items() if "Notifier" in name}
    assert conditions == {"HasNotifier", "HasNotifierEmail"}
    holds = resolved([{"Condition": one} for one in sorted(conditions)], **parameters, NotifyEmail="a@b")
    assert holds == [is_there, is_there]


def test_a_message_is_hidden_for_longer_than_a_run_can_take() -> None:
    assert properties()["Timeout"] < queues.HIDDEN


def test_its_webhook_is_shown_nowhere_and_looks_like_one() -> None:
    parameter = template()["Parameters"]["NotifyWebhook"]
    assert parameter["NoEcho"] is True
    assert [bool(re.fullmatch(parameter["AllowedPattern"], one)) for one in ("", "https://a/b", "a/b")] == [
        True,
        True,
        False,
    ]
