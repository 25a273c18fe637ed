"""Parse and check the subscriptions of the Logs API and the Telemetry API. Pure.

Sources: docs/lambda-protocol.md, 4 and 5. Unknown properties are allowed, as in AWS's own JSON schema.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from adaptive_batching.sandbox.options import LOGS, TELEMETRY
from adaptive_batching.sandbox.refusals import invalid_subscription
from adaptive_batching.sandbox.telemetry.batching import Buffering

#: The host names of an extension. The sandbox maps them to loopback and never resolves them.
HOSTS = frozenset({"sandbox.localdomain", "sandbox"})
#: The port of the Runtime API in production. A subscriber cannot use it.
RESERVED_PORT = 9001
LAST_PORT = 65535


@dataclass(frozen=True)
class Destination:
    """The destination of deliveries. `host`, `path` and `method` are only for HTTP."""

    protocol: str
    port: int
    host: str = "sandbox.localdomain"
    path: str = "/"
    method: str = "POST"


@dataclass(frozen=True)
class Subscription:
    """One accepted subscription."""

    api: str
    schema: str
    types: tuple[str, ...]
    buffering: Buffering
    destination: Destination


class _Body(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow", populate_by_name=True)


class _Buffering(_Body):
    timeout_ms: Annotated[int, Field(alias="timeoutMs", ge=25, le=30_000)] = 1000
    max_bytes: Annotated[int, Field(alias="maxBytes", ge=262_144, le=1_048_576)] = 262_144
    max_items: Annotated[int, Field(alias="maxItems", ge=1000, le=10_000)] = 10_000


class _Destination(_Body):
    protocol: Literal["HTTP", "TCP"]
    uri: Annotated[str | None, Field(alias="URI")] = None
    port: int | None = None
    method: Literal["POST", "PUT"] = "POST"
    encoding: Literal["JSON"] = "JSON"


_Type = Literal["platform", "function", "extension"]


class _Telemetry(_Body):
    schema_version: Annotated[Literal["2022-07-01", "2022-12-13", "2025-01-29"], Field(alias="schemaVersion")]
    types: Annotated[list[_Type], Field(min_length=1)]
    buffering: _Buffering = _Buffering()
    destination: _Destination


class _Logs(_Body):
    schema_version: Annotated[Literal["2020-08-15", "2021-03-18"], Field(alias="schemaVersion")] = "2020-08-15"
    types: Annotated[list[_Type], Field(min_length=1)]
    buffering: _Buffering = _Buffering()
    destination: _Destination


def parse(api: str, body: bytes, schemas: frozenset[str] | None = None) -> Subscription:
    """Return the subscription in a request body. Raises Refused with the first error.

    `schemas` are the schema versions that this environment accepts, None for all.
    """
    model: type[_Telemetry | _Logs] = _Telemetry if api == TELEMETRY else _Logs
    try:
        wanted = model.model_validate_json(body)
    except ValidationError as error:
        first = error.errors()[0]
        member = ".".join(str(part) for part in first["loc"]) or "body"
        raise invalid_subscription(api, f"{member}: {first['msg']}") from None
    if schemas is not None and wanted.schema_version not in schemas:
        raise invalid_subscription(api, f"schemaVersion: {wanted.schema_version} is not supported here")
    if len(set(wanted.types)) < len(wanted.types):
        raise invalid_subscription(api, "types: duplicates are not allowed")
    return Subscription(
        api,
        wanted.schema_version,
        tuple(wanted.types),
        Buffering(wanted.buffering.timeout_ms / 1000, wanted.buffering.max_bytes, wanted.buffering.max_items),
        _destination(api, wanted.destination),
    )


def _destination(api: str, wanted: _Destination) -> Destination:
    if wanted.protocol == "TCP":
        return _tcp(api, wanted)
    if not wanted.uri:
        raise invalid_subscription(api, "destination.URI: an HTTP destination needs a URI")
    try:
        parts = urlsplit(wanted.uri)
        port = parts.port
    except ValueError as error:
        raise invalid_subscription(api, f"destination.URI: {error}") from None
    if parts.scheme != "http":
        raise invalid_subscription(api, "destination.URI: the scheme must be http")
    if parts.hostname not in HOSTS:
        raise invalid_subscription(api, "destination.URI: the host must be sandbox.localdomain")
    if not port:
        raise invalid_subscription(api, "destination.URI: a port must be given")
    if port == RESERVED_PORT:
        raise invalid_subscription(api, f"destination.URI: port {RESERVED_PORT} is that of the Runtime API")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    method = wanted.method if api == LOGS else "POST"
    return Destination("HTTP", port, parts.hostname or "", path, method)


def _tcp(api: str, wanted: _Destination) -> Destination:
    lowest = 1025 if api == LOGS else 1
    if wanted.port is None:
        raise invalid_subscription(api, "destination.port: a TCP destination needs a port")
    if not lowest <= wanted.port <= LAST_PORT:
        raise invalid_subscription(api, f"destination.port: must be between {lowest} and {LAST_PORT}")
    return Destination("TCP", wanted.port)
