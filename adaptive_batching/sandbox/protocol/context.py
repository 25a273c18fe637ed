"""The context of the calls of the Runtime, Extensions, Logs and Telemetry APIs.

The calls are in `runtime_api` and `extensions_api`, which parse, delegate and render. The rules are in `states`,
`registry` and `subscriptions`. The paths are in `routes`.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from adaptive_batching.sandbox.http_server import Answer
from adaptive_batching.sandbox.refusals import JSON

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adaptive_batching.sandbox.function import Function
    from adaptive_batching.sandbox.protocol.generation import Generation
    from adaptive_batching.sandbox.telemetry.fanout import Telemetry

ACCEPTED = Answer(202, b'{"status":"OK"}\n', JSON)


@dataclass
class ApiContext:
    """The objects on which the API calls of one environment work."""

    function: Function
    telemetry: Telemetry
    generation: Generation
    """The current generation. A reset replaces it. A call that is blocked keeps the one with which it began."""
    supported: frozenset[str]
    """The log APIs that this environment has."""
    schemas: frozenset[str] | None
    """The schema versions that this environment accepts, None for all."""
    changed: threading.Condition = field(default_factory=lambda: threading.Condition(threading.RLock()))
    """Guards `generation` and everything in it, and is notified of each change."""


def json_answer(value: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Answer:
    """Return an answer with status 200 and a JSON body."""
    return Answer(200, json.dumps(value).encode(), {**JSON, **(headers or {})})
