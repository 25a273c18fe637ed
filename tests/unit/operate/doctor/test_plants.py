"""Each planted fault gives its finding and no other: a table of plants, held to every check."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest

from adaptive_batching.operate import variables
from adaptive_batching.operate.doctor import asks
from adaptive_batching.operate.doctor.checks import CHECKS, judged
from adaptive_batching.operate.doctor.facts import (
    ABSENT,
    DENY,
    NEITHER,
    NO_ROLE,
    Bucket,
    Decision,
    Facts,
    Key,
    Network,
    Traffic,
    Unknown,
    Way,
)
from adaptive_batching.operate.doctor.finding import CANNOT_SAY, ERROR, OK, WARNING
from adaptive_batching.operate.doctor.report import Report, as_json, lines
from tests.unit.operate.doctor.healthy import (
    ACCOUNT,
    FUNCTION,
    GIVEN,
    HEALTHY,
    HOUR,
    KEY,
    NAME,
    NOW,
    PREFIX,
    REGION,
    ROLE,
    deciding,
    policy,
    with_bucket,
    with_function,
    with_layer,
    with_variables,
)

NOBODY = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"}
WRITE_ONCE = policy(
    {
        **NOBODY,
        "Sid": "WriteOnce",
        "Action": "s3:PutObject",
        "Condition": {"Null": {"s3:if-none-match": "true"}, "Bool": {"s3:ObjectCreationOperation": "true"}},
    }
)
NOT_THERE = Unknown("there is no bucket my-logs", mend="see bucket")
TLS_ONLY = policy({**NOBODY, "Sid": "TlsOnly", "Condition": {"Bool": {"aws:SecureTransport": "false"}}})
NEEDS_SSE = policy(
    {
        **NOBODY,
        "Sid": "NeedsAES",
        "Action": "s3:PutObject",
        "Condition": {"StringNotEquals": {"s3:x-amz-server-side-encryption": "AES256"}},
    }
)
LETS_ROLE = policy(
    {"Sid": "Logs", "Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "s3:PutObject", "Resource": "*"}
)
FROM_VPC = policy({**NOBODY, "Sid": "FromVpc", "Condition": {"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}})


def network(*ways: tuple[bool, str], interface: bool = False) -> Network:
    return Network("vpc-1", tuple(Way(f"subnet-{n}", *way) for n, way in enumerate(ways)), interface)


CIRCUIT = '{"extension":"adaptive-batching-extension","level":"error","message":"circuit opened","why":"403"}'
SPOKE = (CIRCUIT.replace("error", "info"),)


def heard(text: str) -> Facts:
    return replace(HEALTHY, lines=(text,))


def foreign(**changed: Any) -> Facts:  # noqa: ANN401 - fields of a bucket
    """A bucket of another account, whose policy lets the role in and which has S3's own encryption."""
    facts = with_variables(KMS_KEY_ID=None)
    return replace(with_bucket(facts, **{"is_own": False, "policy": LETS_ROLE, **changed}), key=None)


