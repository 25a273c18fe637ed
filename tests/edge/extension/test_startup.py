"""Start-up against a scripted Lambda API: what is called, in which order, and what follows from each answer."""

import json
import socket
import time
from collections.abc import Sequence

import pytest

from extension import settings, startup
from extension.errors import ApiError
from extension.events import LogsReceived
from extension.extensions_api import ExtensionsApi
from extension.inbox import Inbox
from extension.startup import Started
from tests.fakes.lambda_api import (
    DROP,
    IDENTIFIER,
    NOT_SUPPORTED,
    Answer,
    LambdaApi,
    Request,
    destination,
    wait_until,
)
from tests.fakes.network import inside
from tests.fakes.network.ports import free_port

TELEMETRY_SCHEMAS = ["2025-01-29", "2022-12-13", "2022-07-01"]


def start(api: LambdaApi, *, bucket: str = "a-bucket", initialization: str = "on-demand", **values: object) -> Started:
    """Start up in this process, with the listener on a free port, and wait until the first `event/next` is there."""
    environ = {"S3_BUCKET": bucket, "PORT": str(free_port())} | {name: str(value) for name, value in values.items()}
    told = settings.from_environ({settings.PREFIX + name: value for name, value in environ.items()})
    started = startup.start(told, ExtensionsApi(api.address), Inbox(), initialization)
    started.intake.open(None, None)
    api.wait_for_next(1)
    return started


def schemas(requests: Sequence[Request]) -> list[object]:
    return [request.json["schemaVersion"] for request in requests]


def messages(capfd: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capfd.readouterr().err.splitlines()]


def test_register_then_the_listener_then_subscribe_then_next(api: LambdaApi) -> None:
    started = start(api)
    assert api.calls() == ["register", "telemetry", "next"]
    assert api.of("telemetry")[0].destination_open is True
    assert (started.api, started.schema, started.managed) == ("telemetry", "2025-01-29", False)


def test_registration_names_the_extension_and_both_events(api: LambdaApi) -> None:
    start(api)
    (request,) = api.of("register")
    assert (request.method, request.path) == ("POST", "/2020-01-01/extension/register")
    assert request.headers["lambda-extension-name"] == "adaptive-batching-extension"
    assert request.json == {"events": ["INVOKE", "SHUTDOWN"]}


def test_every_later_call_carries_the_identifier(api: LambdaApi) -> None:
    start(api)
    assert [request.headers.get("lambda-extension-identifier") for request in api.requests[1:]] == [IDENTIFIER] * 2


def test_the_subscription_says_everything_explicitly(api: LambdaApi) -> None:
    started = start(api)
    (request,) = api.of("telemetry")
    assert (request.method, request.path) == ("PUT", "/2022-07-01/telemetry")
    assert started.listener is not None
    assert request.json == {
        "schemaVersion": "2025-01-29",
        "types": ["platform", "function"],
        "buffering": {"timeoutMs": 25, "maxBytes": 1048576, "maxItems": 10000},
        "destination": {
            "protocol": "HTTP",
            "URI": f"http://sandbox.localdomain:{started.listener.port}{started.listener.path}",
        },
    }


@pytest.mark.parametrize(
    ("log_types", "subscribed"),
    [
        ('["function"]', ["platform", "function"]),
        ('["extension"]', ["platform", "extension"]),
        ('["platform"]', ["platform"]),
        ('["extension","function","platform"]', ["platform", "function", "extension"]),
    ],
)
def test_platform_is_always_subscribed_to(api: LambdaApi, log_types: str, subscribed: list[str]) -> None:
    start(api, LOG_TYPES=log_types)
    assert api.of("telemetry")[0].json["types"] == subscribed


@pytest.mark.parametrize("status", [400, 404])
def test_older_schemas_are_tried_where_the_newest_is_refused(api: LambdaApi, status: int) -> None:
    api.script["telemetry"] = [Answer(status, '{"errorType":"ValidationError"}'), Answer()]
    started = start(api)
    assert schemas(api.of("telemetry")) == TELEMETRY_SCHEMAS[:2]
    assert api.of("logs") == []
    assert (started.api, started.schema) == ("telemetry", "2022-12-13")


