"""Routes, events and answers of a REST API. The expected values are those of the API Gateway developer guide."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from adaptive_batching.sandbox.landscape.rest.proxy import Call, MalformedError, event, refusal, reply
from adaptive_batching.sandbox.landscape.rest.routes import Route, find

ROUTES = [
    Route("GET", "/items", "list"),
    Route("POST", "/items", "make"),
    Route("GET", "/items/{id}", "read"),
    Route("GET", "/items/newest", "newest"),
    Route("ANY", "/items/{id}/parts/{part}", "part"),
    Route("GET", "/items/{rest+}", "rest"),
    Route("ANY", "/{proxy+}", "others"),
    Route("DELETE", "/{proxy+}", "deletes"),
    Route("GET", "/", "root"),
]


@pytest.mark.parametrize(
    ("method", "path", "function", "values"),
    [
        ("GET", "/items", "list", {}),
        ("GET", "/items/", "list", {}),
        ("GET", "/items//", "list", {}),
        ("POST", "/items", "make", {}),
        ("GET", "/items/7", "read", {"id": "7"}),
        ("GET", "/items/a%20b", "read", {"id": "a%20b"}),
        ("GET", "/items/newest", "newest", {}),
        ("PUT", "/items/7/parts/x", "part", {"id": "7", "part": "x"}),
        ("GET", "/items/7/8/9", "rest", {"rest": "7/8/9"}),
        ("PUT", "/items", "others", {"proxy": "items"}),
        ("GET", "/other", "others", {"proxy": "other"}),
        ("DELETE", "/other/7", "deletes", {"proxy": "other/7"}),
        ("GET", "/", "root", {}),
    ],
)
def test_the_most_specific_route_is_taken(method: str, path: str, function: str, values: dict[str, str]) -> None:
    found = find(ROUTES, method, path)
    assert found is not None
    route, parameters = found
    assert (route.function, parameters) == (function, values)


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", "/items"), ("GET", "/"), ("GET", "/items/7/8"), ("GET", "/itemsx"), ("GET", "items")],
)
def test_a_request_without_a_route_has_none(method: str, path: str) -> None:
    assert find([ROUTES[0], ROUTES[2]], method, path) is None


HEADERS = [
    ("Host", "127.0.0.1:3000"),
    ("User-Agent", "curl/8"),
    ("X-Many", "1"),
    ("X-Many", "2"),
    ("Connection", "close"),
    ("Content-Length", "3"),
]
TRACE = "Root=1-6b07c8d8-1bd0c379a25b42f88652cf8e"


def call(**changes: Any) -> Call:  # noqa: ANN401 - fields of a call
    given: dict[str, Any] = {
        "method": "POST",
        "target": "/items/7?a=1&a=2&b=&c=%20x",
        "headers": HEADERS,
        "body": b'{"a":1}',
        "request_id": "5a728e48-ef87-4ea4-b4c0-e33f0e187c0c",
        "trace": TRACE,
        "at": 1_795_672_280.44,
    }
    return Call(**{**given, **changes})


@pytest.mark.parametrize(
    ("host", "port"),
    [("127.0.0.1:3000", "3000"), ("localhost", "80"), ("[::1]:8080", "8080"), ("[::1]", "80"), ("", "80")],
)
def test_the_forwarded_port_is_that_of_the_request(host: str, port: str) -> None:
    found = event(call(headers=[("Host", host)] if host else []), Route("GET", "/", "f"), {})
    assert found["headers"]["X-Forwarded-Port"] == port


def test_the_event_is_the_one_that_is_documented() -> None:
    found = event(call(), Route("POST", "/items/{id}", "f", "live"), {"id": "7"})
    context = found.pop("requestContext")
    added = {
        "X-Amzn-Trace-Id": TRACE,
        "X-Forwarded-For": "127.0.0.1",
        "X-Forwarded-Port": "3000",
        "X-Forwarded-Proto": "http",
    }
    assert found == {
        "resource": "/items/{id}",
        "path": "/items/7",
        "httpMethod": "POST",
        "headers": {"Host": "127.0.0.1:3000", "User-Agent": "curl/8", "X-Many": "2", **added},
        "multiValueHeaders": {
            "Host": ["127.0.0.1:3000"],
            "User-Agent": ["curl/8"],
            "X-Many": ["1", "2"],
            **{name: [value] for name, value in added.items()},
        },
        "queryStringParameters": {"a": "2", "b": "", "c": " x"},
        "multiValueQueryStringParameters": {"a": ["1", "2"], "b": [""], "c": [" x"]},
        "pathParameters": {"id": "7"},
        "stageVariables": None,
        "body": '{"a":1}',
        "isBase64Encoded": False,
    }
    identity = context.pop("identity")
    assert (identity["sourceIp"], identity["userAgent"], identity["user"]) == ("127.0.0.1", "curl/8", None)
    assert context == {
        "accountId": "123456789012",
        "apiId": "sandboxapi",
        "domainName": "127.0.0.1",
        "domainPrefix": "127",
        "extendedRequestId": "5a728e48-ef87-4ea4-b4c0-e33f0e187c0c",
        "httpMethod": "POST",
        "path": "/live/items/7",
        "protocol": "HTTP/1.1",
        "requestId": "5a728e48-ef87-4ea4-b4c0-e33f0e187c0c",
        "requestTime": "26/Nov/2026:05:51:20 +0000",
        "requestTimeEpoch": 1_795_672_280_440,
        "resourceId": "sandbox",
        "resourcePath": "/items/{id}",
        "stage": "live",
    }


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("http://127.0.0.1:3000/items/7?a=http://b/c", "/items/7"),
        ("HTTPS://host/items/", "/items/"),
        ("http://host", "/"),
        ("http://host?a=1", "/"),
        ("/http://host/x", "/http://host/x"),
    ],
)
def test_the_path_of_a_request_line_in_absolute_form_is_without_the_server(target: str, path: str) -> None:
    assert call(target=target).path == path


def test_what_is_empty_is_null() -> None:
    found = event(call(target="/items", body=b""), ROUTES[0], {})
    names = ("queryStringParameters", "multiValueQueryStringParameters", "pathParameters", "body", "stageVariables")
    assert [found[name] for name in names] == [None] * 5


@pytest.mark.parametrize(
    ("kind", "binary", "encoded"),
    [
        ("image/png", (), False),
        ("image/png", ("image/png",), True),
        ("image/png; q=1", ("image~1png",), True),
        ("text/plain", ("image/png",), False),
        ("anything", ("*/*",), True),
    ],
)
def test_a_body_is_base64_if_the_api_treats_its_type_as_binary(
    kind: str, binary: tuple[str, ...], *, encoded: bool
) -> None:
    route = Route("POST", "/items", "f", binary=binary)
    found = event(call(headers=[("content-type", kind)], body=b"\xff\x00"), route, {})
    assert found["isBase64Encoded"] is encoded
    assert found["body"] == (base64.b64encode(b"\xff\x00").decode() if encoded else "\ufffd\x00")


def answered(answer: object, **changes: Any) -> Any:  # noqa: ANN401 - fields of a call
    binary = changes.pop("binary", ())
    payload = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    return reply(payload, call(**changes), Route("GET", "/items", "f", binary=binary))


def test_an_answer_has_status_headers_and_body() -> None:
    found = answered(
        {
            "statusCode": 201,
            "headers": {"X-One": "1", "Set-Cookie": "lost", "X-Is": True},
            "multiValueHeaders": {"set-cookie": ["a=1", "b=2"]},
            "body": "é",
        }
    )
    assert (found.status, found.body) == (201, "é".encode())
    assert found.headers == (
        ("X-One", "1"),
        ("X-Is", "true"),
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
        ("Content-Type", "application/json"),
    )


@pytest.mark.parametrize(
    ("answer", "status"), [({}, 200), ({"statusCode": "404"}, 404), ({"statusCode": 299, "body": None}, 299)]
)
def test_no_member_of_an_answer_is_mandatory(answer: object, status: int) -> None:
    found = answered(answer)
    assert (found.status, found.body, found.headers) == (status, b"", (("Content-Type", "application/json"),))


def test_a_base64_body_is_decoded_only_for_a_client_that_accepts_a_binary_type() -> None:
    answer = {"body": base64.b64encode(b"\xff").decode(), "isBase64Encoded": True}
    accepting = [("Accept", "image/png, */*")]
    assert answered(answer, headers=accepting, binary=("image/png",)).body == b"\xff"
    assert answered(answer, headers=accepting).body == b"/w=="
    with pytest.raises(MalformedError, match="not base64"):
        answered({**answer, "body": "%"}, headers=accepting, binary=("image/png",))


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"no", "not JSON"),
        (b"", "not JSON"),
        (None, "it is null, not an object"),
        ("text", "it is a string"),
        ([1], "it is a list"),
        (7, "it is a number"),
        ({"status": 200}, "the member 'status'"),
        ({"body": {"a": 1}}, "its body is an object, not a string; json.dumps"),
        ({"statusCode": "two"}, "its statusCode is 'two'"),
        *(({"statusCode": one}, f"its statusCode is {one}") for one in (-200, 99, 100, 101, 103, 199, 600, 2000)),
        ({"statusCode": [200]}, "its statusCode"),
        ({"headers": ["a"]}, "its headers are a list"),
        ({"headers": {"a": 1}}, "its header 'a' is not a string"),
        ({"headers": {"a b": "1"}}, "'a b' is not the name of a header"),
        ({"multiValueHeaders": {"a": "1"}}, "its header 'a' is not a string"),
    ],
)
def test_an_answer_of_another_form_is_malformed(answer: object, why: str) -> None:
    with pytest.raises(MalformedError, match=why):
        answered(answer)


def test_a_header_cannot_carry_another_one() -> None:
    (first, _) = answered({"headers": {"X": "a\r\nSet-Cookie: b"}}).headers
    assert first == ("X", "a Set-Cookie: b")


def test_a_refusal_has_the_words_and_the_error_type_of_api_gateway() -> None:
    found = refusal(403, "Missing Authentication Token", "MissingAuthenticationTokenException")
    assert json.loads(found.body) == {"message": "Missing Authentication Token"}
    assert dict(found.headers)["x-amzn-ErrorType"] == "MissingAuthenticationTokenException"
