"""Which request a message in a queue is about. Pure.

A message says it in one of four ways, looked for in this order: Lambda's dead letters have the attribute RequestID;
records of destinations and of streams have `requestContext.requestId`; a message that another queue gave up on has the
ids that its body names (traceId, correlation_id, sessionId), and its AWSTraceHeader has X-Ray's.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from notifier.notices import LONGEST, Clue, Notice, identifier, marker, moment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: Members of a body that name a trace or a session, the ones that say most first.
NAMES = ("traceId", "trace_id", "correlation_id", "correlationId", "sessionId", "session_id")
#: What a notice is: a message that lies in a queue, and one that nothing is known of yet.
LYING, MESSAGE = "dead letter in", "message"
_ROOT = re.compile(r"Root=(1-[0-9a-f]{8}-[0-9a-f]{24})")
#: How far a body is read: characters, members inside members, ids.
_LONGEST_BODY, _DEEPEST, _MOST_IDS = 1_048_576, 8, 6
_MINUTE = 60_000
_MOST_RUNS = 1_000_000


def read(message: Mapping[str, Any], queue: str, now: int, received: int | None = None) -> Notice:
    """Return what a message (as ReceiveMessage returns it) tells.

    `received` is how often it had been received before the notifier saw it for the first time, None if that is now:
    SQS counts every receipt, in every queue that had the message. `now` is in epoch milliseconds.
    """
    attributes = {name: value.get("StringValue") for name, value in (message.get("MessageAttributes") or {}).items()}
    system = message.get("Attributes") or {}
    sent = int(system.get("SentTimestamp") or now)
    found = about(str(message.get("Body") or ""), attributes, system, sent, now)
    if received is None:
        received = int(system.get("ApproximateReceiveCount") or 1) - 1
    # What Lambda sent here itself was received by those alone who looked at it.
    tries = f"received {_times(received)}" if received > 0 and found.what == MESSAGE else found.tries
    return replace(found, id=marker(str(message["MessageId"])), what=LYING, where=queue, tries=tries, received=received)


def about(
    body: str, attributes: Mapping[str, object], system: Mapping[str, Any], sent: int, now: int | None = None
) -> Notice:
    """Return what a body and its attributes tell. `sent` and `now` are in epoch milliseconds."""
    request = identifier(attributes.get("RequestID"))
    found = _json(body)
    if request:
        clue = Clue((request,), exact=True, since=sent - LONGEST, until=sent + _MINUTE)
        return Notice("", "dead letter of Lambda", "", sent, said=str(attributes.get("ErrorMessage") or ""), clue=clue)
    for record in _records(found):
        if failed := failure(record):
            return failed
    values = list(dict.fromkeys(_ids(found, 0)))
    if root := _ROOT.search(str(system.get("AWSTraceHeader") or "")):
        values.append(root[1])
    # How long the other queue kept it is not known: its receipts may have taken days.
    until = now or sent + _MINUTE
    named = Clue(tuple(values[:_MOST_IDS]), since=sent, until=until) if values else None
    return Notice("", MESSAGE, "", sent, clue=named)


def failure(record: Mapping[str, Any]) -> Notice | None:
    """Return what the record of a destination or of a stream tells, None if it is that of a success."""
    context = record["requestContext"]
    condition = str(context.get("condition") or "")
    if condition == "Success":
        return None
    runs, at = context.get("approximateInvokeCount"), moment(record.get("timestamp"))
    request, function = identifier(context.get("requestId")), _function(context.get("functionArn"))
    clue = None
    if request and runs != 0:
        functions = (function,) if function else ()
        clue = Clue((request,), exact=True, functions=functions, since=at - LONGEST, until=at + _MINUTE)
    payload = record.get("responsePayload")
    error = payload.get("errorMessage") if isinstance(payload, dict) else None
    known = isinstance(runs, int) and 0 <= runs <= _MOST_RUNS
    tries = "" if not known else f"tried {_times(runs)}" if runs else "never tried"
    said = ": ".join(str(one) for one in (condition, error) if one)
    return Notice("", "failed event", function, at, tries, said, clue=clue)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _function(arn: object) -> str:
    parts = arn.split(":") if isinstance(arn, str) else []
    return parts[6] if len(parts) > 6 and parts[5] == "function" else ""  # noqa: PLR2004 - arn:…:function:NAME


def _records(found: object) -> Iterator[dict[str, Any]]:
    """Yield the record that a body is, or that a topic or a bus wrapped."""
    if isinstance(found, dict):
        for one in (found, found.get("detail"), _json(found.get("Message"))):
            if (
                isinstance(one, dict)
                and isinstance(one.get("requestContext"), dict)
                and "condition" in one["requestContext"]
            ):
                yield one


def _ids(found: object, depth: int) -> Iterator[str]:
    """Yield the ids that a body names, in JSON inside its texts too; outer ones first."""
    if depth > _DEEPEST:
        return
    if isinstance(found, str):
        found = _json(found)
    if isinstance(found, dict):
        yield from filter(None, (identifier(found.get(name)) for name in NAMES))
    if isinstance(found, dict | list):
        for one in found.values() if isinstance(found, dict) else found:
            if isinstance(one, dict | list | str):
                yield from _ids(one, depth + 1)


def _json(text: object) -> object:
    """Return the JSON object or array that a text is, else None."""
    if not isinstance(text, str) or not text.lstrip().startswith(("{", "[")) or len(text) > _LONGEST_BODY:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
