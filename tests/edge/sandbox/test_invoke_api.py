"""What the Invoke API refuses as Lambda does, what it hands on, and what it keeps to itself."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from adaptive_batching.sandbox.fleet.invoke_api import CONTEXT_LIMIT, client_context
from tests.edge.sandbox.cli.test_serve import client, served
from tests.edge.sandbox.world import eventually, function

if TYPE_CHECKING:
    from pathlib import Path

    from adaptive_batching.sandbox.http_server import Server

ARN = "arn:aws:lambda:us-east-1:123456789012:function:function"
CONTEXT = {"custom": {"k": "v\u2028é"}, "client": {"installation_id": "i"}, "env": {}}


def encoded(context: object) -> str:
    return base64.b64encode(json.dumps(context).encode()).decode()


KNOWN = ["function", "function:$LATEST", ARN, f"{ARN}:$LATEST", "123456789012:function:function"]


def test_a_function_is_found_by_every_name_of_it(tmp_path: Path) -> None:
    with served(function(tmp_path, {})) as (_, server):
        for name in KNOWN:
            assert client(server).get_function(FunctionName=name)["Configuration"]["FunctionArn"] == ARN
        answer = client(server).invoke(FunctionName="function", Qualifier="$LATEST")
    assert answer["StatusCode"] == 200


UNKNOWN = [
    {"FunctionName": "function:prod"},
    {"FunctionName": "function:7"},
    {"FunctionName": f"{ARN}:prod"},
    {"FunctionName": "function", "Qualifier": "prod"},
    {"FunctionName": "function", "Qualifier": "1"},
    {"FunctionName": ARN, "Qualifier": "prod"},
]


def test_an_alias_and_a_version_that_do_not_exist_are_not_found(tmp_path: Path) -> None:
    with served(function(tmp_path, {})) as (fleet, server):
        for wanted in UNKNOWN:
            for call in (client(server).invoke, client(server).get_function):
                with pytest.raises(ClientError) as refused:
                    call(**wanted)
                assert refused.value.response["Error"]["Code"] == "ResourceNotFoundException", wanted
                assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
        assert fleet.all == []


@pytest.mark.parametrize(
    "name", ["..%2F..%2Fx", "..%2f..%2fetc", "a%20b", "%00", "a:b:c", "a%2Fb", "x" * 10 + "%0d%0a"]
)
def test_a_name_that_is_none_is_a_validation_error(tmp_path: Path, name: str) -> None:
    with served(function(tmp_path, {})) as (fleet, server):
        url = f"http://{server.address}/2015-03-31/functions/{name}/invocations"
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(urllib.request.Request(url, b"{}"), timeout=10)
        assert (refused.value.code, refused.value.headers["X-Amzn-ErrorType"]) == (400, "ValidationException")
        assert fleet.all == []


SAYS = """
def handler(event, context):
    own = context.client_context
    print("context", bool(own))
    return own and [own.custom, own.client.installation_id]
