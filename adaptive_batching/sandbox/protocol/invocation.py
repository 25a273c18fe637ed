"""One invocation: the request, the times of its steps, and the response. The lock of its generation guards it."""

from __future__ import annotations

import threading
import time
import uuid
from dataclasses import dataclass, field

from adaptive_batching.sandbox.telemetry import events


@dataclass(frozen=True)
class Response:
    """The response to the caller.

    `by_runtime` says that the runtime posted it. Otherwise the platform made it for a failure. `at` is monotonic
    seconds.
    """

    payload: bytes
    function_error: str | None = None
    error_type: str | None = None
    content_type: str = "application/json"
    by_runtime: bool = False
    at: float = field(default_factory=time.monotonic)


@dataclass(eq=False)
class Invocation:
    """One invocation. `*_at` are monotonic seconds, `*_time` seconds since the epoch. `timeout` is in seconds.

    `answered` is set when there is a reply, and `done` when the invocation has ended. `broken` says why the sandbox
    itself failed, "" if it did not.
    """

    payload: bytes
    timeout: float
    function_arn: str
    trace: str
    client_context: str | None = None
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    span_id: str | None = None  # with active X-Ray tracing
    started_at: float = 0.0
    started_time: float = 0.0
    first_byte_at: float | None = None
    reply: Response | None = None
    runtime_done_at: float | None = None
    answered: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)
    log_tail: str = ""
    broken: str = ""
    report: dict[str, object] = field(default_factory=dict)

    def begin(self) -> None:
        """Record the start time of the invocation."""
        self.started_at, self.started_time = time.monotonic(), time.time()

    @property
    def deadline(self) -> float:
        """The deadline in monotonic seconds."""
        return self.started_at + self.timeout

    @property
    def deadline_ms(self) -> int:
        """The deadline in milliseconds since the epoch, as both APIs send it."""
        return int((self.started_time + self.timeout) * 1000)

    def tracing(self) -> events.Record:
        """Return the tracing object of the invocation's events."""
        return events.tracing(self.trace, self.span_id)

    def break_off(self, why: str) -> None:
        """Release the callers that wait for a reply, because the sandbox itself failed."""
        self.broken = why
        self.answered.set()

    def answer(self, reply: Response) -> None:
        """Set the reply. Only the first one counts."""
        if self.reply is None:
            self.reply = reply
            self.answered.set()

    @property
    def response(self) -> bytes | None:
        """The payload of the reply, None without one."""
        return self.reply.payload if self.reply else None

    @property
    def function_error(self) -> str | None:
        """The value of the header X-Amz-Function-Error, None without an error or a reply."""
        return self.reply.function_error if self.reply else None

    @property
    def error_type(self) -> str | None:
        """The error type of the reply, None without one."""
        return self.reply.error_type if self.reply else None

    @property
    def responded_at(self) -> float | None:
        """The time of the reply in monotonic seconds, None without one."""
        return self.reply.at if self.reply else None


def new_root() -> str:
    """Return the root of a new trace, as `Root=…`."""
    return f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]}"


def new_trace(*, sampled: bool, root: str | None = None) -> str:
    """Return a new value of the trace header, of a new trace or of one whose root, `Root=…`, is given."""
    return f"{root or new_root()};Parent={uuid.uuid4().hex[:16]};Sampled={int(sampled)}"
