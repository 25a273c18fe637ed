"""What became of the batches that event sources gave to functions: the messages and records that failed, and how many.

A batch may fail in part although its invocation succeeds, so the result of an invocation alone does not tell.
"""

from __future__ import annotations

import threading
import uuid
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adaptive_batching.sandbox.landscape import partial
from adaptive_batching.wording import counted

if TYPE_CHECKING:
    from adaptive_batching.sandbox.fleet.fleet import Fleet
    from adaptive_batching.sandbox.lifecycle.results import Result
    from adaptive_batching.sandbox.protocol.invocation import Invocation

MESSAGE, RECORD = "message", "record"


@dataclass(frozen=True)
class Given:
    """A batch: what it is of, MESSAGE or RECORD, the identifiers in it, and whether the function names what failed."""

    noun: str
    identifiers: tuple[str, ...]
    partial: bool

    def failed(self, payload: bytes | None, function_error: str | None) -> set[str]:
        """Return the identifiers that failed, by the function's answer. Raises partial.MalformedError: all did."""
        if function_error:
            return set(self.identifiers)
        return partial.failed(payload or b"", set(self.identifiers)) if self.partial else set()


class Outcomes:
    """Counts by function. What is delivered again counts again. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[str, Given] = {}  # by request id
        self._delivered: Counter[tuple[str, str]] = Counter()  # by function and noun
        self._failed: Counter[tuple[str, str]] = Counter()
        self._given_up: Counter[str] = Counter()

    def begin(self, fleet: Fleet, given: Given, payload: bytes) -> Invocation:
        """Invoke a function with a batch. Raises ThrottledError or SandboxError, as Fleet.begin does."""
        request_id = str(uuid.uuid4())
        with self._lock:
            self._running[request_id] = given
        try:
            return fleet.begin(payload, request_id=request_id)
        except BaseException:
            with self._lock:
                del self._running[request_id]
            raise

    def ended(self, function: str, result: Result) -> str:
        """Take note of a result. Return which part of its batch failed, "" if none did or it had no batch."""
        with self._lock:
            given = self._running.pop(result.request_id, None)
        if given is None:
            return ""
        all_ = len(given.identifiers)
        try:
            failed = len(given.failed(result.payload, result.function_error))
        except partial.MalformedError:  # the poller says so
            failed = all_
        with self._lock:
            self._delivered[function, given.noun] += all_
            self._failed[function, given.noun] += failed
        return _share(failed, all_, given.noun) if failed else ""

    def gave_up(self, function: str, count: int) -> None:
        """Take note of records of a stream that a function will not get again."""
        with self._lock:
            self._given_up[function] += count

    def summary(self, function: str) -> list[str]:
        """Return what failed of all that a function was given, and what was given up, in a few words each."""
        with self._lock:
            found = [
                _share(self._failed[key], self._delivered[key], key[1])
                for key in ((function, MESSAGE), (function, RECORD))
                if self._failed[key]
            ]
            count = self._given_up[function]
        return [*found, *([f"{counted(count, RECORD)} given up"] if count else [])]


def _share(failed: int, all_: int, noun: str) -> str:
    return f"{failed:,} of {counted(all_, noun)} failed"
