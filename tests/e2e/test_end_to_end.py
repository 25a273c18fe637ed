"""The built layer, started by its launcher, beside a real function, against a real S3 server."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.conftest import Deployment

#: A function that ends its invocation when it is told to.
WAITING = Path(__file__).parent / "waiting"


def until(condition: Callable[[], object], seconds: float = 10.0) -> bool:
    """Whether the condition came to hold before the deadline."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.01)
    return False


@pytest.mark.parametrize("store", ["light", "boto3"])
@pytest.mark.parametrize("apis", ["telemetry", "logs", "both"])
def test_every_record_is_shipped_once_whichever_api_and_store(deployment: Deployment, apis: str, store: str) -> None:
    with deployment.environment(apis=apis, S3_CLIENT=store, SHIP_RATE_BYTES=20_000) as environment:
        for _ in range(12):
            assert environment.invoke({"lines": 10, "bytes": 100}).function_error is None
    ledger = deployment.ledger(environment)
    assert ledger.balanced, (ledger, environment.extension_lines)
    assert ledger.delivered > 12 * 10
    assert {one.metadata["api"] for one in deployment.objects()} == {"logs" if apis == "logs" else "telemetry"}


@pytest.mark.parametrize("store", ["light", "boto3"])
def test_every_option_of_an_object_is_on_s3(deployment: Deployment, store: str) -> None:
    """The account is known before the first INVOKE: Lambda tells it to an extension that asks when it registers."""
    prefix = "{account}/{region}/function={function}/v={version}/{year}/{month}/{day}/"
    tags = "team=payments&owner=a b"
    with deployment.environment(S3_CLIENT=store, S3_PREFIX=prefix, TAGS=tags, KMS_KEY_ID="alias/logs") as environment:
        environment.invoke({"lines": 3})
    assert deployment.ledger(environment).balanced
    begin = f"123456789012/{deployment.server.region}/function={deployment.name}/v=$LATEST/"
    client, bucket = deployment.server.client(), deployment.server.bucket
    for one in deployment.objects():
        assert one.key.startswith(begin)
        assert one.key[len(begin) :][:11] == time.strftime(
            "%Y/%m/%d/", time.gmtime(int(one.key.rsplit("-", 6)[1]) / 1000)
        )
        about = client.head_object(Bucket=bucket, Key=one.key)
        assert (about["ServerSideEncryption"], about["SSEKMSKeyId"]) == ("aws:kms", "alias/logs")
        kept = client.get_object_tagging(Bucket=bucket, Key=one.key)["TagSet"]
        assert kept == [{"Key": "team", "Value": "payments"}, {"Key": "owner", "Value": "a b"}]


def test_every_line_has_what_the_format_promises(deployment: Deployment) -> None:
    with deployment.environment(COMPRESSION="gzip", S3_CLIENT="light") as environment:
        requests = {environment.invoke({}).request_id for _ in range(3)}
    records = deployment.records()
    assert {"time", "type", "record", "requestId", "environment", "sequence"} == set(records[0])
    assert sorted(record["sequence"] for record in records) == list(range(1, len(records) + 1))
    assert len({record["environment"] for record in records}) == 1
    functions = [record for record in records if record["type"] == "function"]
    assert {record["requestId"] for record in functions} == requests
    for record in functions:
        assert record["requestId"] in json.dumps(record["record"])  # the demo function names it in each line
    for one in deployment.objects():
        assert one.key.endswith(".log.gz")
        assert int(one.metadata["records"]) == len(one.records)


def test_one_invocation_and_its_logs_are_on_s3_while_the_environment_is_frozen(deployment: Deployment) -> None:
    environment = deployment.environment()
    with environment:
        result = environment.invoke({})
        assert environment.frozen
        lines = [record for record in deployment.records() if record["requestId"] == result.request_id]
        assert len([record for record in lines if record["type"] == "function"]) == 5
        assert "platform.runtimeDone" in {record["type"] for record in lines}


def test_a_byte_threshold_crossed_in_a_long_invocation_is_on_s3_before_it_ends(deployment: Deployment) -> None:
    deployment.folder = WAITING
    with deployment.environment(timeout=20.0) as environment:
        environment.invoke({})
        before = len(deployment.objects())
        running = environment.begin(json.dumps({"lines": 20, "bytes": 500, "until": "seen"}).encode())
        assert until(lambda: len(deployment.objects()) > before)
        assert not running.answered.is_set(), "the object came only after the handler had answered"
        (environment.temporary / "seen").touch()
        assert running.done.wait(20)
    assert {one.reason for one in deployment.objects()} >= {"first", "bytes"}
    assert deployment.ledger(environment).balanced


def test_an_age_crossed_in_a_long_invocation_ships_by_timer(deployment: Deployment) -> None:
    deployment.folder = WAITING
    with deployment.environment(timeout=20.0, SHIP_RATE_MILLISECONDS=500, SHIP_RATE_BYTES=10_000_000) as environment:
        environment.invoke({})
        running = environment.begin(json.dumps({"until": "seen"}).encode())
        assert until(lambda: "age" in {one.reason for one in deployment.objects()})
        assert not running.answered.is_set()
        (environment.temporary / "seen").touch()
        assert running.done.wait(20)


def test_where_both_apis_answer_202_the_function_lives_and_the_extension_says_so_once(deployment: Deployment) -> None:
    with deployment.environment(apis="none") as environment:
        for _ in range(3):
            assert environment.invoke({}).function_error is None
        said = [json.loads(line) for line in environment.extension_lines]
    assert len(said) == 1
    assert "no log API" in said[0]["message"]
    assert deployment.objects() == []


def test_without_a_bucket_the_function_lives_and_one_line_says_why_nothing_is_shipped(deployment: Deployment) -> None:
    with deployment.environment(S3_BUCKET="") as environment:
        assert environment.invoke({}).function_error is None
    said = [json.loads(line)["message"] for line in environment.extension_lines]
    assert len(said) == 1
    assert said[0].startswith("ADAPTIVE_BATCHING_EXTENSION_S3_BUCKET is not set")


def test_shutdown_before_any_invocation_ships_what_init_logged(deployment: Deployment) -> None:
    with deployment.environment() as environment:
        pass
    assert deployment.ledger(environment).balanced
    assert "platform.initStart" in {record["type"] for record in deployment.records()}


def test_json_records_stay_objects(deployment: Deployment) -> None:
    with deployment.environment(log_format="JSON") as environment:
        environment.invoke({})
    kinds = {type(record["record"]) for record in deployment.records() if record["type"] == "function"}
    assert dict in kinds
    assert deployment.ledger(environment).balanced


def test_each_invocation_is_shipped_by_its_end_where_the_invoke_threshold_is_one(deployment: Deployment) -> None:
    with deployment.environment(SHIP_RATE_INVOKES=1) as environment:
        for number in range(3):
            result = environment.invoke({})
            done = [r for r in deployment.records() if r["type"] == "platform.runtimeDone"]
            assert done[-1]["record"]["requestId"] == result.request_id, number
    assert deployment.ledger(environment).balanced


def test_extension_records_are_shipped_when_they_are_asked_for(deployment: Deployment) -> None:
    deployment.types = ("platform", "function", "extension")
    types = '["platform","function","extension"]'
    with deployment.environment(LOG_TYPES=types, SHIP_RATE_BYTES="a lot") as environment:
        environment.invoke({})
        environment.invoke({})
    ledger = deployment.ledger(environment)
    assert ledger.balanced, ledger
    assert [r["record"] for r in deployment.records() if r["type"] == "extension"], "the line about SHIP_RATE_BYTES"
