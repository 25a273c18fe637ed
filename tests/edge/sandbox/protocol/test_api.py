"""The four APIs over real HTTP, without processes: status, error type, order of checks."""

from __future__ import annotations

import json
import socket
import threading
import time
import uuid
from typing import TYPE_CHECKING

import pytest
import requests

from adaptive_batching.sandbox.function import Function
from adaptive_batching.sandbox.http_server import Server
from adaptive_batching.sandbox.options import LOGS, TELEMETRY
from adaptive_batching.sandbox.protocol import routes
from adaptive_batching.sandbox.protocol.context import ApiContext
from adaptive_batching.sandbox.protocol.generation import Generation
from adaptive_batching.sandbox.protocol.invocation import Invocation
from adaptive_batching.sandbox.protocol.runtime_api import RESPONSE_LIMIT
from adaptive_batching.sandbox.telemetry.dialects import Dialect
from adaptive_batching.sandbox.telemetry.fanout import Telemetry
from adaptive_batching.sandbox.telemetry.logstream import LogStream

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EXTENSION = "/2020-01-01/extension"
RUNTIME = "/2018-06-01/runtime"
WANTED = {
    "schemaVersion": "2025-01-29",
    "types": ["platform"],
    "destination": {"protocol": "HTTP", "URI": "http://sandbox.localdomain:4243/"},
}


class Client:
    """A served environment without processes; each call opens its own connection."""

    def __init__(self, folder: Path, supported: frozenset[str] = frozenset({LOGS, TELEMETRY})) -> None:
        self.generation = Generation(["tiny"], managed=False)
        self.telemetry = Telemetry(
            LogStream(folder / "log", json_format=False), lambda wanted: Dialect(wanted.api, wanted.schema)
        )
        context = ApiContext(Function(folder), self.telemetry, self.generation, supported, None)
        self.changed = context.changed
        self.server = Server(routes.serve(context), incomplete=True)

    def call(self, method: str, path: str, body: object = None, **headers: str) -> requests.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        with requests.Session() as session:
            session.trust_env = False
            return session.request(method, f"http://{self.server.address}{path}", data=data, headers=named, timeout=5)

    def register(self, events: list[str] | None = None) -> dict[str, str]:
        answer = self.call("POST", f"{EXTENSION}/register", {"events": events or []}, Lambda_Extension_Name="tiny")
        assert answer.status_code == 200
        return {"Lambda_Extension_Identifier": answer.headers["Lambda-Extension-Identifier"]}

    def invoke(self, payload: bytes = b"{}") -> Invocation:
        invocation = Invocation(payload, 3.0, "arn:f", "Root=1")
        invocation.begin()
        with self.changed:
            self.generation.running[invocation.request_id] = invocation
            self.generation.queue.append(invocation)
            self.changed.notify_all()
        return invocation

    def close(self) -> None:
        with self.changed:
            self.generation.ended = True
            self.changed.notify_all()
        self.server.stop()
        self.telemetry.stop()


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    served = Client(tmp_path)
    yield served
    served.close()


def refusal(answer: requests.Response) -> tuple[int, str]:
    body = answer.json()
    assert set(body) == {"errorMessage", "errorType"}
    return answer.status_code, body["errorType"]


def test_register_answers_with_an_identifier_and_the_function(client: Client) -> None:
    answer = client.call("POST", f"{EXTENSION}/register", {"events": ["INVOKE"]}, Lambda_Extension_Name="tiny")
    uuid.UUID(answer.headers["Lambda-Extension-Identifier"])
    assert answer.json() == {"functionName": "function", "functionVersion": "$LATEST", "handler": "app.handler"}


def test_the_account_id_is_given_to_who_asks_for_the_feature(client: Client) -> None:
    answer = client.call(
        "POST",
        f"{EXTENSION}/register",
        Lambda_Extension_Name="tiny",
        Lambda_Extension_Accept_Feature="other , accountId",
    )
    assert answer.json()["accountId"] == "123456789012"


