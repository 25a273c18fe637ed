"""What the three functions log: the ids of a request in each line, its milestones, spans, and metrics of requests.

Lambda's runtime writes the members of a line as JSON (LogFormat JSON). CloudWatch makes metrics of lines with `_aws`.
Source: "Specification: Embedded metric format", Amazon CloudWatch User Guide.
"""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

NAMESPACE = "Conference"
_METRICS = [
    {"Name": "durationMs", "Unit": "Milliseconds"},
    {"Name": "requests", "Unit": "Count"},
    {"Name": "faults", "Unit": "Count"},
]

logger = logging.getLogger("conference")
logger.setLevel(logging.INFO)


class Trail:
    """The lines of one session in one invocation. As a context manager it logs the exception that leaves it."""

    def __init__(self, context: Any, trace: str, session: str | None = None) -> None:  # noqa: ANN401 - Lambda's class
        self._ids = {"functionName": context.function_name, "AWSRequestId": context.aws_request_id, "traceId": trace}
        if session is not None:
            self._ids["sessionId"] = session

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if kind is not None:
            exception = f"{kind.__name__}: {error}"
            self._log(logging.ERROR, exception, {"exception": exception})

    def info(self, message: str, **members: object) -> None:
        """Log a line; a milestone, if it has one, is the member `milestone`."""
        self._log(logging.INFO, message, members)

    def warning(self, message: str, **members: object) -> None:
        """Log what is wrong and does not stop the request."""
        self._log(logging.WARNING, message, members)

    @contextmanager
    def span(self, name: str, **annotations: object) -> Iterator[None]:
        """Log how long the block took, in milliseconds, and whether it raised (`faults` is 1), when it ends."""
        begun, faults = time.perf_counter(), 1
        try:
            yield
            faults = 0
        finally:
            took = round((time.perf_counter() - begun) * 1000, 3)
            self._log(logging.INFO, name, {**annotations, "span": name, "durationMs": took, "faults": faults})

    @contextmanager
    def request(self, name: str, **annotations: object) -> Iterator[None]:
        """Log a request that leaves the function as a span that is also three metrics: duration, requests, faults."""
        directive = {"Namespace": NAMESPACE, "Dimensions": [["functionName", "span"]], "Metrics": _METRICS}
        metrics = {"Timestamp": time.time_ns() // 1_000_000, "CloudWatchMetrics": [directive]}
        with self.span(name, requests=1, _aws=metrics, **annotations):
            yield

    def _log(self, level: int, message: str, members: dict[str, object]) -> None:
        logger.log(level, message, extra={**self._ids, **members})
