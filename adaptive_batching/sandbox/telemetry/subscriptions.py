"""What an extension may subscribe to: the bodies of the Logs and the Telemetry API, every bound checked. Pure.

Sources: protocol reference 4 and 5. Unknown extra properties are allowed, as AWS's own JSON schema allows them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from adaptive_batching.sandbox.options import LOGS, TELEMETRY
from adaptive_batching.sandbox.refusals import invalid_subscription
from adaptive_batching.sandbox.telemetry.batching import Buffering

#: Names under which the platform reaches an extension. They are mapped to loopback by us and never resolved.
HOSTS = frozenset({"sandbox.localdomain", "sandbox"})
#: The Runtime API's port in production; no listener can have it.
RESERVED_PORT = 9001
LAST_PORT = 65535


@dataclass(frozen=True)
class Destination:
    """Where deliveries go: `url_path` and `method` only for HTTP."""

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
    """Return the subscription that a body asks for, or raise Refused with the first thing that is wrong.

    `schemas`, when given, are the only schema versions that this environment knows.
    """
    model: type[_Telemetry | _Logs] = _Telemetry if api == TELEMETRY else _Logs
    try:
        wanted = model.model_validate_json(body)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "body"
        raise invalid_subscription(api, f"{place}: {first['msg']}") from None
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
        raise invalid_subscription(api, "destination.URI: only http:// is delivered to")
    if parts.hostname not in HOSTS:
        raise invalid_subscription(api, "destination.URI: the host must be sandbox.localdomain")
    if not port:
        raise invalid_subscription(api, "destination.URI: a port must be given")
    if port == RESERVED_PORT:
        raise invalid_subscription(api, f"destination.URI: port {RESERVED_PORT} is the Runtime API's")
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