NEXT, INIT_ERROR, EXIT_ERROR = f"{EXTENSION}/event/next", f"{EXTENSION}/init/error", f"{EXTENSION}/exit/error"
IDENTIFIED = [
    ("GET", NEXT),
    ("POST", INIT_ERROR),
    ("POST", EXIT_ERROR),
    ("PUT", "/2022-07-01/telemetry"),
    ("PUT", "/2020-08-15/logs"),
]


@pytest.mark.parametrize(("method", "path"), IDENTIFIED)
def test_04_identifiers_are_checked_first_and_in_order(client: Client, method: str, path: str) -> None:
    """Missing, then malformed, then unknown; only then the state or the body."""
    assert refusal(client.call(method, path)) == (403, "Extension.MissingExtensionIdentifier")
    bad = client.call(method, path, Lambda_Extension_Identifier="no-uuid")
    assert refusal(bad) == (403, "Extension.InvalidExtensionIdentifier")
    unknown = client.call(method, path, Lambda_Extension_Identifier=str(uuid.uuid4()))
    assert refusal(unknown) == (403, "Extension.UnknownExtensionIdentifier")


BODIES: list[tuple[object, str]] = [
    (b"not json", "InvalidRequestFormat"),
    ({"events": "INVOKE"}, "InvalidRequestFormat"),
    ({"events": [], "configurationKeys": ["x"]}, "InvalidRequestFormat"),
    ({"events": ["NAP"]}, "Extension.InvalidEventType"),
]


@pytest.mark.parametrize(("body", "error_type"), BODIES)
def test_04_a_registration_that_is_refused(client: Client, body: object, error_type: str) -> None:
    answer = client.call("POST", f"{EXTENSION}/register", body, Lambda_Extension_Name="tiny")
    assert refusal(answer) == (403, error_type)


def test_04_a_registration_without_a_name_or_twice_is_refused(client: Client) -> None:
    assert refusal(client.call("POST", f"{EXTENSION}/register", {})) == (403, "Extension.InvalidExtensionName")
    client.register()
    again = client.call("POST", f"{EXTENSION}/register", {}, Lambda_Extension_Name="tiny")
    assert refusal(again) == (403, "Extension.InvalidExtensionState")


def test_04_errors_need_their_header_and_end_the_conversation(client: Client) -> None:
    me = client.register()
    assert refusal(client.call("POST", INIT_ERROR, **me)) == (403, "Extension.MissingHeader")
    told = client.call("POST", INIT_ERROR, {}, Lambda_Extension_Function_Error_Type="Extension.No", **me)
    assert (told.status_code, told.json()) == (202, {"status": "OK"})
    again = client.call("POST", INIT_ERROR, {}, Lambda_Extension_Function_Error_Type="Extension.No", **me)
    assert again.status_code == 202
    assert refusal(client.call("GET", NEXT, **me)) == (403, "Extension.InvalidExtensionState")
    last = client.call("POST", EXIT_ERROR, Lambda_Extension_Function_Error_Type="Extension.No", **me)
    assert refusal(last) == (403, "Extension.InvalidExtensionState")
    assert client.generation.failure is not None
    assert client.generation.failure.error_type == "Extension.No"


def test_03_internal_registration_closes_at_the_runtimes_first_next(client: Client) -> None:
    early = client.call("POST", f"{EXTENSION}/register", {}, Lambda_Extension_Name="internal-1")
    assert early.status_code == 200
    client.invoke()
    client.call("GET", f"{RUNTIME}/invocation/next")
    late = client.call("POST", f"{EXTENSION}/register", {}, Lambda_Extension_Name="internal-2")
    assert refusal(late) == (403, "Extension.RegistrationClosed")


def test_05_next_blocks_and_each_invoke_has_a_fresh_event_identifier(client: Client) -> None:
    me = client.register(["INVOKE"])
    seen = []
    for number in range(2):
        thread = threading.Thread(target=lambda: seen.append(client.call("GET", NEXT, **me)))
        thread.start()
        while client.generation.registry.named("tiny").state.value != "Ready":
            time.sleep(0.005)
        assert len(seen) == number
        with client.changed:
            client.generation.registry.named("tiny").inbox.append({"eventType": "INVOKE", "requestId": str(number)})
            client.changed.notify_all()
        thread.join(5)
    assert [one.json()["requestId"] for one in seen] == ["0", "1"]
    identifiers = {one.headers["Lambda-Extension-Event-Identifier"] for one in seen}
    assert len(identifiers) == 2