"""
NODE = "exports.handler = async (event, context) => context.clientContext ?? null"


def test_a_client_context_is_decoded_for_python_and_only_for_synchronous_invocations(tmp_path: Path) -> None:
    one = function(tmp_path, {})
    (one.folder / "app.py").write_text(SAYS)
    with served(one) as (fleet, server):
        with_it = client(server).invoke(FunctionName="function", ClientContext=encoded(CONTEXT))
        without = client(server).invoke(FunctionName="function")
        client(server).invoke(FunctionName="function", ClientContext=encoded(CONTEXT), InvocationType="Event")
        eventually(lambda: sum(len(one.function_lines) for one in fleet.all) == 3)
        lines = [line for one in fleet.all for line in one.function_lines]  # the event may run in a second environment
    assert json.loads(with_it["Payload"].read()) == [CONTEXT["custom"], "i"]
    assert json.loads(without["Payload"].read()) is None
    assert sorted(lines) == ["context False\n", "context False\n", "context True\n"]


def test_a_client_context_is_an_object_for_node(tmp_path: Path) -> None:
    one = function(tmp_path, {}, runtime="nodejs22.x", handler="index.handler")
    (one.folder / "index.js").write_text(NODE)
    with served(one) as (_, server):
        answers = [
            json.loads(client(server).invoke(FunctionName="function", **words)["Payload"].read())
            for words in ({"ClientContext": encoded(CONTEXT)}, {})
        ]
    assert answers == [CONTEXT, None]


MALFORMED = ["no base64!", base64.b64encode(b"no json").decode(), encoded([1]), encoded("text"), encoded(None), "e30",
             base64.b64encode(b"\xff\xfe").decode(), encoded({"x": "y" * CONTEXT_LIMIT})]  # fmt: skip


def test_a_malformed_client_context_is_lambdas_error(tmp_path: Path) -> None:
    with served(function(tmp_path, {})) as (fleet, server):
        for text in MALFORMED:
            with pytest.raises(
                ClientError, match="Client context must be a valid Base64-encoded JSON object"
            ) as refused:
                client(server).invoke(FunctionName="function", ClientContext=text)
            assert refused.value.response["Error"]["Code"] == "InvalidRequestContentException"
        assert fleet.all == []
    assert client_context(None) is None
    assert json.loads(client_context(encoded({"é": 1})) or "") == {"é": 1}


def test_get_function_names_the_variables_and_shows_no_value(tmp_path: Path) -> None:
    with served(function(tmp_path, {}, variables={"PASSWORD": "very-secret", "PLAIN": "value"})) as (_, server):
        answer = client(server).get_function(FunctionName="function")["Configuration"]
    assert answer["Environment"]["Variables"] == {"PASSWORD": "***", "PLAIN": "***"}
    assert "very-secret" not in json.dumps(answer, default=str)


def status(server: Server, **headers: str) -> int:
    url = f"http://{server.address}/2015-03-31/functions/function/invocations"
    request = urllib.request.Request(url, b"{}", {"Content-Type": "text/plain", **headers})
    try:
        return int(urllib.request.urlopen(request, timeout=10).status)  # noqa: S310 - http to loopback
    except urllib.error.HTTPError as error:
        return error.code


def test_no_web_page_can_invoke(tmp_path: Path) -> None:
    with served(function(tmp_path, {})) as (fleet, server):
        assert status(server, Origin="https://example.com") == 403
        assert status(server, Origin="null") == 403
        assert status(server, Host="rebound.example") == 403
        assert fleet.all == []
        assert status(server) == 200


def test_a_log_tail_is_sent_only_when_it_is_asked_for(tmp_path: Path) -> None:
    with served(function(tmp_path, {})) as (_, server):
        plain = client(server).invoke(FunctionName="function")
        tail = client(server).invoke(FunctionName="function", LogType="Tail")
    assert "LogResult" not in plain
    assert "REPORT RequestId:" in base64.b64decode(tail["LogResult"]).decode()


def test_large_payloads_and_chunked_requests_are_served(tmp_path: Path) -> None:
    one = function(tmp_path, {})
    (one.folder / "app.py").write_text(
        "def handler(event, context):\n    return [len(event), context.invoked_function_arn]\n"
    )
    with served(one) as (fleet, server):
        large = json.dumps("x" * 5_900_000).encode()
        answer = client(server).invoke(FunctionName="function", Payload=large)
        assert json.loads(answer["Payload"].read()) == [5_900_000, ARN]
        queued = client(server).invoke(
            FunctionName="function", Payload=json.dumps("x" * 300_000), InvocationType="Event"
        )
        eventually(lambda: sum(len(one.finished) for one in fleet.all) == 2)
        url = f"http://{server.address}/2015-03-31/functions/function/invocations"
        chunked = urllib.request.Request(url, iter([b'"in ', b'chunks"']), {"Transfer-Encoding": "chunked"})
        assert json.loads(urllib.request.urlopen(chunked, timeout=10).read()) == [9, ARN]  # noqa: S310 - as above
    assert queued["StatusCode"] == 202


RETURNS = {
    "b'raw'": b"raw",
    "float('nan')": b"NaN",
    "__import__('datetime').datetime(2026, 1, 1)": None,
    "{1}": None,
}


@pytest.mark.parametrize("value", RETURNS)
def test_what_python_returns_is_what_awslambdaric_makes_of_it(tmp_path: Path, value: str) -> None:
    one = function(tmp_path, {})
    (one.folder / "app.py").write_text(f"def handler(event, context):\n    return {value}\n")
    with served(one) as (_, server):
        answer = client(server).invoke(FunctionName="function")
    payload = answer["Payload"].read()
    if RETURNS[value] is not None:
        assert (answer.get("FunctionError"), payload) == (None, RETURNS[value])
    else:
        assert (answer["FunctionError"], json.loads(payload)["errorType"]) == ("Unhandled", "Runtime.MarshalError")


def test_a_crash_is_in_the_report_and_not_a_line_of_its_own(tmp_path: Path) -> None:
    with served(function(tmp_path, {})) as (_, server):
        answer = client(server).invoke(FunctionName="function", Payload=b'{"exit": 7}', LogType="Tail")
    log = base64.b64decode(answer["LogResult"]).decode()
    payload = json.loads(answer["Payload"].read())
    assert payload["errorMessage"].endswith("Error: Runtime exited with error: exit status 7")
    assert payload["errorMessage"] not in log
    assert "Status: error\tError Type: Runtime.ExitError" in log