#: What is planted -> the facts, and what the checks find beside ok.
PLANTS: dict[str, tuple[Facts, dict[str, str]]] = {
    "nothing": (HEALTHY, {}),
    "an unknown name": (
        with_function(variables=variables.read({**GIVEN, f"{PREFIX}S3_BUKET_OWNER": "1"}, NAME, REGION)),
        {"settings": WARNING},
    ),
    "a bad number": (with_variables(SHIP_RATE_BYTES="many"), {"settings": WARNING}),
    "a bad pattern to redact": (with_variables(REDACT_PATTERN="("), {"settings": ERROR}),
    "an ARN for the bucket's name": (with_variables(S3_BUCKET="arn:aws:s3:::my-logs"), {"settings": WARNING}),
    "no layer": (with_function(layers=()), {"layer": ERROR}),
    "another layer alone": (with_layer(name="insights", is_extension=False), {"layer": ERROR}),
    "two of ours": (with_function(layers=FUNCTION.layers * 2), {"layer": ERROR}),
    "the other architecture": (with_layer(architectures=("arm64",)), {"layer": ERROR}),
    "a development build": (with_layer(origin="development build: the interpreter of …"), {"layer": WARNING}),
    "no such bucket": (
        with_bucket(exists=False, policy=NOT_THERE), {"bucket": ERROR, "put": CANNOT_SAY, "write once": CANNOT_SAY},
    ),
    "no such bucket, conditional writes and no key": (
        replace(
            with_bucket(
                with_variables(CONDITIONAL_WRITE="on", KMS_KEY_ID=None), exists=False, policy=NOT_THERE, key=NOT_THERE
            ),
            key=NOT_THERE,
        ),
        {"bucket": ERROR, "put": CANNOT_SAY, "write once": CANNOT_SAY, "kms": CANNOT_SAY},
    ),
    "no such bucket, and a role that is denied": (
        deciding(asks.PUT, Decision(DENY, "policy guard"), with_bucket(exists=False, policy=NOT_THERE)),
        {"bucket": ERROR, "put": ERROR, "write once": CANNOT_SAY},
    ),
    "a bucket elsewhere": (
        replace(with_bucket(with_variables(KMS_KEY_ID=None), region="us-east-1"), key=None), {"bucket": ERROR},
    ),
    "a bucket elsewhere than its key": (with_bucket(region="us-east-1"), {"bucket": ERROR, "kms": ERROR}),
    "another's bucket, that lets in": (foreign(), {"bucket": WARNING}),
    "another's bucket, owner expected": (
        with_variables(foreign(), S3_BUCKET_OWNER="111122223333", KMS_KEY_ID=None),
        {"bucket": ERROR},
    ),
    "another's bucket, that does not let in": (foreign(policy=TLS_ONLY), {"bucket": WARNING, "put": ERROR}),
    "nobody lets the role put": (deciding(asks.PUT, Decision(NEITHER)), {"put": ERROR}),
    "the role is denied": (deciding(asks.PUT, Decision(DENY, "policy guard")), {"put": ERROR}),
    "the bucket denies": (with_bucket(policy=policy({**NOBODY, "Sid": "Closed"})), {"put": ERROR}),
    "the bucket wants an encryption": (with_bucket(policy=NEEDS_SSE), {"put": ERROR}),
    "tags without permission": (
        deciding(asks.TAG, Decision(NEITHER), with_variables(TAGS="team=payments")), {"put": ERROR},
    ),
    "the bucket alone lets in": (deciding(asks.PUT, Decision(NEITHER), with_bucket(policy=LETS_ROLE)), {}),
    "the bucket wants TLS": (with_bucket(policy=TLS_ONLY), {}),
    "the bucket wants what is not known": (with_bucket(policy=FROM_VPC), {"put": CANNOT_SAY}),
    "a key without permission": (deciding(asks.ENCRYPT, Decision(NEITHER)), {"kms": ERROR}),
    "a key whose policy is silent": (replace(HEALTHY, key=Key(KEY, policy=policy())), {"kms": ERROR}),
    "a key whose policy denies": (
        replace(HEALTHY, key=Key(KEY, policy=policy({**NOBODY, "Action": "kms:*"}))), {"kms": ERROR},
    ),
    **{
        f"a key that is {state}": (replace(HEALTHY, key=Key(KEY, state)), {"kms": ERROR})
        for state in ("Disabled", "PendingDeletion", "PendingImport", "Unavailable", "Creating", "a new one", ABSENT)
    },
    "a key that signs": (replace(HEALTHY, key=Key(KEY, spec="RSA_2048")), {"kms": ERROR}),
    "a role that is not there": (
        replace(HEALTHY, role_allows=dict.fromkeys(HEALTHY.role_allows, Decision(NO_ROLE, ROLE))),
        {"put": ERROR, "kms": ERROR, "CloudWatch": CANNOT_SAY, "heard": CANNOT_SAY},
    ),
    "a version of the layer that was deleted": (with_layer(is_deleted=True), {"layer": WARNING}),
    "a bucket that wants If-None-Match": (with_bucket(policy=WRITE_ONCE), {"write once": ERROR}),
    "the same, with conditional writes": (with_bucket(with_variables(CONDITIONAL_WRITE="on"), policy=WRITE_ONCE), {}),
    "a subnet without a way": (replace(HEALTHY, network=network((True, ""), (False, ""))), {"network": ERROR}),
    "an internet gateway": (replace(HEALTHY, network=network((False, "igw-1"))), {"network": ERROR}),
    "a gateway endpoint and a bucket elsewhere": (
        replace(
            with_variables(with_bucket(region="us-east-1"), S3_REGION="us-east-1", KMS_KEY_ID=None),
            network=network((True, "")),
            key=None,
        ),
        {"network": ERROR},
    ),
    "a gateway endpoint, a NAT gateway": (replace(HEALTHY, network=network((True, ""), (False, "nat-1"))), {}),
    "an interface endpoint": (replace(HEALTHY, network=network((False, ""), interface=True)), {}),
    "a transit gateway": (replace(HEALTHY, network=network((False, "tgw-1"))), {"network": CANNOT_SAY}),
    "a short timeout": (with_function(timeout=2), {"limits": WARNING}),
    "little memory": (with_function(memory=128), {"limits": WARNING}),
    "CloudWatch paid too": (replace(HEALTHY, metric_filters=()), {"CloudWatch": WARNING}),
    "CloudWatch denied and needed": (
        deciding(asks.LOG, Decision(DENY, "policy x")), {"CloudWatch": WARNING, "heard": CANNOT_SAY},
    ),
    "CloudWatch denied": (
        deciding(asks.LOG, Decision(DENY, "policy x"), replace(HEALTHY, metric_filters=())), {"heard": CANNOT_SAY},
    ),
    "an error of the extension": (heard(CIRCUIT), {"heard": ERROR}),
    "brackets without end": (
        heard('2026 adaptive-batching-extension {"a":' + "[" * 90_000), {},
    ),
    "a warning of the extension": (heard(CIRCUIT.replace('"error"', '"warning"')), {"heard": WARNING}),
    "what the extension says without harm": (heard(CIRCUIT.replace('"error"', '"info"')), {}),
    "what the function says": (heard('{"level":"error","message":"adaptive-batching-extension"}'), {}),
    "a layer of the other architecture, heard": (heard("/opt/extensions/x: exec format error"), {"heard": ERROR}),
    "nothing arrives": (
        replace(HEALTHY, traffic=Traffic(120, NOW - 2 * HOUR, NOW)), {"flowing": ERROR},
    ),
    "nothing ever arrived": (replace(HEALTHY, traffic=Traffic(1, None, NOW)), {"flowing": ERROR}),
    "few wait in a frozen environment": (
        replace(HEALTHY, traffic=Traffic(3, NOW - 2 * HOUR, NOW)), {"flowing": CANNOT_SAY},
    ),
    "not invoked": (replace(HEALTHY, traffic=Traffic(0, None, NOW)), {"flowing": CANNOT_SAY}),
}  # fmt: skip