@pytest.mark.parametrize("status", [400, 404])
def test_the_logs_api_is_asked_once_where_the_oldest_schema_is_refused_too(api: LambdaApi, status: int) -> None:
    api.script["telemetry"] = [Answer(status)]
    started = start(api)
    assert schemas(api.of("telemetry")) == TELEMETRY_SCHEMAS
    (request,) = api.of("logs")
    assert started.listener is not None
    assert (request.method, request.path) == ("PUT", "/2020-08-15/logs")
    assert request.json == {
        "schemaVersion": "2021-03-18",
        "types": ["platform", "function"],
        "buffering": {"timeoutMs": 25, "maxBytes": 1048576, "maxItems": 10000},
        "destination": {
            "protocol": "HTTP",
            "URI": f"http://sandbox.localdomain:{destination(request)}{started.listener.path}",
            "method": "POST",
            "encoding": "JSON",
        },
    }
    assert (started.api, started.schema) == ("logs", "2021-03-18")


@pytest.mark.parametrize("status", [202, 403, 405, 409])
def test_another_refusal_or_202_goes_to_the_logs_api_at_once(api: LambdaApi, status: int) -> None:
    api.script["telemetry"] = [Answer(status)]
    started = start(api)
    assert api.calls() == ["register", "telemetry", "logs", "next"]
    assert started.api == "logs"


def test_an_older_schema_that_is_refused_otherwise_goes_to_the_logs_api_too(api: LambdaApi) -> None:
    api.script["telemetry"] = [Answer(400), Answer(403)]
    assert start(api).api == "logs"
    assert schemas(api.of("telemetry")) == TELEMETRY_SCHEMAS[:2]


@pytest.mark.parametrize("fault", [Answer(500), Answer(503), DROP], ids=["500", "503", "dropped"])
def test_5xx_and_dropped_connections_are_tried_three_times_within_a_second(api: LambdaApi, fault: Answer) -> None:
    api.script["telemetry"] = [fault]
    begun = time.monotonic()
    started = start(api)
    assert api.calls() == ["register", "telemetry", "telemetry", "telemetry", "logs", "next"]
    assert schemas(api.of("telemetry")) == ["2025-01-29"] * 3
    assert api.of("logs")[0].moment - begun < 1.0
    assert started.api == "logs"


@pytest.mark.parametrize("fault", [Answer(500), DROP], ids=["500", "dropped"])
def test_a_subscription_that_succeeds_at_the_third_attempt_is_a_subscription(api: LambdaApi, fault: Answer) -> None:
    api.script["telemetry"] = [fault, fault, Answer()]
    started = start(api)
    assert len(api.of("telemetry")) == 3
    assert (started.api, started.schema) == ("telemetry", "2025-01-29")
    assert api.of("logs") == []


def test_202_from_both_is_said_once_and_polling_goes_on(api: LambdaApi, capfd: pytest.CaptureFixture[str]) -> None:
    api.script |= {"telemetry": [NOT_SUPPORTED], "logs": [NOT_SUPPORTED]}
    started = start(api)
    assert api.calls() == ["register", "telemetry", "logs", "next"]
    assert started.api == ""
    (said,) = messages(capfd)
    assert said["level"] == "error"
    assert (
        said["message"] == "subscription refused: no log API delivers here, nothing is shipped, the function continues"
    )
    assert str(said["answers"]).startswith("telemetry 2025-01-29: 202 ")
    assert "; logs 2021-03-18: 202 " in str(said["answers"])


@pytest.mark.parametrize(("forced", "other"), [("telemetry", "logs"), ("logs", "telemetry")])
def test_a_forced_api_does_not_fall_back(api: LambdaApi, forced: str, other: str) -> None:
    api.script[forced] = [NOT_SUPPORTED]
    assert start(api, API=forced).api == ""
    assert len(api.of(forced)) == 1
    assert api.of(other) == []


@pytest.mark.parametrize("forced", ["telemetry", "logs"])
def test_a_forced_api_is_the_one_subscribed_to(api: LambdaApi, forced: str) -> None:
    assert start(api, API=forced).api == forced
    assert api.calls() == ["register", forced, "next"]