def test_06_a_subscription_is_accepted_and_the_same_again_too(client: Client) -> None:
    me = client.register()
    for _ in range(2):
        answer = client.call("PUT", "/2022-07-01/telemetry", WANTED, **me)
        assert (answer.status_code, answer.text) == (200, '"OK"')


def test_06_one_extension_uses_one_api(client: Client) -> None:
    me = client.register()
    client.call("PUT", "/2022-07-01/telemetry", WANTED, **me)
    other = client.call("PUT", "/2020-08-15/logs", {**WANTED, "schemaVersion": "2021-03-18"}, **me)
    assert refusal(other) == (400, "Logs.ValidationError")
    changed = client.call("PUT", "/2022-07-01/telemetry", {**WANTED, "types": ["function"]}, **me)
    assert refusal(changed) == (500, "InternalServerError")


def test_06_subscriptions_close_with_init(client: Client) -> None:
    me = client.register()
    client.telemetry.close_subscriptions()
    for path, api in (("/2022-07-01/telemetry", "Telemetry"), ("/2020-08-15/logs", "Logs")):
        wanted = WANTED if api == "Telemetry" else {**WANTED, "schemaVersion": "2021-03-18"}
        answer = client.call("PUT", path, wanted, **me)
        assert refusal(answer) == (403, f"{api}.SubscriptionClosed")


def test_06_unsupported_apis_answer_202_without_looking(tmp_path: Path) -> None:
    served = Client(tmp_path, frozenset())
    try:
        assert refusal(served.call("PUT", "/2022-07-01/telemetry")) == (202, "Telemetry.NotSupported")
        assert refusal(served.call("PUT", "/2020-08-15/logs", b"x")) == (202, "Logs.NotSupported")
    finally:
        served.close()


def test_06_another_version_in_the_path_is_404(client: Client) -> None:
    me = client.register()
    assert client.call("PUT", "/2025-01-29/telemetry", WANTED, **me).status_code == 404
    assert client.call("POST", "/2022-07-01/telemetry", WANTED, **me).status_code == 405


def test_the_runtime_gets_the_documented_headers_and_its_answer_reaches_the_caller(client: Client) -> None:
    invocation = client.invoke(b'{"a": 1}')
    got = client.call("GET", f"{RUNTIME}/invocation/next")
    assert got.content == b'{"a": 1}'
    assert got.headers["Lambda-Runtime-Aws-Request-Id"] == invocation.request_id
    assert int(got.headers["Lambda-Runtime-Deadline-Ms"]) == invocation.deadline_ms
    assert got.headers["Lambda-Runtime-Invoked-Function-Arn"] == "arn:f"
    assert got.headers["Lambda-Runtime-Trace-Id"] == "Root=1"
    answer = client.call("POST", f"{RUNTIME}/invocation/{invocation.request_id}/response", b'"ok"')
    assert (answer.status_code, answer.json()) == (202, {"status": "OK"})
    assert invocation.response == b'"ok"'


def started(client: Client) -> str:
    invocation = client.invoke()
    client.call("GET", f"{RUNTIME}/invocation/next")
    return f"{RUNTIME}/invocation/{invocation.request_id}"


def test_the_runtime_api_refuses_what_does_not_fit(client: Client) -> None:
    assert refusal(client.call("POST", f"{RUNTIME}/invocation/x/response", b"1")) == (400, "InvalidRequestID")
    path = started(client)
    mode = client.call("POST", f"{path}/response", b"1", Lambda_Runtime_Function_Response_Mode="odd")
    assert refusal(mode) == (400, "InvalidFunctionResponseMode")
    assert refusal(client.call("GET", f"{RUNTIME}/invocation/next")) == (403, "InvalidStateTransition")
    assert client.call("POST", f"{path}/response", b"1").status_code == 202
    assert refusal(client.call("POST", f"{path}/response", b"2")) == (403, "InvalidStateTransition")
    assert refusal(client.call("POST", f"{RUNTIME}/init/error", b"{}")) == (403, "InvalidStateTransition")


