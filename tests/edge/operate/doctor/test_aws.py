"""`doctor --function` against moto's servers: each planted fault gives its finding and no other."""

from __future__ import annotations

import json
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from adaptive_batching.cli import main
from adaptive_batching.operate.aws import Account
from adaptive_batching.operate.doctor import report
from adaptive_batching.operate.doctor.checks import judged
from adaptive_batching.operate.doctor.reading import aws
from tests.edge.operate.doctor.account import BUCKET, PREFIX, World, layer_zip
from tests.fakes.aws.between import Asked, Between, denial, refusal
from tests.fakes.network.ports import free_port
from tests.fakes.network.serving import serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.fakes.s3 import Moto

NAMES = count(1)
CIRCUIT = '{"extension":"adaptive-batching-extension","level":"error","message":"circuit opened","why":"403"}'


@pytest.fixture(scope="module")
def account(servers: tuple[Moto, Between]) -> World:
    return World(*servers)


@pytest.fixture
def world(account: World) -> World:
    account.reset()
    return account


class Found:
    """What doctor found, by check."""

    def __init__(self, checks: list[dict[str, str]]) -> None:
        self.checks = checks
        self.wrong = {one["check"]: one["status"] for one in checks if one["status"] != "ok"}
        assert len(self.wrong) == sum(one["status"] != "ok" for one in checks), checks

    def text(self, check: str) -> str:
        return " ".join(f"{one['read']} -> {one['mend']}" for one in self.checks if one["check"] == check)


@pytest.fixture(scope="module")
def clients(servers: tuple[Moto, Between]) -> Account:
    """Made once: a client takes a tenth of a second of the processor's time."""
    return Account(region="eu-west-1", endpoint_url=servers[1].endpoint)


@pytest.fixture
def doctor(world: World, clients: Account) -> Callable[[str], Found]:
    def run(name: str) -> Found:
        world.front.asked.clear()
        facts = aws.read(clients, name, lambda _what: None)
        assert world.front.changes == []  # it writes nothing
        (one,) = report.as_json([report.Report(name, judged(facts))])["functions"]
        return Found(one["checks"])

    return run


def plain(name: str, world: World) -> None:
    world.make(name)


def a_bad_setting(name: str, world: World) -> None:
    world.make(name, variables={f"{PREFIX}SHIP_RATE_BYTE": "1"})


def no_layer(name: str, world: World) -> None:
    world.make(name, Layers=[])


def another_architecture(name: str, world: World) -> None:
    world.make(name, Layers=[world.published("adaptive-batching-extension-arm64", ["arm64"])])


def no_bucket(name: str, world: World) -> None:
    world.make(name, variables={f"{PREFIX}S3_BUCKET": "absent-logs"})


def a_bucket_elsewhere(name: str, world: World) -> None:
    bucket, region = f"{name}-elsewhere", "us-west-2"
    there = Account(region=region, endpoint_url=world.server.endpoint).client("s3")
    there.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region})
    world.make(name, bucket=bucket, variables={f"{PREFIX}S3_BUCKET": bucket})


def the_role_is_not_allowed(name: str, world: World) -> None:
    world.make(name)
    world.decisions["s3:PutObject"] = "implicitDeny"


def the_role_is_denied(name: str, world: World) -> None:
    world.make(name)
    world.decisions["s3:PutObject"] = "explicitDeny"


def the_organization_denies(name: str, world: World) -> None:
    world.make(name)
    world.decisions["s3:PutObject"] = "implicitDeny"
    world.more["s3:PutObject"] = (
        "<OrganizationsDecisionDetail><AllowedByOrganizations>false</AllowedByOrganizations>"
        "</OrganizationsDecisionDetail>"
    )


def with_policy(name: str, world: World, **statement: Any) -> None:  # noqa: ANN401 - of a policy
    bucket = f"{name}-logs"
    s3 = world.server.client()
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    everybody = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    policy = {"Version": "2012-10-17", "Statement": {**everybody, **statement}}
    off = {f"{PREFIX}CONDITIONAL_WRITE": "off"} if statement.get("Sid") == "WriteOnce" else {}
    world.make(name, bucket=bucket, variables={f"{PREFIX}S3_BUCKET": bucket, **off})
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))  # last: moto obeys it


