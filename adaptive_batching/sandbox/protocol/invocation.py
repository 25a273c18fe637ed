"""One invocation: what was asked, when what happened, what the caller reads. Guarded by its generation's lock."""

from __future__ import annotations

import threading
import time
import uuid
from dataclasses import dataclass, field

from adaptive_batching.sandbox.telemetry import events


@dataclass(frozen=True)
class Response:
    """What the caller reads. `at` is monotonic seconds."""

    payload: bytes
    function_error: str | None = None
    error_type: str | None = None
    content_type: str = "application/json"
    by_runtime: bool = False  # the runtime's own, not the platform's about a failure
    at: float = field(default_factory=time.monotonic)


@dataclass(eq=False)
class Invocation:
    """One invocation. `*_at` are monotonic seconds, `*_time` seconds since the epoch."""

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
    broken: str = ""  # why the sandbox itself failed
    report: dict[str, object] = field(default_factory=dict)

    def begin(self) -> None:
        """Start the clock of the invocation."""
        self.started_at, self.started_time = time.monotonic(), time.time()

    @property
    def deadline(self) -> float:
        """Monotonic seconds."""
        return self.started_at + self.timeout

    @property
    def deadline_ms(self) -> int:
        """Milliseconds since the epoch, as both APIs carry it."""
        return int((self.started_time + self.timeout) * 1000)

    def tracing(self) -> events.Record:
        """Return the tracing object of its events."""
        return events.tracing(self.trace, self.span_id)

    def break_off(self, why: str) -> None:
        """Let whoever waits go on: the sandbox itself failed."""
        self.broken = why
        self.answered.set()

    def answer(self, reply: Response) -> None:
        """Keep what the caller reads; the first reply counts."""
        if self.reply is None:
            self.reply = reply
            self.answered.set()

    @property
    def response(self) -> bytes | None:
        """The payload of the reply, None before there is one."""
        return self.reply.payload if self.reply else None

    @property
    def function_error(self) -> str | None:
        """How the function failed, as the Invoke API says it; None when it did not, or has not replied."""
        return self.reply.function_error if self.reply else None

    @property
    def error_type(self) -> str | None:
        """The error type that came with the reply."""
        return self.reply.error_type if self.reply else None

    @property
    def responded_at(self) -> float | None:
        """When the reply came, in monotonic seconds."""
        return self.reply.at if self.reply else None


def new_trace(*, sampled: bool) -> str:
    """Return a trace header's value, as it is made for a caller that sends none."""
    root = f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]}"
    return f"{root};Parent={uuid.uuid4().hex[:16]};Sampled={int(sampled)}"
