"""`cloudwatch off` and `on` against moto's Lambda, IAM, S3 and CloudWatch; what they deny, asked with requests."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from adaptive_batching.cli import main
from adaptive_batching.operate.cloudwatch.denial import denial
from adaptive_batching.operate.doctor.checks.known import NONE_SET
from tests.edge.operate.attaching import zipped
from tests.edge.sandbox.world import ROOT
from tests.fakes.aws.between import Asked, Between, refusal
from tests.fakes.aws.between import denial as denied
from tests.fakes.aws.evaluator import Request, allowed
from tests.fakes.network.ports import free_port

if TYPE_CHECKING:
    from tests.fakes.s3 import Moto

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:orders"
POLICY = "adaptive-batching-no-cloudwatch-eu-west-1-orders"
VARIABLES = {"ADAPTIVE_BATCHING_EXTENSION_S3_BUCKET": "logs-of-a-test"}
LAYER = "adaptive-batching-extension-x86_64"
ALLOWS = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
UNIQUE = "01234567-89ab-4cde-8f01-23456789abcd"


class World:
    """Two functions with one role, and objects of the first if `ship` was called."""

    def __init__(self, server: Moto, front: Between) -> None:
        self.server, self.front = server, front
        self.iam = server.client("iam")
        role = self.iam.create_role(RoleName="shared", Path="/teams/", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        aws = server.client("lambda")
        layer = aws.publish_layer_version(LayerName=LAYER, Content={"ZipFile": zipped("x")})["LayerVersionArn"]
        for name in ("orders", "mail"):
            aws.create_function(
                FunctionName=name,
                Role=role,
                Runtime="python3.13",
                Handler="a.b",
                Layers=[layer],
                Code={"ZipFile": zipped("app.py")},
                Environment={"Variables": VARIABLES},
            )
        where = {"CreateBucketConfiguration": {"LocationConstraint": server.region}}
        server.client().create_bucket(Bucket=server.bucket, **where)
        self.logs = server.client("logs")
        self.logs.create_log_group(logGroupName="/aws/lambda/orders")

    def ship(self, ago: timedelta = timedelta()) -> None:
        at = datetime.now(UTC) - ago
        key = f"function=orders/date={at:%Y-%m-%d}/hour={at:%H}/orders-{int(at.timestamp() * 1000)}-{UNIQUE}.log"
        self.server.client().put_object(Bucket=self.server.bucket, Key=key, Body=b"{}\n")

    def policies(self) -> list[str]:
        return list(self.iam.list_role_policies(RoleName="shared")["PolicyNames"])


@pytest.fixture
def world(emptied: tuple[Moto, Between]) -> World:
    return World(*emptied)


class Ran:
    """What a command line did."""

    def __init__(self, capsys: pytest.CaptureFixture[str], world: World, *words: str) -> None:
        world.front.asked.clear()
        where = ("--endpoint-url", world.front.endpoint, "--region", "eu-west-1")
        self.code = main([*words, "--function", "orders", *where])
        read = capsys.readouterr()
        self.out, self.err = read.out.splitlines(), read.err.splitlines()
        self.changes = world.front.changes


OFF, ON = ("cloudwatch", "off"), ("cloudwatch", "on")


def test_off_denies_this_functions_log_group_and_on_takes_exactly_that_away(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.ship()
    before = world.policies()
    ran = Ran(capsys, world, *OFF)
    assert (ran.code, ran.changes) == (0, ["PutRolePolicy"])
    assert ran.out == ["orders: CloudWatch is off within a minute or two: the role shared is denied /aws/lambda/orders"]
    assert ran.err == [
        "orders: mail: same role, but log groups of their own, which go on",
        (
            "orders: the extension's own lines go nowhere then (LOG_TYPES has no extension); records of type "
            "extension.report stay in the objects"
        ),
    ]
    assert world.policies() == [POLICY]
    held = world.iam.get_role_policy(RoleName="shared", PolicyName=POLICY)["PolicyDocument"]
    assert held == denial(ARN, "/aws/lambda/orders")
    again = Ran(capsys, world, *OFF)
    assert (again.code, again.err, "is off already" in again.out[0], world.policies()) == (0, [], True, [POLICY])
    assert Ran(capsys, world, *ON).changes == ["DeleteRolePolicy"]
    assert world.policies() == before
    again = Ran(capsys, world, *ON)
    assert (again.code, "is not denied by this command" in again.out[0], world.policies()) == (0, True, before)


def test_a_dry_run_changes_nothing(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.ship()
    ran = Ran(capsys, world, *OFF, "--dry-run")
    assert ran.out == ["orders: CloudWatch would be turned off: the role shared is denied /aws/lambda/orders"]
    assert (ran.code, ran.changes, world.policies()) == (0, [], [])
    Ran(capsys, world, *OFF)
    ran = Ran(capsys, world, *ON, "--dry-run")
    assert (ran.code, ran.changes, world.policies()) == (0, [], [POLICY])


def test_it_refuses_unless_objects_arrive(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    ran = Ran(capsys, world, *OFF)
    assert (ran.code, ran.out, ran.changes) == (2, [], [])
    assert ran.err == [
        (
            "cloudwatch off: orders: it is not certain that its logs arrive on S3 (0 invocations in the last hour, no "
            "object in the last 24 h), and then they would be nowhere; "
            "--force turns CloudWatch off all the same"
        )
    ]
    world.ship()
    world.front.answer = lambda asked: denied("AccessDenied", "no") if asked.service == "monitoring" else None
    ran = Ran(capsys, world, *OFF)
    assert (ran.code, ran.changes) == (2, [])  # doctor cannot say, which is not ok
    assert "these credentials need cloudwatch:GetMetricStatistics" in ran.err[0]
    assert Ran(capsys, world, *OFF, "--force").code == 0
    assert world.policies() == [POLICY]


def test_it_refuses_where_nothing_is_shipped(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.ship()
    world.server.client("lambda").update_function_configuration(FunctionName="orders", Environment={"Variables": {}})
    ran = Ran(capsys, world, *OFF)
    assert (ran.code, ran.changes) == (2, [])
    assert f"{NONE_SET.read})" in ran.err[0]


def test_it_names_what_sees_nothing_any_more(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.ship()
    world.logs.put_metric_filter(
        logGroupName="/aws/lambda/orders",
        filterName="logs-lost",
        filterPattern="ERROR",
        metricTransformations=[{"metricName": "Errors", "metricNamespace": "Logs", "metricValue": "1"}],
    )
    ran = Ran(capsys, world, *OFF, "--dry-run")
    assert ran.err[0] == "orders: the metric filter logs-lost sees nothing any more"

    def answer(asked: Asked) -> Any:  # noqa: ANN401 - an Answer
        return refusal(400, "AccessDeniedException") if asked.action == "DescribeSubscriptionFilters" else None

    world.front.answer = answer
    ran = Ran(capsys, world, *OFF, "--dry-run")
    assert "these credentials need logs:DescribeSubscriptionFilters" in ran.err[1]


def test_a_function_whose_logs_would_go_nowhere_is_not_detached(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    Ran(capsys, world, *OFF, "--force")
    ran = Ran(capsys, world, "detach")
    assert (ran.code, ran.changes) == (2, [])
    assert ran.err == [
        (
            "orders: CloudWatch is off for it, so its logs would go nowhere: run `adaptive-batching cloudwatch on "
            "--function orders` first; after that, IAM takes some seconds to show it"
        )
    ]
    Ran(capsys, world, *ON)
    assert Ran(capsys, world, "detach").out[0] == "orders: detached"


GROUP = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/orders"


@pytest.mark.parametrize(
    ("statement", "is_denied"),
    [
        ({"Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], "Resource": "*"}, True),
        ({"Action": "logs:Put*", "Resource": f"{GROUP}:*"}, True),
        ({"Action": "logs:CreateLogStream", "Resource": GROUP}, True),
        ({"NotAction": "s3:*", "Resource": "*"}, True),
        ({"Action": "logs:*", "NotResource": f"{GROUP}:*"}, True),  # the group itself
        ({"Action": "logs:*", "NotResource": f"{GROUP}*"}, False),
        ({"Action": "logs:CreateLogGroup", "Resource": "*"}, False),
        ({"Action": "logs:*", "Resource": f"{GROUP}-other:*"}, False),
        ({"Effect": "Allow", "Action": "*", "Resource": "*"}, False),
        ({"Action": "*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}, False),
    ],
)
def test_whoever_denies_the_log_group_inline_detach_names_the_policy_and_refuses(
    world: World, capsys: pytest.CaptureFixture[str], statement: dict[str, Any], *, is_denied: bool
) -> None:
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", **statement}]}
    world.iam.put_role_policy(RoleName="shared", PolicyName="harmless", PolicyDocument=json.dumps(ALLOWS))
    world.iam.put_role_policy(RoleName="shared", PolicyName="their-own", PolicyDocument=json.dumps(document))
    ran = Ran(capsys, world, "detach")
    if not is_denied:
        assert (ran.code, ran.out[0]) == (0, "orders: detached")
        return
    assert (ran.code, ran.out, ran.changes) == (2, [], [])
    assert ran.err == [
        (
            "orders: its role shared is denied /aws/lambda/orders by its inline policy their-own, so its logs would go "
            "nowhere: remove that denial first; --force detaches all the same"
        )
    ]
    assert Ran(capsys, world, "detach", "--force").out[0] == "orders: detached"


def test_inline_policies_that_may_not_be_listed_are_said(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.front.answer = lambda asked: denied("AccessDenied", "no") if asked.action == "ListRolePolicies" else None
    ran = Ran(capsys, world, "detach")
    assert (ran.code, ran.out[0]) == (0, "orders: detached")
    assert "these credentials need iam:ListRolePolicies (no)); if one does, its logs go nowhere" in ran.err[0]


def test_a_function_of_which_nobody_may_know_whether_its_logs_would_go_nowhere_is_not_detached(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    Ran(capsys, world, *OFF, "--force")
    world.front.answer = lambda asked: denied("AccessDenied", "no") if asked.action == "GetRolePolicy" else None
    ran = Ran(capsys, world, "detach")
    assert (ran.code, ran.out, ran.changes) == (2, [], [])
    assert "these credentials need iam:GetRolePolicy" in ran.err[0]
    ran = Ran(capsys, world, "detach", "--force")
    assert (ran.code, ran.out[0], len(ran.changes)) == (0, "orders: detached", 1)


@pytest.mark.parametrize(
    ("variables", "said", "key"),
    [
        ({"S3_PREFIX": ""}, "no object", f"orders-v2-17956-{UNIQUE}.log"),
        ({"S3_PREFIX": ""}, "no object", "orders-v2-17956-abc.log"),
        ({}, "no object", "function=orders/date={at:%Y-%m-%d}/hour={at:%H}/orders-v2-{ms}-" + f"{UNIQUE}.log"),
        ({}, "no object", "function=orders-v2/date={at:%Y-%m-%d}/hour={at:%H}/orders-v2-{ms}-" + f"{UNIQUE}.log"),
        ({"S3_PREFIX": ""}, "no object", f"orders-v2-{{ms}}-{UNIQUE}.log"),
        ({}, "not attached", "function=orders/date={at:%Y-%m-%d}/hour={at:%H}/orders-{ms}-" + f"{UNIQUE}.log"),
    ],
)
def test_objects_of_others_and_of_a_layer_that_is_gone_prove_nothing(
    world: World, capsys: pytest.CaptureFixture[str], variables: dict[str, str], said: str, key: str
) -> None:
    own = {f"ADAPTIVE_BATCHING_EXTENSION_{name}": value for name, value in variables.items()}
    less: dict[str, Any] = {"Layers": []} if said == "not attached" else {}
    world.server.client("lambda").update_function_configuration(
        FunctionName="orders", Environment={"Variables": {**VARIABLES, **own}}, **less
    )
    at = datetime.now(UTC)
    named = key.format(at=at, ms=int(at.timestamp() * 1000))
    world.server.client().put_object(Bucket=world.server.bucket, Key=named, Body=b"{}\n")
    ran = Ran(capsys, world, *OFF)
    assert (ran.code, ran.changes, ran.out) == (2, [], [])
    assert said in ran.err[0]


def test_what_aws_agreed_to_and_did_not_do_is_found(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.ship()
    name = "PutRolePolicy"
    world.front.answer = lambda asked: (200, f"<{name}Response/>".encode()) if asked.action == name else None
    ran = Ran(capsys, world, *OFF)
    assert (ran.code, "does not show the policy" in ran.err[-1]) == (2, True)


def test_iam_that_shows_a_change_late_does_not_lead_either_command_astray(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two of each three readings tell what was before the last change."""
    world.ship()
    shown: list[bytes | None] = [None]  # what was before the last change

    def state() -> bytes | None:
        if POLICY not in world.policies():
            return None
        document = world.iam.get_role_policy(RoleName="shared", PolicyName=POLICY)["PolicyDocument"]
        return json.dumps(document).encode()

    readings = count()

    def late(asked: Asked) -> Any:  # noqa: ANN401 - an Answer
        if asked.action in ("PutRolePolicy", "DeleteRolePolicy"):
            shown[0] = state()
        if asked.action != "GetRolePolicy" or next(readings) % 3 == 2:
            return None
        if shown[0] is None:
            return 404, denied("NoSuchEntity", "no")[1]
        body = b"<PolicyDocument>" + quote(shown[0]).encode() + b"</PolicyDocument>"
        result = b"<GetRolePolicyResult>" + body + b"</GetRolePolicyResult>"
        return 200, b"<GetRolePolicyResponse>" + result + b"</GetRolePolicyResponse>"

    world.front.answer = late
    for number in range(6):
        off = Ran(capsys, world, *OFF, "--force")
        assert (off.code, world.policies()) == (0, [POLICY]), (number, off.err)
        on = Ran(capsys, world, *ON)
        assert (on.code, world.policies()) == (0, []), (number, on.err)
        assert "is on within a minute" in on.out[0]


