"""The results of invocations, as a caller reads them. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from adaptive_batching.sandbox.protocol.generation import Failure
    from adaptive_batching.sandbox.protocol.invocation import Invocation


@dataclass(frozen=True)
class Result:
    """The answer to one invocation, the tail of its log, and the record of its `platform.report`."""

    request_id: str
    payload: bytes
    function_error: str | None
    log_tail: str
    report: dict[str, Any]
    status: int = 200

    def json(self) -> Any:  # noqa: ANN401 - any JSON
        """Return the payload, decoded."""
        return json.loads(self.payload)


def result_of(invocation: Invocation) -> Result:
    """Return the result of an invocation that was answered."""
    return Result(
        invocation.request_id,
        invocation.response or b"",
        invocation.function_error,
        invocation.log_tail,
        dict(invocation.report),
    )


def failure_payload(failure: Failure, request_id: str) -> bytes:
    """Return the payload for a failure: the one that the runtime posted, else the platform's."""
    if failure.payload is not None:
        return failure.payload
    message = f"RequestId: {request_id} Error: {failure.message}"
    return json.dumps({"errorType": failure.error_type, "errorMessage": message}).encode()