def newest(world: World, name: str) -> str:
    listed = world.server.client().list_objects_v2(Bucket=BUCKET, Prefix=f"function={name}/")
    return str(listed["Contents"][-1]["Key"])


def the_bucket_denies(name: str, world: World) -> None:
    with_policy(name, world, Sid="Closed")


def the_bucket_wants_conditional_writes(name: str, world: World) -> None:
    with_policy(name, world, Sid="WriteOnce", Condition={"Null": {"s3:if-none-match": "true"}})


def a_key(name: str, world: World) -> str:
    arn = str(world.server.client("kms").create_key()["KeyMetadata"]["Arn"])
    world.make(name, variables={f"{PREFIX}KMS_KEY_ID": arn})
    return arn


def a_key_that_is_allowed(name: str, world: World) -> None:
    a_key(name, world)


def a_key_that_is_not_allowed(name: str, world: World) -> None:
    a_key(name, world)
    world.decisions["kms:GenerateDataKey"] = "implicitDeny"


def a_key_that_is_none(name: str, world: World) -> None:
    world.make(name, variables={f"{PREFIX}KMS_KEY_ID": "11111111-2222-3333-4444-555555555555"})


def an_alias_that_is_none(name: str, world: World) -> None:
    world.make(name, variables={f"{PREFIX}KMS_KEY_ID": "alias/absent"})


def a_key_of_the_bucket_that_is_none(name: str, world: World) -> None:
    bucket, s3 = f"{name}-logs", world.server.client()
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "alias/absent"}
    s3.put_bucket_encryption(
        Bucket=bucket,
        ServerSideEncryptionConfiguration={"Rules": [{"ApplyServerSideEncryptionByDefault": default}]},
    )
    world.make(name, bucket=bucket, variables={f"{PREFIX}S3_BUCKET": bucket})


def a_key_that_will_be_deleted(name: str, world: World) -> None:
    arn = a_key(name, world)
    world.front.answer = lambda asked: _described(asked, arn, KeyState="PendingDeletion") or world.answer(asked)


def a_disabled_key(name: str, world: World) -> None:
    arn = a_key(name, world)
    world.front.answer = lambda asked: _described(asked, arn, KeyState="Disabled") or world.answer(asked)


def a_key_that_signs(name: str, world: World) -> None:
    arn = a_key(name, world)
    world.front.answer = lambda asked: _described(asked, arn, KeySpec="RSA_2048") or world.answer(asked)


def _described(asked: Asked, arn: str, **more: str) -> Any:  # noqa: ANN401 - an Answer; moto answers DisableKey with 500
    if asked.action != "DescribeKey":
        return None
    return 200, {"KeyMetadata": {"KeyId": arn, "Arn": arn, "KeyManager": "CUSTOMER", **more}}


def a_layer_that_was_deleted(name: str, world: World) -> None:
    arn = world.published("adaptive-batching-extension-x86_64", ["x86_64"])
    world.make(name, Layers=[arn])
    layer, _, version = arn.rpartition(":")
    world.aws.delete_layer_version(LayerName=layer, VersionNumber=int(version))


def a_role_that_is_none(name: str, world: World) -> None:
    world.make(name)
    absent = denial("NoSuchEntity", "The role with name orders-role cannot be found.")
    world.front.answer = lambda asked: (
        (404, absent[1]) if asked.action == "SimulatePrincipalPolicy" else world.answer(asked)
    )


def a_vpc_without_a_way(name: str, world: World) -> None:
    world.make_in_a_vpc(name, endpoint=False)


def a_vpc_with_a_gateway_endpoint(name: str, world: World) -> None:
    world.make_in_a_vpc(name, endpoint=True)


def little_memory(name: str, world: World) -> None:
    world.make(name, MemorySize=128)


