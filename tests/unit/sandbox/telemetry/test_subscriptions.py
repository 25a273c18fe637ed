"""What may be subscribed to: each bound, from both sides."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adaptive_batching.sandbox.options import LOGS, TELEMETRY
from adaptive_batching.sandbox.refusals import Refused
from adaptive_batching.sandbox.telemetry.batching import Buffering
from adaptive_batching.sandbox.telemetry.subscriptions import Destination, parse

URI = "http://sandbox.localdomain:4243/"


def body(api: str = TELEMETRY, **changes: object) -> bytes:
    wanted: dict[str, Any] = {"types": ["platform"], "destination": {"protocol": "HTTP", "URI": URI}}
    if api == TELEMETRY:
        wanted["schemaVersion"] = "2025-01-29"
    wanted |= changes
    return json.dumps({name: value for name, value in wanted.items() if value is not None}).encode()


def http(uri: str, **more: object) -> dict[str, Any]:
    return {"protocol": "HTTP", "URI": uri, **more}


@pytest.mark.parametrize("schema", ["2022-07-01", "2022-12-13", "2025-01-29"])
def test_every_telemetry_schema_is_known(schema: str) -> None:
    assert parse(TELEMETRY, body(schemaVersion=schema)).schema == schema


def test_defaults_are_the_documented_ones() -> None:
    found = parse(TELEMETRY, body())
    assert found.buffering == Buffering(timeout=1.0, max_bytes=262_144, max_items=10_000)
    assert found.destination == Destination("HTTP", 4243, "sandbox.localdomain", "/", "POST")
    assert parse(LOGS, body(LOGS)).schema == "2020-08-15"


ACCEPTED: list[tuple[str, dict[str, object]]] = [
    (TELEMETRY, {"buffering": {"timeoutMs": 25, "maxBytes": 262_144, "maxItems": 1000}}),
    (TELEMETRY, {"buffering": {"timeoutMs": 30_000, "maxBytes": 1_048_576, "maxItems": 10_000}}),
    (TELEMETRY, {"destination": http("http://sandbox:1/any/path?and=query")}),
    (TELEMETRY, {"destination": http(URI, method="POST", encoding="JSON"), "unknown": 1}),
    (TELEMETRY, {"destination": {"protocol": "TCP", "port": 1}}),
    (TELEMETRY, {"destination": {"protocol": "TCP", "port": 65_535}}),
    (LOGS, {"destination": {"protocol": "TCP", "port": 1025}}),
    (LOGS, {"destination": http(URI, method="PUT")}),
    (LOGS, {"schemaVersion": "2021-03-18"}),
]


@pytest.mark.parametrize(("api", "changes"), ACCEPTED)
def test_accepted(api: str, changes: dict[str, object]) -> None:
    assert parse(api, body(api, **changes)).api == api


REFUSED: list[tuple[str, dict[str, object], str]] = [
    (TELEMETRY, {"schemaVersion": None}, "schemaVersion"),
    (TELEMETRY, {"schemaVersion": "2020-08-15"}, "schemaVersion"),
    (TELEMETRY, {"types": None}, "types"),
    (TELEMETRY, {"types": []}, "types"),
    (TELEMETRY, {"types": ["platform", "platform"]}, "types"),
    (TELEMETRY, {"types": ["runtime"]}, "types.0"),
    (TELEMETRY, {"destination": None}, "destination"),
    (TELEMETRY, {"buffering": {"timeoutMs": 24}}, "buffering.timeoutMs"),
    (TELEMETRY, {"buffering": {"timeoutMs": 30_001}}, "buffering.timeoutMs"),
    (TELEMETRY, {"buffering": {"timeoutMs": "25"}}, "buffering.timeoutMs"),
    (TELEMETRY, {"buffering": {"maxBytes": 262_143}}, "buffering.maxBytes"),
    (TELEMETRY, {"buffering": {"maxBytes": 1_048_577}}, "buffering.maxBytes"),
    (TELEMETRY, {"buffering": {"maxItems": 999}}, "buffering.maxItems"),
    (TELEMETRY, {"buffering": {"maxItems": 10_001}}, "buffering.maxItems"),
    (TELEMETRY, {"destination": {"protocol": "UDP", "port": 4243}}, "destination.protocol"),
    (TELEMETRY, {"destination": {"protocol": "HTTP"}}, "destination.URI"),
    (TELEMETRY, {"destination": http("https://sandbox.localdomain:4243")}, "destination.URI"),
    (TELEMETRY, {"destination": http("http://127.0.0.1:4243")}, "destination.URI"),
    (TELEMETRY, {"destination": http("http://sandbox.localdomain")}, "destination.URI"),
    (TELEMETRY, {"destination": http("http://sandbox.localdomain:9001")}, "destination.URI"),
    (TELEMETRY, {"destination": http("http://sandbox.localdomain:99999")}, "destination.URI"),
    (TELEMETRY, {"destination": {"protocol": "TCP"}}, "destination.port"),
    (TELEMETRY, {"destination": {"protocol": "TCP", "port": 0}}, "destination.port"),
    (TELEMETRY, {"destination": {"protocol": "TCP", "port": 65_536}}, "destination.port"),
    (LOGS, {"destination": {"protocol": "TCP", "port": 1024}}, "destination.port"),
    (LOGS, {"schemaVersion": "2022-07-01"}, "schemaVersion"),
    (LOGS, {"destination": http(URI, method="DELETE")}, "destination.method"),
]


@pytest.mark.parametrize(("api", "changes", "field"), REFUSED)
def test_refused_with_400_and_the_name_of_the_field(api: str, changes: dict[str, object], field: str) -> None:
    with pytest.raises(Refused) as refused:
        parse(api, body(api, **changes))
    assert refused.value.status == 400
    assert refused.value.error_type == ("Logs.ValidationError" if api == LOGS else "ValidationError")
    assert refused.value.message.startswith(f"{field}:")


@pytest.mark.parametrize("data", [b"", b"not json", b"[]", b'"OK"', b"\xff"])
def test_a_body_that_is_no_object_is_refused(data: bytes) -> None:
    with pytest.raises(Refused):
        parse(TELEMETRY, data)


def test_an_older_platform_refuses_the_newest_schema() -> None:
    with pytest.raises(Refused) as refused:
        parse(TELEMETRY, body(), frozenset({"2022-07-01", "2022-12-13"}))
    assert refused.value.status == 400