@pytest.mark.holds("variants: Managed Instances: the extension registers for SHUTDOWN alone")
def test_on_managed_instances_shutdown_alone_is_registered(api: LambdaApi) -> None:
    started = start(api, initialization="lambda-managed-instances")
    assert api.of("register")[0].json == {"events": ["SHUTDOWN"]}
    assert schemas(api.of("telemetry")) == ["2025-01-29"]
    assert started.managed
    asked = api.of("telemetry")[0].json
    assert isinstance(asked, dict)
    buffering = asked["buffering"]
    assert isinstance(buffering, dict)
    assert buffering["timeoutMs"] == 1000  # the platform drops what it cannot deliver


def test_a_port_that_is_taken_is_replaced_by_another_which_the_subscription_names(
    api: LambdaApi, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as squatter:
        squatter.bind(("", 0))
        squatter.listen()
        taken = squatter.getsockname()[1]
        started = start(api, PORT=taken)
    assert started.listener is not None
    assert started.listener.port not in (0, taken, 9001)
    assert destination(api.of("telemetry")[0]) == started.listener.port
    assert api.of("telemetry")[0].destination_open is True
    (said,) = messages(capfd)
    assert (said["message"], said["asked"], said["used"]) == (
        "listener port in use: an ephemeral port is used",
        taken,
        started.listener.port,
    )


def test_the_port_asked_for_is_used_when_it_is_free(api: LambdaApi) -> None:
    port = free_port()
    start(api, PORT=port)
    assert destination(api.of("telemetry")[0]) == port


def test_without_a_bucket_nothing_is_subscribed_to_but_polling_goes_on(api: LambdaApi) -> None:
    started = start(api, bucket="")
    assert api.calls() == ["register", "next"]
    assert (started.api, started.listener) == ("", None)


def test_what_is_delivered_during_start_up_is_in_the_inbox(api: LambdaApi) -> None:
    started = start(api)
    assert api.deliver({"type": "platform.initStart", "record": {}}) == 200
    (received,) = started.inbox.take(5.0)
    assert isinstance(received, LogsReceived)
    assert received.body == b'[{"type": "platform.initStart", "record": {}}]'


@pytest.mark.parametrize("answer", [Answer(403, '{"errorType":"Extension.InvalidExtensionName"}'), DROP])
def test_a_refused_registration_is_an_error_that_names_the_call(api: LambdaApi, answer: Answer) -> None:
    api.script["register"] = [answer]
    told = settings.from_environ({settings.PREFIX + "S3_BUCKET": "a-bucket"})
    with pytest.raises(ApiError, match="register"):
        startup.start(told, ExtensionsApi(api.address), Inbox(), "")
    assert api.of("next") == []


def test_an_endpoint_that_nobody_serves_is_an_error(api: LambdaApi) -> None:
    del api  # its port is another
    told = settings.from_environ({})
    with pytest.raises(ApiError, match="no answer"):
        startup.start(told, ExtensionsApi(f"127.0.0.1:{free_port()}"), Inbox(), "")


def test_a_slow_answer_to_the_subscription_does_not_hold_up_the_init_for_long(api: LambdaApi) -> None:
    api.script["telemetry"] = [Answer(wait=0.5)]
    begun = time.monotonic()
    assert start(api).api == "telemetry"
    assert time.monotonic() - begun < 1.5


def test_the_connection_for_calls_is_closed_after_start_up(api: LambdaApi) -> None:
    started = start(api)
    wait_until(lambda: not inside.is_connected(started.calls), "the connection for calls is closed")


def test_the_account_is_asked_for_where_a_key_names_it_and_read_from_the_answer(api: LambdaApi) -> None:
    body = '{"functionName":"f","functionVersion":"1","handler":"h","accountId": "012345678901"}'
    api.script["register"] = [Answer(200, body)]
    assert start(api, S3_PREFIX="{account}/").calls.account == "012345678901"
    (request,) = api.of("register")
    assert request.headers["lambda-extension-accept-feature"] == "accountId"


def test_the_account_is_not_asked_for_otherwise(api: LambdaApi) -> None:
    assert start(api).calls.account == ""
    (request,) = api.of("register")
    assert "lambda-extension-accept-feature" not in request.headers


@pytest.mark.parametrize(
    "body", ['{"accountId":"12345"}', '{"accountId":"1234567890123x"}'[:25], '{"accountId":null}', '{"accountId":', ""]
)
def test_an_account_that_is_none_is_not_known(api: LambdaApi, body: str) -> None:
    api.script["register"] = [Answer(200, body)]
    assert start(api, S3_PREFIX="{account}/").calls.account == ""
