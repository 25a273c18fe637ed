import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from adaptive_batching.operate.cloudwatch.denial import denial
from notifier.bucket import Bucket
from tests.layer.conftest import ROOT
from tests.template.template import (
    defaults,
    policy_of_function,
    policy_of_role,
    resolved,
    template,
    translated,
    variables_of_function,
)

KEY = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
#: Parameter -> the variable that it becomes, and a value; each is passed only if it is given.
OPTIONS = {
    "Sse": ("SSE", "AES256"),
    "KmsKeyArn": ("KMS_KEY_ID", KEY),
    "Tags": ("TAGS", "team=payments&stage=prod"),
    "Exclude": ("EXCLUDE", "^healthcheck"),
    "Include": ("INCLUDE", "order"),
    "MinLevel": ("MIN_LEVEL", "WARN"),
    "Redact": ("REDACT", "email,card"),
    "RedactPattern": ("REDACT_PATTERN", "secret=[a-z]+"),
}
NAME = "adaptive-batching-extension-demo-function"
#: Function -> its name.
ROLES = {
    "DemoFunction": NAME,
    "ExperimentFunction": f"{NAME}-experiment",
    "AsyncFunction": f"{NAME}-async",
    "SubmitFunction": "conference-submit",
    "SaveFunction": "conference-save",
    "NotifyFunction": "conference-notify",
}
#: What a role may do beside shipping, as actions on resources.
BESIDE = {
    "SubmitFunction": {
        "QueueSessions": ("sqs:SendMessage", ["ConferenceQueue.Arn"]),
        "ListSessions": ("dynamodb:Scan", ["ConferenceCacheTable.Arn"]),
    },
    "SaveFunction": {"SaveSessions": ("dynamodb:PutItem", ["ConferenceTable.Arn", "ConferenceCacheTable.Arn"])},
}


@pytest.mark.parametrize(
    ("prefix", "keys"),
    [
        ("function={function}/date={date}/hour={hour}/", f"function={NAME}/*"),
        ("logs/", "logs/*"),
        ("logs/{function}/{date}/", "logs/*"),
        ("{function}/", f"{NAME}/*"),
        ("team-{function}-logs/{date}/", f"team-{NAME}-logs/*"),
        ("", f"{NAME}-*"),
    ],
)
@pytest.mark.parametrize(("resource", "name"), ROLES.items())
def test_a_function_may_put_below_the_first_folder_of_its_prefix_and_nothing_else(
    prefix: str, keys: str, resource: str, name: str
) -> None:
    assert re.fullmatch(template()["Parameters"]["S3Prefix"]["AllowedPattern"], prefix)
    policy = policy_of_function("logs-of-mine", "111122223333", resource, S3Prefix=prefix)
    keys = keys.replace(NAME, name)
    assert shipping(policy) == [
        {
            "Sid": "ShipLogs",
            "Effect": "Allow",
            "Action": "s3:PutObject",
            "Resource": f"arn:aws:s3:::logs-of-mine/{keys}",
            "Condition": {"StringEquals": {"s3:ResourceAccount": "111122223333"}},
        }
    ]


def shipping(policy: dict[str, Any]) -> list[dict[str, Any]]:
    """The statements on the logs."""
    return [one for one in policy["Statement"] if one["Sid"] in ("ShipLogs", "EncryptLogs")]


@pytest.mark.parametrize("resource", ROLES)
def test_beside_its_logs_a_function_may_make_the_calls_that_it_makes(resource: str) -> None:
    statements = policy_of_function("logs-of-mine", "111122223333", resource)["Statement"]
    found = {one["Sid"]: (one["Action"], as_list(one["Resource"])) for one in statements if one["Effect"] == "Allow"}
    del found["ShipLogs"]
    assert found == BESIDE.get(resource, {})


def as_list(value: Any) -> list[Any]:  # noqa: ANN401 - any JSON
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize(
    "prefix", ["{date}/{function}/", "year={date}/", "logs", "{function}-{hour}/", "/logs/", "{function}{function}/"]
)
def test_a_prefix_whose_first_folder_no_policy_can_name_is_refused(prefix: str) -> None:
    assert not re.fullmatch(template()["Parameters"]["S3Prefix"]["AllowedPattern"], prefix)