def cloudwatch_paid_too(name: str, world: World) -> None:
    world.make(name)
    world.server.client("logs").delete_metric_filter(logGroupName=f"/aws/lambda/{name}", filterName="errors")


def nothing_arrives(name: str, world: World) -> None:
    world.make(name)
    world.server.client().delete_object(Bucket=BUCKET, Key=newest(world, name))


def the_extension_complains(name: str, world: World) -> None:
    world.make(name)
    world.said(name, CIRCUIT, "START", CIRCUIT, '{"level":"ERROR"}')


#: How a fault is planted -> what is found beside ok.
PLANTS: dict[Callable[[str, World], None], dict[str, str]] = {
    plain: {},
    a_bad_setting: {"settings": "warning"},
    no_layer: {"layer": "error"},
    another_architecture: {"layer": "error"},
    no_bucket: {
        "bucket": "error",
        **dict.fromkeys(("put", "kms", "write once", "flowing"), "cannot say"),
    },
    a_bucket_elsewhere: {"bucket": "error"},
    the_role_is_not_allowed: {"put": "error"},
    the_role_is_denied: {"put": "error"},
    the_organization_denies: {"put": "error"},
    the_bucket_denies: {"put": "error"},
    the_bucket_wants_conditional_writes: {"write once": "error"},
    a_key_that_is_allowed: {},
    a_key_that_is_not_allowed: {"kms": "error"},
    a_disabled_key: {"kms": "error"},
    a_key_that_is_none: {"kms": "error"},
    an_alias_that_is_none: {"kms": "error"},
    a_key_of_the_bucket_that_is_none: {"kms": "error"},
    a_key_that_will_be_deleted: {"kms": "error"},
    a_key_that_signs: {"kms": "error"},
    a_layer_that_was_deleted: {"layer": "warning"},
    a_role_that_is_none: {"put": "error", "CloudWatch": "cannot say", "heard": "cannot say"},
    a_vpc_without_a_way: {"network": "error"},
    a_vpc_with_a_gateway_endpoint: {},
    little_memory: {"limits": "warning"},
    cloudwatch_paid_too: {"CloudWatch": "warning"},
    nothing_arrives: {"flowing": "error"},
    the_extension_complains: {"heard": "error"},
}


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
def test_a_fault_of_a_function_on_aws_gives_its_finding_and_no_other(
    plant: Callable[[str, World], None], world: World, doctor: Callable[[str], Found]
) -> None:
    name = f"orders-{next(NAMES)}"
    plant(name, world)
    found = doctor(name)
    assert found.wrong == PLANTS[plant], found.checks


