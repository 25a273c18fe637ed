"""Carrying out a plan: workers invoke through boto3's Lambda client; every invocation is a line of the ledger."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING, Any, Protocol, TextIO
from urllib.parse import urlsplit

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError, NoCredentialsError, NoRegionError

from adaptive_batching.experiment.core.ledger import Entry, Ledger, entry_line
from adaptive_batching.experiment.core.plan import BACK_OFF, Plan, share

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: Seconds without an answer after which an invocation counts as unknown; the function sleeps less than one.
ANSWER_SECONDS = 60
THROTTLED = 429
SERVER_ERRORS = 500
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class RunError(Exception):
    """Why no further invocation makes sense, for the user."""


class Lambda(Protocol):
    """What is used of boto3's client."""

    def invoke(self, *, FunctionName: str, InvocationType: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 - AWS's
        """Invoke a function."""


def client(endpoint: str | None, region: str | None, connections: int) -> Lambda:
    """Return a client. It never repeats a call by itself: that would run a request that no ledger knows."""
    loopback = endpoint is not None and urlsplit(endpoint).hostname in LOOPBACK
    config = Config(
        connect_timeout=10,
        read_timeout=ANSWER_SECONDS,
        retries={"total_max_attempts": 1},
        max_pool_connections=connections,
        **({"signature_version": UNSIGNED, "proxies": {}} if loopback else {}),
    )
    try:
        found: Lambda = boto3.client(
            "lambda", endpoint_url=endpoint, region_name=region or ("us-east-1" if loopback else None), config=config
        )
    except NoRegionError:
        raise RunError("no region is set; --region or AWS_REGION names it") from None
    return found


class Run:
    """One run of a plan. `limit` is in seconds: after it nothing further is invoked.

    `back_off` are the pauses, in seconds, before a refused invocation is sent again.
    """

    def __init__(
        self,
        plan: Plan,
        target: Lambda,
        function: str,
        ledger: TextIO,
        limit: float,
        back_off: Sequence[float] = BACK_OFF,
    ) -> None:
        self._plan = plan
        self._target = target
        self._function = function
        self._ledger = ledger
        self._back_off = back_off
        self._deadline = time.monotonic() + limit
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._entries: list[Entry] = []

    def carry_out(self, progress: Callable[[int, int], None]) -> Ledger:
        """Make the invocations; return what the ledger now holds. Raises RunError when Lambda refuses for good."""
        with ThreadPoolExecutor(self._plan.workers, "worker") as pool:
            futures = [pool.submit(self._work, number, progress) for number in range(self._plan.workers)]
            try:
                for future in futures:
                    future.result()
            finally:
                self._stop.set()
        return Ledger(tuple(self._entries))

    def _work(self, worker: int, progress: Callable[[int, int], None]) -> None:
        for number in share(self._plan, worker):
            random = Random(f"{self._plan.seed}/{number}")  # noqa: S311 - replayable
            pause = self._plan.pause.draw(random) if number != worker else 0.0
            left = self._deadline - time.monotonic()
            if self._stop.wait(min(pause, max(0.0, left))) or left <= pause:
                return
            try:
                entry = self._invoke(number, round(self._plan.sleep_ms.draw(random), 1))
            except BaseException:
                self._stop.set()
                raise
            with self._lock:
                self._ledger.write(entry_line(entry))
                self._ledger.flush()
                self._entries.append(entry)
                progress(len(self._entries), self._plan.invocations)

    def _invoke(self, number: int, sleep_ms: float) -> Entry:
        payload = json.dumps({"sleepMs": sleep_ms}).encode()
        at, began = datetime.now(UTC).isoformat(timespec="milliseconds"), time.monotonic()

        def entry(identity: str | None, status: int | None, error: str) -> Entry:
            took = round((time.monotonic() - began) * 1000, 1)
            return Entry(at, number, identity, status, retries, sleep_ms, took, error)

        for retries, wait in enumerate((*self._back_off, None)):  # noqa: B007 - `entry` reads it
            try:
                answer = self._target.invoke(
                    FunctionName=self._function, InvocationType=self._plan.kind, Payload=payload
                )
                error = _function_error(answer)
                return entry(_request_id(answer), answer["StatusCode"], error)
            except (ClientError, EndpointConnectionError) as refusal:
                status, why = _refusal(refusal)
                if wait is None or self._stop.wait(wait):
                    return entry(None, status, why)
            except NoCredentialsError:
                raise RunError("no AWS credentials were found; `aws configure` or AWS_PROFILE gives them") from None
            except BotoCoreError as lost:
                return entry(None, None, str(lost))
        raise AssertionError("the last wait is None")  # pragma: no cover


def _refusal(error: ClientError | EndpointConnectionError) -> tuple[int, str]:
    """Return status (0: nobody listens) and text of a refusal that may pass; RunError for one that does not."""
    if isinstance(error, EndpointConnectionError):
        return 0, str(error)
    status = int(error.response["ResponseMetadata"]["HTTPStatusCode"])
    if status != THROTTLED and status < SERVER_ERRORS:
        raise RunError(f"Lambda refuses: {error}")
    return status, str(error)


def _request_id(answer: dict[str, Any]) -> str | None:
    """Return the id of the request that runs; Lambda's answer carries it for events, too."""
    found = answer["ResponseMetadata"].get("RequestId")
    return found if isinstance(found, str) and found else None


def _function_error(answer: dict[str, Any]) -> str:
    """Return what a synchronous answer says of the function's failure, "" when it did not fail."""
    body = answer["Payload"].read()  # in any case: an unread answer occupies its connection
    kind = answer.get("FunctionError")
    if not kind:
        return ""
    try:
        error = json.loads(body)
        return f"{kind} {error.get('errorType') or error.get('errorMessage') or ''}".strip()
    except (ValueError, AttributeError):
        return str(kind)
