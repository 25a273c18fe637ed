"""Carry out a smoke test: one request, and the milestone of its trace in the logs."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import requests

from adaptive_batching.load import watching
from adaptive_batching.load.core import verdict
from adaptive_batching.load.destinations import LAMBDA, SANDBOX, LoadError, reached
from adaptive_batching.load.targets import Outgoing
from adaptive_batching.logs.trace import drawing
from adaptive_batching.option_types import without_secrets
from adaptive_batching.values.loopback import on_loopback

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adaptive_batching.console import Console
    from adaptive_batching.load.destinations import Access
    from adaptive_batching.load.targets import Answer
    from adaptive_batching.logs.reading import Reading
    from adaptive_batching.logs.trace.waterfall import Trace

#: Seconds between two looks.
_INTERVAL = 1.0
_ADMIN = "/__admin/requests"


@dataclass(frozen=True)
class Smoke:
    """The options. `webhook` is a URL and a text."""

    target: str
    body: bytes | None
    headers: dict[str, str]
    expected: int | None
    milestone: str | None
    logs: str | None
    timeout: float
    webhook: tuple[str, str] | None
    access: Access


def carry_out(wanted: Smoke, out: Console, err: Console) -> int:
    """Send one request and wait for what it should lead to. Return 0, or 1 if it does not.

    Raises LoadError, TargetError or SourceError if that cannot be said.
    """
    started = datetime.now(UTC)
    reading = None
    if wanted.logs:
        access = wanted.access
        reading = watching.reading(
            wanted.logs, started, profile=access.profile, region=access.region, layout=access.layout
        )
        watching.checked(reading)
    until = time.monotonic() + wanted.timeout
    answer = _answer(wanted)
    if answer.error is not None:
        return _failed(err, f"{wanted.target} failed: {answer.error}: {answer.body.decode('utf-8', 'replace')}")
    code = answer.code or 0
    if not verdict.is_expected(code, wanted.expected):
        return _failed(err, verdict.unexpected(code, wanted.expected, answer.body))
    err.say(f"answered {code}{f', trace {answer.ids[0]}' if answer.ids else ''}")
    why = _followed(reading, wanted, answer.ids, until, out, err) if reading else None
    if why:
        return _failed(err, why)
    if wanted.webhook and not _saw(*wanted.webhook, started, until):
        url, text = wanted.webhook
        what = f"a request with {text!r}" if text else "a request"
        return _failed(err, f"{without_secrets(url)} did not see {what} within {wanted.timeout:g} s")
    err.say("passed")
    return 0


def _failed(err: Console, why: str) -> int:
    err.say(f"failed: {why}")
    return 1


def _answer(wanted: Smoke) -> Answer:
    """Send the request. Raises LoadError if there is no answer."""
    if wanted.target.startswith(SANDBOX):
        template = wanted.target.removeprefix(SANDBOX).strip() or "TEMPLATE"
        raise LoadError(
            f"smoke takes a URL or lambda:NAME, not {wanted.target!r}; `adaptive-batching sandbox up {template}` runs "
            "it and prints its URL"
        )
    target = reached(wanted.target, wanted.timeout, wanted.access)
    sends_json = {"Content-Type": "application/json"} if wanted.body is not None else {}
    method = "GET" if wanted.body is None else "POST"
    answer = target.send(Outgoing(method, "", sends_json | wanted.headers, wanted.body))
    if answer.error is not None and not (wanted.target.startswith(LAMBDA) and answer.ids):
        raise LoadError(f"{without_secrets(wanted.target)} does not answer: {answer.error}")
    return answer


def _followed(
    reading: Reading, wanted: Smoke, ids: Sequence[str], until: float, out: Console, err: Console
) -> str | None:
    """Print the trace once it has reached the milestone, or when the time is over. Return why it failed, or None."""
    if not ids:
        raise LoadError("the answer names no trace: neither traceId in its JSON nor the header X-Amzn-Trace-Id")
    milestone = wanted.milestone or ""
    passed, trace = _wait(reading, milestone, ids, until)
    if trace:
        for line in drawing.text(trace, UTC):
            out.say(line)
    if reading.damaged:
        err.say(watching.DAMAGED)
    return None if passed else verdict.not_reached(milestone, wanted.timeout, trace, ids)


def _wait(reading: Reading, milestone: str, ids: Sequence[str], until: float) -> tuple[bool, Trace | None]:
    """Look until one of the ids has reached the milestone. Return whether it has, and the trace as far as it came."""
    while True:
        found = watching.reached(reading, milestone)
        passed = any(one in found for one in ids)
        if passed or time.monotonic() >= until:
            break
        time.sleep(min(_INTERVAL, max(0.0, until - time.monotonic())))
    return passed, watching.trace(reading, ids)


def _saw(url: str, text: str, started: datetime, until: float) -> bool:
    """Ask the mock of a webhook until it has seen the request. Raises LoadError if it is no mock."""
    parts = urlsplit(url)
    admin = f"{parts.scheme}://{parts.netloc}{_ADMIN}"
    session = requests.Session()
    session.trust_env = not on_loopback(url)
    while True:
        try:
            answer = session.get(admin, timeout=max(1.0, until - time.monotonic()))
            seen = verdict.saw(answer.json(), parts.path or "/", text, started.timestamp() * 1000)
        except (requests.RequestException, ValueError) as error:
            raise LoadError(f"{admin} cannot be asked: {type(error).__name__}") from None
        if seen is None:
            raise LoadError(f"{admin} does not answer as WireMock does, or `adaptive-batching sandbox mock`")
        if seen or time.monotonic() >= until:
            return seen
        time.sleep(min(_INTERVAL, max(0.0, until - time.monotonic())))
