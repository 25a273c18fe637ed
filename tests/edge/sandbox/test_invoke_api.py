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
        eventually(lambda: len(fleet.all[0].function_lines) == 3)
        lines = list(fleet.all[0].function_lines)
    assert json.loads(with_it["Payload"].read()) == [CONTEXT["custom"], "i"]
    assert json.loads(without["Payload"].read()) is None
    assert lines == ["context True\n", "context False\n", "context False\n"]


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