@pytest.mark.parametrize(("command", "change"), [((*OFF, "--force"), "PutRolePolicy"), (ON, "DeleteRolePolicy")])
def test_ctrl_c_says_that_the_change_may_be_made(world: World, command: tuple[str, ...], change: str) -> None:
    asked, ended = threading.Event(), threading.Event()

    def answer(one: Asked) -> Any:  # noqa: ANN401 - an Answer
        if one.action == change:
            asked.set()
            ended.wait(60)
        return None

    world.front.answer = answer
    where = ("--function", "orders", "--endpoint-url", world.front.endpoint, "--region", "eu-west-1")
    words = [sys.executable, "-m", "adaptive_batching", *command, *where]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert asked.wait(60)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    ended.set()
    assert (process.returncode, out) == (130, "")
    said = "orders: interrupted, so it may be changed or not; the same command again settles it"
    assert err.splitlines()[-1] == said


@pytest.mark.parametrize("command", [OFF, ON])
def test_if_aws_cannot_be_asked_it_is_one_sentence(
    world: World, capsys: pytest.CaptureFixture[str], command: tuple[str, str]
) -> None:
    for more, said in (
        (("--endpoint-url", f"http://127.0.0.1:{free_port()}"), "cannot be reached"),
        (("--region", "eu-west-1"), "no AWS credentials"),
        (("--endpoint-url", world.front.endpoint), "there is no function 'absent' in us-east-1"),
    ):
        assert main([*command, "--function", "absent", *more]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(f"{' '.join(command)}: ")
        assert said in line


def test_the_denial_stops_this_function_and_no_other() -> None:
    everything = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "logs:*", "Resource": "*"}],
    }
    policies = [everything, denial(ARN, "/aws/lambda/orders")]
    group = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/orders"
    stream = f"{group}:log-stream:2026/11/20/[$LATEST]x"
    for action, resource in (
        ("logs:CreateLogGroup", group),
        ("logs:CreateLogGroup", f"{group}:*"),
        ("logs:CreateLogStream", f"{group}:log-stream:x"),
        ("logs:PutLogEvents", stream),
    ):
        assert allowed(Request(action, resource), role=[everything])
        assert not allowed(Request(action, resource), role=policies)
        for other in ("orders-2", "mail"):
            assert allowed(Request(action, resource.replace("/orders", f"/{other}")), role=policies)
        assert allowed(Request(action, resource.replace("eu-west-1", "us-east-1")), role=policies)
    assert allowed(Request("logs:GetLogEvents", stream), role=policies)
