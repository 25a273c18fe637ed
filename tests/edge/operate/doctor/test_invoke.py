"""`doctor --invoke`: the request id of one invocation is waited for on S3."""

from __future__ import annotations

import base64
import email.utils
import gzip
import json
import time
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from adaptive_batching.cli import main
from adaptive_batching.operate.aws import Account
from adaptive_batching.operate.doctor.checks import invoked
from adaptive_batching.operate.doctor.facts import Invocation, Unknown
from adaptive_batching.operate.doctor.reading import aws, invocation
from tests.edge.operate.doctor.account import BUCKET, World
from tests.fakes.aws.between import LOST, Asked, Between, refusal

if TYPE_CHECKING:
    from tests.fakes.aws.between import Answer
    from tests.fakes.s3 import Moto

NAMES, IDS = count(1), count(1)


@pytest.fixture(scope="module")
def account(servers: tuple[Moto, Between]) -> World:
    return World(*servers)


@pytest.fixture(scope="module")
def clients(servers: tuple[Moto, Between]) -> Account:
    return Account(region="eu-west-1", endpoint_url=servers[1].endpoint)


@pytest.fixture
def world(account: World) -> World:
    account.reset()
    return account


def lambda_that_ships(
    world: World, name: str, *, ships: bool = True, cold: str = "cold", packed: str = "", error: str = ""
) -> str:
    """Answer Invoke as Lambda does, whose extension has stored the request's lines before; return the id."""
    identity = f"00000000-0000-4000-8000-{next(IDS):012}"
    world.make(name)
    allowed = world.answer

    def answer(asked: Asked) -> Any:  # noqa: ANN401 - an Answer
        if not asked.path.endswith("/invocations"):
            return allowed(asked)
        if ships:
            now = datetime.now(UTC)
            line = json.dumps({"requestId": identity}).encode() + b"\n"
            key = f"function={name}/date={now:%Y-%m-%d}/hour={now:%H}/{name}-{int(time.time() * 1000)}"
            world.server.client().put_object(
                Bucket=BUCKET,
                Key=f"{key}-11234567-89ab-4cde-8f01-23456789abcd.log{packed}",
                Body=gzip.compress(line) if packed else line,
            )
        log = f"REPORT RequestId: {identity}{' Init Duration: 100 ms' if cold else ''}"
        headers = {"x-amzn-RequestId": identity, "X-Amz-Log-Result": base64.b64encode(log.encode()).decode()}
        return 200, {}, {**headers, **({"X-Amz-Function-Error": error} if error else {})}

    world.front.answer = answer
    return identity


@pytest.mark.parametrize("packed", ["", ".gz"])
def test_an_invocation_whose_lines_are_on_s3_is_found_there(
    packed: str,
    world: World,
    capsys: pytest.CaptureFixture[str],
) -> None:
    name = f"orders-{next(NAMES)}"
    identity = lambda_that_ships(world, name, packed=packed)
    where = ["--endpoint-url", world.front.endpoint, "--region", "eu-west-1"]
    code = main(["doctor", "--function", name, "--invoke", "{}", *where, "--format", "json"])
    (one,) = json.loads(capsys.readouterr().out)["functions"]
    (found,) = (check for check in one["checks"] if check["check"] == "invoked")
    assert (code, found["status"]) == (0, "ok")
    assert found["read"].startswith(f"request {identity} is in s3://{BUCKET}/function={name}/")
    assert [asked.body for asked in world.front.asked if asked.changes] == [b"{}"]