def test_the_command_prints_what_was_found_and_its_exit_code_says_whether_there_is_an_error(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.make("orders")
    words = ["doctor", "--region", "eu-west-1", "--endpoint-url", world.front.endpoint, "--function"]
    assert main([*words, "orders"]) == 0
    said = capsys.readouterr()
    assert said.out.splitlines()[0] == "orders"
    assert said.out.splitlines()[-1] == "  0 errors, 0 warnings"
    no_layer("orders-bare", world)
    assert main([*words, "orders-bare", "--format", "json"]) == 1
    (one,) = json.loads(capsys.readouterr().out)["functions"]
    assert (one["function"], one["errors"], one["warnings"]) == ("orders-bare", 1, 0)


def test_a_bucket_of_another_account_is_known_by_its_refusal_of_the_expected_owner(
    world: World, doctor: Callable[[str], Found]
) -> None:
    """moto ignores the header; S3 denies the request."""
    name = f"orders-{next(NAMES)}"
    world.make(name)
    allowed, heads = world.front.answer, count(1)

    def answer(asked: Asked) -> Any:  # noqa: ANN401 - an Answer
        if asked.method == "HEAD" and asked.path == f"/{BUCKET}" and next(heads) == 2:
            return 403, b""
        return allowed(asked)

    world.front.answer = answer
    found = doctor(name)
    assert found.wrong == {"bucket": "warning", "put": "error"}
    assert "belongs to another account" in found.text("bucket")
    assert "the bucket's policy does not allow s3:PutObject" in found.text("put")


def test_more_objects_than_can_be_looked_through_are_a_sentence(world: World, doctor: Callable[[str], Found]) -> None:
    name = f"orders-{next(NAMES)}"
    world.make(name)
    page = (
        "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>x</NextContinuationToken>"
        "<Contents><Key>a</Key><LastModified>2026-11-26T09:00:00.000Z</LastModified></Contents></ListBucketResult>"
    )
    allowed, pages = world.front.answer, count(1)

    def answer(asked: Asked) -> Any:  # noqa: ANN401 - an Answer
        if "list-type" in asked.path:
            return 200, page.replace(">x<", f">{next(pages)}<").encode()
        return allowed(asked)

    world.front.answer = answer
    found = doctor(name)
    assert found.wrong == {"flowing": "cannot say"}
    assert "too many to look through" in found.text("flowing")


@contextmanager
def files(content: bytes) -> Iterator[tuple[str, list[str]]]:
    """A server of one file that knows Range, as S3 does: its URL, and which ranges were asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.headers["Range"])
            first, last = asked[-1].removeprefix("bytes=").split("-")
            start = int(first) if first else max(0, len(content) - int(last))
            end = int(last) if first else len(content) - 1
            piece = content[start : end + 1]
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{end}/{len(content)}")
            self.send_header("Content-Length", str(len(piece)))
            self.end_headers()
            self.wfile.write(piece)

        def log_message(self, *_: object) -> None:
            pass

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as url:
        yield f"{url}/layer.zip", asked


@pytest.mark.parametrize(
    ("origin", "status"), [("development build: the interpreter of …", "warning"), ("python-build-standalone", "ok")]
)
def test_a_layer_of_any_name_is_looked_into_without_fetching_it(
    origin: str, status: str, world: World, doctor: Callable[[str], Found]
) -> None:
    name = f"orders-{next(NAMES)}"
    arn = world.published(f"our-own-logs-{status}", ["x86_64"])
    world.make(name, Layers=[arn])
    allowed = world.front.answer
    with files(layer_zip(origin)) as (url, ranges):

        def answer(asked: Asked) -> Any:  # noqa: ANN401 - an Answer
            if asked.path.startswith("/2018-10-31/layers"):
                return 200, {
                    "LayerVersionArn": arn,
                    "CompatibleArchitectures": ["x86_64"],
                    "Content": {"Location": url},
                }
            return allowed(asked)

        world.front.answer = answer
        found = doctor(name)
    assert found.wrong == ({} if status == "ok" else {"layer": status}), found.checks
    assert 1 < len(ranges) < 8


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--function", "nobody"], "there is no function 'nobody' in eu-west-1"),
        (["--function", "nobody", "--parameter", "A=1"], "--parameter is for a template"),
        (["--template", "t.yaml"], "--region is for AWS"),
    ],
)
def test_what_is_not_there_is_a_sentence(
    words: list[str], sentence: str, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["doctor", *words, "--region", "eu-west-1", "--endpoint-url", world.front.endpoint])
    said = capsys.readouterr()
    assert (code, said.out) == (2, "")
    assert sentence in said.err


@pytest.mark.parametrize(
    ("status", "code", "sentence"),
    [
        (403, "ExpiredTokenException", "the AWS credentials have expired"),
        (403, "UnrecognizedClientException", "AWS does not know these credentials"),
        (403, "AccessDeniedException", "these credentials need lambda:GetFunctionConfiguration"),
    ],
)
def test_an_account_that_does_not_let_in_is_a_sentence(
    status: int, code: str, sentence: str, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.front.answer = lambda _asked: refusal(status, code)
    assert main(["doctor", "--function", "x", "--endpoint-url", world.front.endpoint]) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1


def test_a_closed_endpoint_and_missing_credentials_are_sentences(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--function", "x", "--endpoint-url", f"http://127.0.0.1:{free_port()}"]) == 2
    assert "cannot be reached" in capsys.readouterr().err
    assert main(["doctor", "--function", "x", "--region", "eu-west-1"]) == 2
    assert "no AWS credentials" in capsys.readouterr().err