@pytest.mark.parametrize("plant", PLANTS)
def test_a_planted_fault_gives_its_finding_and_no_other(plant: str) -> None:
    facts, wanted = PLANTS[plant]
    found = {name: [one.status for one in findings] for name, findings in judged(facts).items()}
    assert {name: statuses for name, statuses in found.items() if statuses != [OK]} == {
        name: [status] for name, status in wanted.items()
    }


def test_every_check_has_a_plant() -> None:
    found = {name for _, wanted in PLANTS.values() for name, status in wanted.items() if status in (WARNING, ERROR)}
    assert set(CHECKS) == found


@pytest.mark.parametrize("plant", PLANTS)
def test_what_is_wrong_can_be_mended(plant: str) -> None:
    for findings in judged(PLANTS[plant][0]).values():
        for one in findings:
            assert one.read
            assert bool(one.mend) == (one.status in (WARNING, ERROR)) or one.status == CANNOT_SAY


def denied(action: str) -> Unknown:
    return Unknown(f"these credentials need {action}", action)


#: A fact that could not be read -> the checks that cannot say anything then.
UNREAD: dict[str, tuple[Facts, set[str]]] = {
    "s3:ListBucket": (
        with_bucket(exists=denied("s3:ListBucket"), is_own=denied("s3:ListBucket")), {"bucket", "put"},
    ),
    "s3:GetBucketPolicy": (with_bucket(policy=denied("s3:GetBucketPolicy")), {"put", "write once"}),
    "lambda:GetLayerVersion": (with_layer(architectures=denied("lambda:GetLayerVersion")), {"layer"}),
    "iam:SimulatePrincipalPolicy": (
        replace(HEALTHY, role_allows=dict.fromkeys(HEALTHY.role_allows, denied("iam:SimulatePrincipalPolicy"))),
        {"put", "kms", "CloudWatch"},
    ),
    "kms:GetKeyPolicy": (replace(HEALTHY, key=Key(KEY, policy=denied("kms:GetKeyPolicy"))), {"kms"}),
    "kms:DescribeKey": (replace(HEALTHY, key=denied("kms:DescribeKey")), {"kms"}),
    "ec2:DescribeRouteTables": (replace(HEALTHY, network=denied("ec2:DescribeRouteTables")), {"network"}),
    "logs:DescribeMetricFilters": (
        replace(HEALTHY, metric_filters=denied("logs:DescribeMetricFilters")), {"CloudWatch"},
    ),
    "logs:DescribeMetricFilters, where nothing may be written": (
        replace(
            deciding(asks.LOG, Decision(DENY)), metric_filters=denied("logs:DescribeMetricFilters"), lines=SPOKE
        ),
        {"CloudWatch"},
    ),
    "cloudwatch:GetMetricStatistics": (
        replace(HEALTHY, traffic=Traffic(denied("cloudwatch:GetMetricStatistics"), NOW, NOW)), {"flowing"},
    ),
    "logs:FilterLogEvents": (replace(HEALTHY, lines=denied("logs:FilterLogEvents")), {"heard"}),
}  # fmt: skip


@pytest.mark.parametrize("action", UNREAD)
def test_without_a_permission_its_checks_cannot_say_and_name_it_and_all_others_judge(action: str) -> None:
    facts, silent = UNREAD[action]
    found = judged(facts)
    assert {name for name, findings in found.items() if [one.status for one in findings] != [OK]} == silent
    for name in silent:
        assert {one.status for one in found[name]} == {CANNOT_SAY}
        assert action.partition(",")[0] in found[name][0].mend