@pytest.mark.parametrize("written", ["{name}:prod", "arn:aws:lambda:eu-west-1:123456789012:function:{name}:prod"])
def test_the_alias_that_is_named_is_the_one_that_is_invoked_and_shown(
    written: str, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    name = f"orders-{next(NAMES)}"
    lambda_that_ships(world, name)
    version = world.aws.publish_version(FunctionName=name)["Version"]
    world.aws.create_alias(FunctionName=name, Name="prod", FunctionVersion=version)
    plain = world.aws.get_function_configuration(FunctionName=name)
    plain.pop("ResponseMetadata")
    shipping = world.front.answer

    def answer(asked: Asked) -> Any:  # noqa: ANN401 - an Answer
        path, _, query = asked.path.partition("?")
        if path.endswith("/configuration"):  # moto knows no aliases here
            return 200, {**plain, "FunctionArn": f"{plain['FunctionArn']}:prod", "Version": version}
        return shipping(Asked(asked.method, path, *list(vars(asked).values())[2:])) if query else shipping(asked)

    world.front.answer = answer
    where = ["--endpoint-url", world.front.endpoint, "--region", "eu-west-1"]
    code = main(["doctor", "--function", written.format(name=name), "--invoke", "{}", *where, "--format", "json"])
    (one,) = json.loads(capsys.readouterr().out)["functions"]
    assert (code, one["function"]) == (0, f"{name}:prod")
    (invoked_at,) = [asked.path for asked in world.front.asked if "/invocations" in asked.path]
    assert invoked_at.endswith(f"/{name}/invocations?Qualifier=prod")


def test_a_function_is_found_and_invoked_in_the_region_that_its_arn_names(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    name = f"orders-{next(NAMES)}"
    lambda_that_ships(world, name)
    where = ["--endpoint-url", world.front.endpoint, "--region", "us-east-1"]
    arn = f"arn:aws:lambda:eu-west-1:123456789012:function:{name}"
    assert main(["doctor", "--function", arn, "--invoke", "{}", *where]) == 0, capsys.readouterr()
    services = {"lambda", "monitoring", "logs"}
    assert {asked.region for asked in world.front.asked if asked.service in services} == {"eu-west-1"}


@pytest.mark.parametrize(
    ("cold", "error", "statuses"),
    [("cold", "", ["error"]), ("", "", ["cannot say"]), ("cold", "Unhandled", ["warning", "error"])],
)
def test_one_that_does_not_arrive_is_an_error_if_it_was_the_first_of_its_environment(
    cold: str,
    error: str,
    statuses: list[str],
    world: World,
    clients: Account,
) -> None:
    name = f"orders-{next(NAMES)}"
    lambda_that_ships(world, name, ships=False, cold=cold, error=error)
    facts = aws.read(clients, name, lambda _what: None)
    made = invocation.invoke(clients, facts.function, b"{}", patience=0)
    assert [one.status for one in invoked.judge(facts, made)] == statuses


def test_without_the_permission_to_read_objects_it_cannot_say(world: World, clients: Account) -> None:
    name = f"orders-{next(NAMES)}"
    lambda_that_ships(world, name)
    facts = aws.read(clients, name, lambda _what: None)
    allowed = world.front.answer

    def answer(asked: Asked) -> Any:  # noqa: ANN401 - an Answer
        if asked.method == "GET" and asked.path.startswith(f"/{BUCKET}/function"):
            return 403, b"<Error><Code>AccessDenied</Code><Message>No.</Message></Error>"
        return allowed(asked)

    world.front.answer = answer
    made = invocation.invoke(clients, facts.function, b"{}", patience=0)
    assert isinstance(made, Invocation)
    assert isinstance(made.key, Unknown)
    assert made.key.action == "s3:GetObject"


def test_one_that_lambda_refuses_is_one_finding_and_the_others_are_as_without_it(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    name = f"orders-{next(NAMES)}"
    world.make(name)
    where = ["doctor", "--function", name, "--region", "eu-west-1", "--endpoint-url", world.front.endpoint]

    def found(*more: str) -> list[dict[str, str]]:
        assert main([*where, "--format", "json", *more]) == 0
        (one,) = json.loads(capsys.readouterr().out)["functions"]
        checks: list[dict[str, str]] = one["checks"]
        return [one for one in checks if one["check"] != "flowing"]  # which tells how old the newest object is

    alone, allowed = found(), world.answer
    answers: list[tuple[str, Answer]] = [
        ("need lambda:InvokeFunction", refusal(403, "AccessDeniedException")),
        ("throttles", refusal(429, "TooManyRequestsException")),
        ("refuses lambda:Invoke", refusal(409, "ResourceConflictException")),
        ("does not answer", LOST),
        ("does not answer", (200, {}, {"content-length": "9"})),  # beside that of the body: no HTTP
        ("names no request id", (200, b"<html>")),
    ]
    for words, answer in answers:

        def answering(asked: Asked, answer: Answer = answer) -> Answer | None:
            return answer if asked.path.endswith("/invocations") else allowed(asked)

        world.front.answer = answering
        *others, invoked_ = found("--invoke", "{}")
        assert others == alone
        assert (invoked_["check"], invoked_["status"]) == ("invoked", "cannot say"), words
        assert words in invoked_["read"]
        assert words != "need lambda:InvokeFunction" or invoked_["mend"].endswith("credentials lambda:InvokeFunction")


@pytest.mark.parametrize("ahead", [-7200, -10, 10, 7200])
def test_the_clock_of_this_machine_does_not_count(ahead: int, world: World, clients: Account) -> None:
    name = f"orders-{next(NAMES)}"
    lambda_that_ships(world, name)
    facts = aws.read(clients, name, lambda _what: None)
    made = invocation.invoke(clients, facts.function, b"{}", patience=0, clock=lambda: time.time() + ahead)
    assert isinstance(made, Invocation)
    assert isinstance(made.key, str), made


def test_the_clock_of_s3_may_be_some_seconds_behind_that_of_lambda(world: World, clients: Account) -> None:
    name = f"orders-{next(NAMES)}"
    lambda_that_ships(world, name)
    facts, shipping = aws.read(clients, name, lambda _what: None), world.front.answer

    def answer(asked: Asked) -> Any:  # noqa: ANN401 - an Answer
        found: Any = shipping(asked)
        later = email.utils.format_datetime(datetime.now(UTC) + timedelta(seconds=10), usegmt=True)
        return (*found[:2], {**found[2], "Date": later}) if asked.path.endswith("/invocations") else found

    world.front.answer = answer
    made = invocation.invoke(clients, facts.function, b"{}", patience=0)
    assert isinstance(made, Invocation)
    assert isinstance(made.key, str), made


@pytest.mark.parametrize(
    "words",
    [
        *(["--function", "x", "--invoke", event] for event in ("{", "NaN", "[Infinity]", '{"a": [-Infinity]}', "'x'")),
        ["--template", "t.yaml", "--invoke", "{}"],
    ],
)
def test_what_is_no_event_or_has_no_function_is_a_sentence(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", *words]) == 2
    assert "--invoke" in capsys.readouterr().err
