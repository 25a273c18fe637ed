"""What the calls of the Runtime, Extensions, Logs and Telemetry API work on, and how they answer.

The calls are in `runtime_api` and `extensions_api`, thin: parse, delegate to the state, render. The rules are in
`states`, `registry` and `subscriptions`; which path leads where is in `routes`.
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
    """What the calls of one environment have before them."""

    function: Function
    telemetry: Telemetry
    generation: Generation
    """The generation that runs now. A reset puts another in its place; a call that is blocked keeps its own."""
    supported: frozenset[str]
    """The log APIs that exist here."""
    schemas: frozenset[str] | None
    """The only schema versions that exist here, None: all."""
    changed: threading.Condition = field(default_factory=lambda: threading.Condition(threading.RLock()))
    """Guards `generation` and everything in it; notified of each change."""


def json_answer(value: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Answer:
    """Return 200 with a JSON body."""
    return Answer(200, json.dumps(value).encode(), {**JSON, **(headers or {})})
