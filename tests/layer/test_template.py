import re
import subprocess

import pytest

from tests.layer.conftest import ROOT
from tests.layer.template import defaults, policy_of_function, template, variables_of_function

NAME = "adaptive-batching-extension-demo-function"


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
@pytest.mark.parametrize(
    ("resource", "suffix"), [("DemoFunction", ""), ("ExperimentFunction", "-experiment"), ("AsyncFunction", "-async")]
)
def test_a_function_may_put_below_the_first_folder_of_its_prefix_and_nothing_else(
    prefix: str, keys: str, resource: str, suffix: str
) -> None:
    assert re.fullmatch(template()["Parameters"]["S3Prefix"]["AllowedPattern"], prefix)
    policy = policy_of_function("logs-of-mine", "111122223333", resource, S3Prefix=prefix)
    keys = keys.replace(NAME, NAME + suffix)
    assert policy["Statement"] == [
        {
            "Sid": "ShipLogs",
            "Effect": "Allow",
            "Action": "s3:PutObject",
            "Resource": f"arn:aws:s3:::logs-of-mine/{keys}",
            "Condition": {"StringEquals": {"s3:ResourceAccount": "111122223333"}},
        }
    ]


@pytest.mark.parametrize(
    "prefix", ["{date}/{function}/", "year={date}/", "logs", "{function}-{hour}/", "/logs/", "{function}{function}/"]
)
def test_a_prefix_whose_first_folder_no_policy_can_name_is_refused(prefix: str) -> None:
    assert not re.fullmatch(template()["Parameters"]["S3Prefix"]["AllowedPattern"], prefix)


def test_the_recommended_settings() -> None:
    values = defaults()
    names = ("Mode", "MaxDelayMilliseconds", "Compression", "LogsExpireAfterDays")
    assert [values[name] for name in names] == ["adaptive", "60000", "gzip", "30"]


@pytest.mark.parametrize("resource", ["DemoFunction", "ExperimentFunction"])
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


def test_the_bucket_is_encrypted_private_owner_enforced_and_retained() -> None:
    bucket = template()["Resources"]["LogBucket"]
    properties = bucket["Properties"]
    assert (bucket["DeletionPolicy"], bucket["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    assert properties["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert properties["LifecycleConfiguration"]["Rules"][0]["ExpirationInDays"] == {"Ref": "LogsExpireAfterDays"}


def test_whatever_does_not_use_tls_is_denied() -> None:
    (statement,) = template()["Resources"]["LogBucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_the_names_of_the_sample_are_kept_and_everything_one_needs_is_an_output() -> None:
    whole = template()
    assert defaults()["FunctionName"] == NAME
    assert set(whole["Outputs"]) == {"Bucket", "Function", "Experiment", "AsyncExample", "Layer", "InvokeCommand"}
    settings = ROOT / "samconfig.toml"
    assert 'stack_name = "adaptive-batching-extension"' in settings.read_text(encoding="utf-8")


def test_the_experiment_runs_as_the_demonstration_does_and_is_not_retried() -> None:
    demo, experiment = (template()["Resources"][name]["Properties"] for name in ("DemoFunction", "ExperimentFunction"))
    for name in ("Layers", "Environment", "Runtime", "Architectures"):
        assert experiment[name] == demo[name]
    assert experiment["EventInvokeConfig"] == {"MaximumRetryAttempts": 0}
    assert (experiment["CodeUri"], experiment["Handler"], experiment["Timeout"]) == (
        "functions/experiment",
        "app.handler",
        10,
    )


def test_cfn_lint_finds_nothing() -> None:
    command = [str(ROOT / ".venv" / "bin" / "cfn-lint"), "template.yaml"]
    found = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")
