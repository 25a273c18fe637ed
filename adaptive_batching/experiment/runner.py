"""Carry out a plan: workers invoke through boto3's Lambda client and write one line of the ledger per invocation."""

from __future__ import annotations

import json
import threading
import time
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError

from adaptive_batching.experiment.core.ledger import Entry, Ledger, entry_line
from adaptive_batching.experiment.core.plan import BACK_OFF, Plan, share
from adaptive_batching.logs.sources import refusals
from adaptive_batching.operate.aws import Account, AwsError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: Seconds without a response after which the outcome of an invocation is unknown. The function sleeps less than one.
ANSWER_SECONDS = 60
THROTTLED = 429
SERVER_ERRORS = 500


class RunError(Exception):
    """The run cannot go on. The message is for the user."""


class Lambda(Protocol):
    """The part of boto3's client that the runner uses."""

    def invoke(self, *, FunctionName: str, InvocationType: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 - AWS's
        """Invoke a function and return boto3's response."""


def client(endpoint: str | None, region: str | None, connections: int) -> Lambda:
    """Return a client of the Invoke API. Raises RunError if there can be none.

    The client never retries a call by itself, because a retry would run a request that is not in the ledger.
    """
    try:
        found: Lambda = Account(region, None, endpoint).invoking(ANSWER_SECONDS, connections)
    except AwsError as error:
        raise RunError(str(error)) from None
    return found


class Run:
    """One run of a plan. After `limit` seconds no further invocation is started.

    `back_off` are the pauses, in seconds, before a refused invocation is sent again. `notice` is called once, with a
    sentence, if nothing listens at the endpoint.
    """

    def __init__(
        self,
        plan: Plan,
        target: Lambda,
        function: str,
        ledger: TextIO,
        limit: float,
        back_off: Sequence[float] = BACK_OFF,
        notice: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self._plan = plan
        self._target = target
        self._function = function
        self._ledger = ledger
        self._back_off = back_off
        self._notice: Callable[[str], None] | None = notice
        self._deadline = time.monotonic() + limit
        self._stop = threading.Event()
        self._changed = threading.Condition()
        self._entries: list[Entry] = []
        self._workers = self._running = 0
        self._abandoned = False
        self._error: BaseException | None = None

    @property
    def running(self) -> int:
        """The number of invocations that have no answer yet."""
        with self._changed:
            return self._running

    def stop(self) -> None:
        """Start no further invocation."""
        self._stop.set()

    def abandon(self) -> None:
        """Stop, and do not wait for answers either."""
        self._stop.set()
        with self._changed:
            self._abandoned = True
            self._changed.notify_all()

    def carry_out(self, progress: Callable[[int, int], None]) -> Ledger:
        """Make the invocations and return the ledger. Raises RunError if Lambda refuses and a retry would not help."""
        with self._changed:
            self._workers = self._plan.workers
        for number in range(self._plan.workers):  # daemons: an answer may never come
            threading.Thread(
                target=self._guarded, args=(number, progress), name=f"worker-{number}", daemon=True
            ).start()
        with self._changed:
            self._changed.wait_for(lambda: not self._workers or self._abandoned or self._error)
            self._stop.set()
            self._changed.wait_for(lambda: not self._workers or self._abandoned)
            if self._error:
                raise self._error
            return Ledger(tuple(self._entries))

    def _guarded(self, worker: int, progress: Callable[[int, int], None]) -> None:
        try:
            self._work(worker, progress)
        except BaseException as error:  # noqa: BLE001 - raised again by `carry_out`
            with self._changed:
                self._error = self._error or error
        finally:
            with self._changed:
                self._workers -= 1
                self._changed.notify_all()

    def _work(self, worker: int, progress: Callable[[int, int], None]) -> None:
        for number in share(self._plan, worker):
            random = Random(f"{self._plan.seed}/{number}")  # noqa: S311 - replayable
            pause = self._plan.pause.draw(random) if number != worker else 0.0
            left = self._deadline - time.monotonic()
            if self._stop.wait(min(pause, max(0.0, left))) or left <= pause:
                return
            with self._changed:
                self._running += 1
            try:
                entry = self._invoke(number, round(self._plan.sleep_ms.draw(random), 1))
            finally:
                with self._changed:
                    self._running -= 1
            with self._changed:
                if self._abandoned:
                    return
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
                if status == 0:
                    self._say_once(f"{why}; trying again")
                if wait is None or self._stop.wait(wait):
                    return entry(None, status, why)
            except AwsError as unreadable:
                return entry(None, None, str(unreadable))
            except BotoCoreError as lost:
                if why := refusals.without_credentials(lost):
                    raise RunError(why) from None
                return entry(None, None, str(lost))
        raise AssertionError("the last wait is None")  # pragma: no cover

    def _say_once(self, text: str) -> None:
        with self._changed:
            notice, self._notice = self._notice, None
        if notice:
            notice(text)


def _refusal(error: ClientError | EndpointConnectionError) -> tuple[int, str]:
    """Return the status and the text of a refusal after which a retry may succeed. Raises RunError for any other.

    The status is 0 if nothing listens at the endpoint.
    """
    if isinstance(error, EndpointConnectionError):
        return 0, str(error)
    status = int(error.response["ResponseMetadata"]["HTTPStatusCode"])
    if status != THROTTLED and status < SERVER_ERRORS:
        detail = error.response.get("Error", {})
        why = detail.get("Message") or f"it answered {status}"
        raise RunError(f"Lambda refuses: {why} ({detail.get('Code', status)})")
    return status, str(error)


def _request_id(answer: dict[str, Any]) -> str | None:
    """Return the id of the request. Lambda's response has it for an invocation of type Event too."""
    found = answer["ResponseMetadata"].get("RequestId")
    return found if isinstance(found, str) and found else None


def _function_error(answer: dict[str, Any]) -> str:
    """Return the function's error from a synchronous response, or "" if the function succeeded."""
    body = answer["Payload"].read()  # always read: an unread response occupies its connection
    kind = answer.get("FunctionError")
    if not kind:
        return ""
    try:
        error = json.loads(body)
        return f"{kind} {error.get('errorType') or error.get('errorMessage') or ''}".strip()
    except (ValueError, AttributeError):
        return str(kind)