def test_a_response_above_six_megabytes_is_413_and_an_error_for_the_caller(client: Client) -> None:
    path = started(client)
    invocation = next(iter(client.generation.running.values()))
    answer = client.call("POST", f"{path}/response", b"x" * (RESPONSE_LIMIT + 1))
    assert refusal(answer) == (413, "RequestEntityTooLarge")
    assert invocation.function_error == "Unhandled"
    assert json.loads(invocation.response or b"")["errorType"] == "Function.ResponseSizeTooLarge"


ERROR_TYPES = [
    ("Runtime.ImportModuleError", "Runtime.ImportModuleError"),
    ("Function.my_own", "Function.Unknown"),
    ("nonsense", "Runtime.Unknown"),
    ("", "Runtime.Unknown"),
]


@pytest.mark.parametrize(("sent", "kept"), ERROR_TYPES)
def test_error_types_that_do_not_fit_are_replaced(client: Client, sent: str, kept: str) -> None:
    path = started(client)
    invocation = next(iter(client.generation.running.values()))
    client.call("POST", f"{path}/error", b"{}", Lambda_Runtime_Function_Error_Type=sent)
    assert (invocation.function_error, invocation.error_type) == ("Unhandled", kept)


def exchange(client: Client, data: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", client.server.port), 5) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def chunked(path: str, *chunks: bytes, end: bytes) -> bytes:
    head = f"POST {path}/response HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
    mode = "Lambda-Runtime-Function-Response-Mode: streaming\r\n\r\n"
    return (head + mode).encode() + b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + end


def test_a_streamed_response_is_joined_and_its_trailers_can_say_that_it_failed(client: Client) -> None:
    path = started(client)
    invocation = next(iter(client.generation.running.values()))
    end = b"0\r\nLambda-Runtime-Function-Error-Type: Function.Broke\r\n\r\n"
    assert b" 202 " in exchange(client, chunked(path, b"one", b"two", end=end)).split(b"\r\n")[0]
    assert (invocation.response, invocation.error_type) == (b"onetwo", "Function.Broke")


def test_a_body_that_ends_early_is_truncated(client: Client) -> None:
    path = started(client)
    answer = exchange(client, chunked(path, b"one", end=b"ff\r\nnot that long"))
    assert b" 400 " in answer.split(b"\r\n")[0]
    assert b"TruncatedHTTPRequest" in answer


WITH_BODIES = [
    f"POST {RUNTIME}/init/error",
    f"POST {RUNTIME}/restore/error",
    f"POST {EXTENSION}/register",
    f"POST {EXTENSION}/init/error",
    f"POST {EXTENSION}/exit/error",
    "PUT /2020-08-15/logs",
    "PUT /2022-07-01/telemetry",
]


@pytest.mark.parametrize("call", WITH_BODIES)
@pytest.mark.parametrize("sent", [b"", b"{}"])
def test_half_a_request_changes_nothing(client: Client, call: str, sent: bytes) -> None:
    head = f"{call} HTTP/1.1\r\nHost: x\r\nLambda-Extension-Name: tiny\r\nContent-Length: 99\r\n\r\n"
    answer = exchange(client, head.encode() + sent)
    assert b" 400 " in answer.split(b"\r\n")[0]
    assert b"TruncatedHTTPRequest" in answer
    assert client.generation.failure is None
    client.register()  # which the half has not done


def test_an_answer_is_one_send(client: Client) -> None:
    """Head and body arrive together: forty exchanges on one connection take far less than forty delayed packets."""
    with requests.Session() as session:
        session.trust_env = False
        began = time.monotonic()
        for _ in range(40):
            assert session.get(f"http://{client.server.address}/2018-06-01/ping", timeout=5).text == "pong"
        assert time.monotonic() - began < 40 * 0.04


def test_credentials_are_served_to_snapstart_only(client: Client) -> None:
    assert client.call("GET", "/2021-04-23/credentials").status_code == 404