def test_the_recommended_settings() -> None:
    values = defaults()
    names = ("Mode", "MaxDelayMilliseconds", "Compression", "LogsExpireAfterDays")
    assert [values[name] for name in names] == ["adaptive", "60000", "gzip", "30"]


@pytest.mark.parametrize("resource", ROLES)
@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, {"MODE": "adaptive", "MAX_DELAY_MILLISECONDS": "60000"}),
        ({"Mode": "thresholds"}, {"MODE": "thresholds"}),
        (
            {"ShipRateBytes": "1", "ShipRateInvokes": "2", "ShipRateMilliseconds": "3", "MaxDelayMilliseconds": "5000"},
            {
                "MODE": "adaptive",
                "MAX_DELAY_MILLISECONDS": "5000",
                "SHIP_RATE_BYTES": "1",
                "SHIP_RATE_INVOKES": "2",
                "SHIP_RATE_MILLISECONDS": "3",
            },
        ),
    ],
)
def test_a_threshold_is_passed_only_if_it_is_given_and_max_delay_only_in_mode_adaptive(
    resource: str, parameters: dict[str, str], expected: dict[str, str]
) -> None:
    found = variables_of_function(resource, **parameters)
    about = ("MODE", "MAX_DELAY_MILLISECONDS", "SHIP_RATE_BYTES", "SHIP_RATE_INVOKES", "SHIP_RATE_MILLISECONDS")
    prefix = "ADAPTIVE_BATCHING_EXTENSION_"
    assert {name: found[prefix + name] for name in about if prefix + name in found} == expected


def granted(name: str, *actions: str) -> dict[str, object]:
    """The statement on the objects."""
    return {
        "Sid": "ShipLogs",
        "Effect": "Allow",
        "Action": actions[0] if len(actions) == 1 else list(actions),
        "Resource": f"arn:aws:s3:::logs-of-mine/function={name}/*",
        "Condition": {"StringEquals": {"s3:ResourceAccount": "111122223333"}},
    }


