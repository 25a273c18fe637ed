"""What the calls of the Runtime, Extensions, Logs and Telemetry API work on, and how they answer.

The calls are in `runtime_api` and `extensions_api`, thin: parse, delegate to the state, render. The rules are in
`states`, `registry` and `subscriptions`; which path leads where is in `routes`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adaptive_batching.sandbox.http_server import Answer
from adaptive_batching.sandbox.refusals import JSON

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping

    from adaptive_batching.sandbox.function import Function
    from adaptive_batching.sandbox.protocol.generation import Life
    from adaptive_batching.sandbox.telemetry.fanout import Telemetry

ACCEPTED = Answer(202, b'{"status":"OK"}\n', JSON)


@dataclass(frozen=True)
class Apis:
    """One environment's state. `changed` guards everything that `life()` returns; `supported` are its log APIs."""

    function: Function
    telemetry: Telemetry
    changed: threading.Condition
    life: Callable[[], Life]
    supported: frozenset[str]
    schemas: frozenset[str] | None


def json_answer(value: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Answer:
    """Return 200 with a JSON body."""
    return Answer(200, json.dumps(value).encode(), {**JSON, **(headers or {})})
