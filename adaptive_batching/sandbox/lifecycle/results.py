"""The results of invocations, as a caller reads them. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from adaptive_batching.sandbox.protocol.generation import Failure
    from adaptive_batching.sandbox.protocol.invocation import Invocation


#: Characters of an error that a line has.
_SHOWN = 200
#: The error type of a timeout, whose message says all.
_TIMED_OUT = "Sandbox.Timedout"


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

    @property
    def why(self) -> str:
        """The type and the message of the error in the payload, in one line; "" without an error."""
        if self.function_error is None:
            return ""
        try:
            found = json.loads(self.payload)
        except (ValueError, RecursionError):
            found = None
        members = found if isinstance(found, dict) else {}
        kind = str(members.get("errorType") or self.report.get("errorType") or self.function_error)
        message = str(members.get("errorMessage") or "").removeprefix(f"RequestId: {self.request_id} Error: ")
        said = message if message and kind == _TIMED_OUT else f"{kind}: {message}" if message else kind
        line = " ".join("".join(one if one.isprintable() else " " for one in said).split())
        return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"


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