USE_OF_THE_KEY = {
    "Sid": "EncryptLogs",
    "Effect": "Allow",
    "Action": "kms:GenerateDataKey",
    "Resource": KEY,
    "Condition": {"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}},
}
BOTH = ("s3:PutObject", "s3:PutObjectTagging")


@pytest.mark.parametrize("resource", ROLES)
@pytest.mark.parametrize(
    ("parameters", "actions", "more"),
    [
        ({}, BOTH[:1], []),
        *[({name: value}, BOTH[:1], []) for name, (_, value) in OPTIONS.items() if name not in ("Tags", "KmsKeyArn")],
        ({"Sse": "aws:kms"}, BOTH[:1], []),
        ({"Tags": "a=b"}, BOTH, []),
        ({"KmsKeyArn": KEY}, BOTH[:1], [USE_OF_THE_KEY]),
        ({name: value for name, (_, value) in OPTIONS.items()}, BOTH, [USE_OF_THE_KEY]),
    ],
)
def test_a_role_gets_what_the_options_need_and_nothing_else_before_and_after_sams_translation(
    resource: str, parameters: dict[str, str], actions: tuple[str, ...], more: list[dict[str, object]]
) -> None:
    expected = [granted(ROLES[resource], *actions), *more]
    about = ("logs-of-mine", "111122223333")
    assert shipping(policy_of_function(*about, resource, **parameters)) == expected
    assert shipping(policy_of_role(f"{resource}Role", *about, **parameters)) == expected


@pytest.mark.parametrize("resource", ROLES)
@pytest.mark.parametrize("given", [[], *[[name] for name in OPTIONS], list(OPTIONS)])
def test_an_option_is_passed_only_if_it_is_given_and_the_default_stack_has_the_variables_that_it_always_had(
    resource: str, given: list[str]
) -> None:
    found = variables_of_function(resource, **{name: OPTIONS[name][1] for name in given})
    prefix = "ADAPTIVE_BATCHING_EXTENSION_"
    assert found == {
        prefix + "S3_BUCKET": "a-bucket",
        prefix + "S3_BUCKET_OWNER": "1",
        prefix + "S3_PREFIX": "function={function}/date={date}/hour={hour}/",
        prefix + "MODE": "adaptive",
        prefix + "MAX_DELAY_MILLISECONDS": "60000",
        prefix + "LOG_TYPES": '["platform","function"]',
        prefix + "COMPRESSION": "gzip",
        **{prefix + OPTIONS[name][0]: OPTIONS[name][1] for name in given},
    }


@pytest.mark.parametrize(
    ("parameter", "good", "bad"),
    [
        ("KmsKeyArn", [KEY, KEY.replace("aws", "aws-us-gov"), ""], ["alias/logs", KEY.replace("key/", "alias/")]),
        ("Tags", ["", "a=b", "&".join(f"k{n}=v" for n in range(10))], ["a", "a=b&", "&".join(["a=b"] * 11)]),
        ("Redact", ["", "email", "aws-keys,card,ipv4"], ["emails", "email,", "email card"]),
    ],
)
def test_a_parameter_that_can_not_be_is_refused_before_anything_is_deployed(
    parameter: str, good: list[str], bad: list[str]
) -> None:
    pattern = template()["Parameters"][parameter]["AllowedPattern"]
    assert [value for value in good if not re.fullmatch(pattern, value)] == []
    assert [value for value in bad if re.fullmatch(pattern, value)] == []


@pytest.mark.parametrize("resource", ROLES)
@pytest.mark.parametrize("given", ["false", "true"])
@pytest.mark.parametrize("monitoring", ["off", "on"])
def test_cloudwatch_is_denied_only_if_asked_for_as_the_command_does_it_and_never_to_the_experiment(
    resource: str, given: str, monitoring: str
) -> None:
    own = {"DisableCloudWatchLogs": given, "Monitoring": monitoring}
    about = {**own, "AWS::Partition": "aws", "AWS::StackName": "mine"}
    policy = policy_of_function("logs-of-mine", "111122223333", resource, **about)
    found = [one for one in policy["Statement"] if one["Effect"] == "Deny"]
    name = ROLES[resource]
    folder = "/mine" if monitoring == "on" and resource == "DemoFunction" else "/aws/lambda"
    wanted = denial(f"arn:aws:lambda:eu-west-1:111122223333:function:{name}", f"{folder}/{name}")["Statement"]
    assert found == (wanted if given == "true" and resource != "ExperimentFunction" else [])
    translated_policy = policy_of_role(f"{resource}Role", "logs-of-mine", "111122223333", **about)
    assert [one for one in translated_policy["Statement"] if one["Effect"] == "Deny"] == found


def test_the_bucket_is_encrypted_private_owner_enforced_and_retained() -> None:
    bucket = template()["Resources"]["LogBucket"]
    properties = bucket["Properties"]
    assert (bucket["DeletionPolicy"], bucket["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    assert properties["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]


@pytest.mark.parametrize("days", ["1", "30", "365"])
def test_logs_expire_when_the_parameter_says_and_what_was_told_after_its_message(days: str) -> None:
    """Of several rules for an object, S3 goes by the earliest."""
    resources = template()["Resources"]
    rules = resolved(resources["LogBucket"]["Properties"]["LifecycleConfiguration"]["Rules"], LogsExpireAfterDays=days)

    def expires(key: str, size: int) -> int:
        return min(
            int(one["ExpirationInDays"])
            for one in rules
            if "ExpirationInDays" in one
            and key.startswith(one.get("Prefix", ""))
            and size > int(one.get("ObjectSizeGreaterThan", -1))
        )

    marked: list[dict[str, Any]] = []

    class Client:
        def put_object(self, **given: Any) -> None:  # noqa: ANN401 - boto3's
            marked.append(given)

    Bucket(Client(), "logs", "", {}).mark("m-1")
    queues = [one["Properties"] for one in resources.values() if one["Type"] == "AWS::SQS::Queue"]
    longest = max(int(one["MessageRetentionPeriod"]) for one in queues) / 86_400
    assert expires(marked[0]["Key"], len(marked[0]["Body"])) >= longest + 1
    assert expires("function=f/date=2026-11-20/hour=17/f-1.log", 2) == int(days)
    (abort,) = [one for one in rules if "AbortIncompleteMultipartUpload" in one]
    assert set(abort) == {"Id", "Status", "AbortIncompleteMultipartUpload"}  # S3 takes no other filter beside it


def test_whatever_does_not_use_tls_is_denied() -> None:
    (statement,) = template()["Resources"]["LogBucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_the_names_of_the_sample_are_kept_and_everything_one_needs_is_an_output() -> None:
    whole = template()
    assert defaults()["FunctionName"] == NAME
    assert set(whole["Outputs"]) == {
        *("Bucket", "Function", "Experiment", "AsyncExample", "ConferenceUrl", "Layer", "InvokeCommand"),
        *("AlarmTopic", "LogReaderPolicy", "Notifier"),
    }
    settings = ROOT / "samconfig.toml"
    assert 'stack_name = "adaptive-batching-extension"' in settings.read_text(encoding="utf-8")


def test_the_experiment_runs_as_the_demonstration_does_and_is_not_retried() -> None:
    demo, experiment = (template()["Resources"][name]["Properties"] for name in ("DemoFunction", "ExperimentFunction"))
    for name in ("Layers", "Runtime", "Architectures"):
        assert experiment[name] == demo[name]
    assert "Environment" not in {**experiment, **demo}  # that of Globals is theirs
    assert experiment["EventInvokeConfig"] == {"MaximumRetryAttempts": 0}
    assert (experiment["CodeUri"], experiment["Handler"], experiment["Timeout"]) == (
        "functions/experiment",
        "app.handler",
        10,
    )


def test_the_default_stack_is_what_it_always_was() -> None:
    always = {name for name, one in translated()["Resources"].items() if "Condition" not in one}
    (layer,) = {name for name in always if name.startswith("AdaptiveBatchingLayer")}
    functions = {"DemoFunction", "DemoFunctionRole", "ExperimentFunction", "ExperimentFunctionRole"}
    assert always == functions | {"ExperimentFunctionEventInvokeConfig", "LogBucket", "LogBucketPolicy", layer}
    assert [defaults()[name] for name in ("AsyncExample", "Conference", "DisableCloudWatchLogs", "Monitoring")] == [
        "false",
        "false",
        "false",
        "off",
    ]


def test_a_message_stays_hidden_for_six_times_as_long_as_its_function_may_work_on_it() -> None:
    resources = template()["Resources"]
    functions = [one["Properties"] for one in resources.values() if one["Type"] == "AWS::Serverless::Function"]
    sources = [(one["Timeout"], event) for one in functions for event in one.get("Events", {}).values()]
    queues = [(seconds, event["Properties"]["Queue"]) for seconds, event in sources if event["Type"] == "SQS"]
    assert queues
    for seconds, queue in queues:
        (logical_id, _) = queue["Fn::GetAtt"]
        assert resources[logical_id]["Properties"]["VisibilityTimeout"] == 6 * seconds


def lint(file: str, *options: str) -> tuple[int, str, str]:
    command = [str(ROOT / ".venv" / "bin" / "cfn-lint"), *options, file]
    found = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=120)
    return found.returncode, found.stdout, found.stderr


def test_cfn_lint_finds_nothing() -> None:
    assert lint("template.yaml") == (0, "", "")


def test_cfn_lint_finds_nothing_in_what_sam_makes_of_it_either(tmp_path: Path) -> None:
    file = tmp_path / "translated.json"
    file.write_text(json.dumps(translated()))
    # SAM leaves parameters that its own resources alone use (W2001), and conditions around what has them (W1028).
    assert lint(str(file), "--ignore-checks", "W2001", "W1028", "--") == (0, "", "")