def test_a_fault_is_found_although_the_other_side_cannot_be_read() -> None:
    """No judgement hides another's, and an explicit Deny is one whatever else is not known."""
    unread = denied("iam:SimulatePrincipalPolicy")
    closed = with_bucket(deciding(asks.PUT, unread), policy=policy({**NOBODY, "Sid": "Closed"}))
    assert judged(closed)["put"][0].status == ERROR
    guarded = with_bucket(deciding(asks.PUT, Decision(DENY, "policy guard")), policy=denied("s3:GetBucketPolicy"))
    assert judged(guarded)["put"][0].status == ERROR


def test_without_a_bucket_the_setting_alone_is_an_error() -> None:
    found = judged(replace(with_variables(S3_BUCKET=None), bucket=Unknown("no bucket is set")))
    assert [name for name, findings in found.items() if findings[0].status == ERROR] == ["settings"]


def test_a_container_image_has_no_layers_to_look_at() -> None:
    (found,) = judged(with_function(image=True, layers=()))["layer"]
    assert (found.status, "--invoke" in found.mend) == (CANNOT_SAY, True)


def test_another_store_is_not_judged_by_the_rules_of_aws() -> None:
    given = {**GIVEN, "AWS_ENDPOINT_URL_S3": "http://minio:9000"}
    found = judged(with_function(variables=variables.read(given, NAME, REGION)))
    assert [found[name][0].status for name in ("put", "kms")] == [CANNOT_SAY, CANNOT_SAY]


@pytest.mark.parametrize("bucket", [Bucket(), Unknown("not read")])
def test_aws_own_key_takes_no_permission(bucket: Bucket | Unknown) -> None:
    facts = replace(HEALTHY, key=Key("alias/aws/s3", is_aws_own=True), bucket=bucket)
    assert judged(facts)["kms"][0].status == OK


def test_aws_own_key_is_of_no_use_across_accounts() -> None:
    assert judged(replace(foreign(), key=Key("alias/aws/s3", is_aws_own=True)))["kms"][0].status == ERROR


EVIL = "\x1b[31m\x07\n\u202e"


def spoilt(value: Any, *, keep: tuple[str, ...] = ("effect", "variables", "role_allows")) -> Any:  # noqa: ANN401 - facts
    """Return facts in all of whose texts there are control characters, but for words that the checks go by."""
    if isinstance(value, str):
        return f"{value[:4]}{EVIL}{value[4:]}"
    if isinstance(value, (tuple, list)):
        return type(value)(map(spoilt, value))
    if isinstance(value, dict):
        return {name: spoilt(one) for name, one in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        changed = {one.name: spoilt(getattr(value, one.name)) for one in fields(value) if one.name not in keep}
        return replace(value, **changed)
    return value


@pytest.mark.parametrize("plant", PLANTS)
def test_no_control_character_of_what_was_read_reaches_a_terminal(plant: str) -> None:
    facts = spoilt(PLANTS[plant][0])
    given = {**GIVEN, f"{PREFIX}{EVIL}": "x", f"{PREFIX}PORT": EVIL, f"{PREFIX}S3_PREFIX": EVIL}
    facts = with_function(facts, variables=variables.read(given, facts.function.name, REGION))
    facts = replace(facts, role_allows={name: spoilt(one) for name, one in facts.role_allows.items()})
    found = Report(f"orders{EVIL}", judged(facts))
    shown = list(lines(found, 80, lambda text, _style: text))
    assert [line for line in shown if not line.isprintable()] == []
    assert r"\x1b[31m\x07\n\u202e" in "".join(shown)
    assert json.dumps(as_json([found])).isprintable()


IN_JSON = CIRCUIT.replace("circuit opened", json.dumps(EVIL)[1:-1])


@pytest.mark.parametrize("text", [f"exec format error {EVIL}", IN_JSON])
def test_nor_one_of_a_line_of_the_log(text: str) -> None:
    found = Report("orders", {"heard": judged(heard(text))["heard"]})
    assert found.count(ERROR) == 1
    assert all(line.isprintable() for line in lines(found, 80, lambda text, _style: text))


@pytest.mark.parametrize(("account", "told"), [(ACCOUNT, ""), ("999999999999", " of 999999999999")])
def test_a_layer_is_told_by_its_name_and_by_its_account_if_that_is_another(account: str, told: str) -> None:
    name = "adaptive-batching-extension-x86_64:7"
    facts = with_layer(name=f"arn:aws:lambda:eu-west-1:{account}:layer:{name}")
    assert judged(facts)["layer"][0].read == f"{name}{told}, for x86_64"
