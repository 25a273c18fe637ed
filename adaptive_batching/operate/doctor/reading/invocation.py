"""Invoke the function once, and look for its request id in the objects that are stored from then on."""

from __future__ import annotations

import base64
import binascii
import email.utils
import time
import zlib
from typing import TYPE_CHECKING, Any

from adaptive_batching import objects
from adaptive_batching.operate.aws import AwsError, answers
from adaptive_batching.operate.doctor import asks
from adaptive_batching.operate.doctor.facts import Invocation, Unknown
from adaptive_batching.operate.doctor.reading import traffic
from adaptive_batching.operate.doctor.reading.attempt import unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from adaptive_batching.operate.aws import Account
    from adaptive_batching.operate.doctor.facts import Function

#: Seconds that an invocation may take: Lambda's 15 minutes, and some for the way.
LONGEST = 910.0
#: Seconds for which the object is waited for, and between two looks.
PATIENCE, _PAUSE = 20.0, 0.5
#: Seconds by which the clock of S3 may be behind that of Lambda, and more: a request id is in no older object.
_SLACK = 60.0
#: How many of the newest objects are read at most.
_MOST = 200
_COLD = "Init Duration"


def invoke(
    account: Account,
    function: Function,
    payload: bytes,
    patience: float = PATIENCE,
    *,
    qualifier: str = "",
    clock: Callable[[], float] = time.time,
) -> Invocation | Unknown:
    """Return what became of one invocation, or why it was not accepted.

    `qualifier` is a version or an alias, "" for $LATEST. `clock` counts only where the answer has no date.
    """
    began, started = clock(), time.monotonic()
    version = {"Qualifier": qualifier} if qualifier else {}
    try:
        with answers():
            client = account.once("lambda", function.region, LONGEST)
            answer = client.invoke(FunctionName=function.name, Payload=payload, LogType="Tail", **version)
    except AwsError as error:
        return unknown(error)
    ended = time.monotonic()
    about = answer["ResponseMetadata"]
    dated = _date(about.get("HTTPHeaders", {}))
    since = (began if dated is None else dated - (ended - started)) - _SLACK
    identity, error_of_it = about.get("RequestId", ""), str(answer.get("FunctionError") or "")
    key = _awaited(account, function, identity, since, patience)
    return Invocation(identity, error_of_it, _is_cold(answer.get("LogResult")), key, time.monotonic() - ended)


def _date(headers: Mapping[str, str]) -> float | None:
    """Return when AWS answered, by its own clock: this machine's may be wrong. None if it does not say."""
    try:
        return email.utils.parsedate_to_datetime(headers.get("date", "")).timestamp()
    except (ValueError, OverflowError):
        return None


def _is_cold(tail: str | None) -> bool:
    """Return whether the end of the invocation's log tells of an initialisation."""
    try:
        return _COLD in base64.b64decode(tail or "").decode(errors="replace")
    except binascii.Error:
        return False


def _awaited(
    account: Account, function: Function, identity: str, since: float, patience: float
) -> str | Unknown | None:
    """Return the key of the object that has the request id, None if there is none in time."""
    if not identity:
        return Unknown("the answer names no request id")
    if lacking := next(iter(function.unresolved.values()), None):
        return lacking
    if not function.variables["S3_BUCKET"] or function.variables.endpoint:
        return Unknown(f"objects go to {function.variables.endpoint or 'no bucket'}")
    client, seen = account.client("s3", asks.bucket_region(function)), set[str]()
    deadline = time.monotonic() + patience
    while True:
        try:
            with answers():
                if key := _holder(client, function, identity, since, seen):
                    return key
        except AwsError as error:
            return unknown(error)
        if time.monotonic() > deadline:
            return None
        time.sleep(_PAUSE)


def _holder(client: Any, function: Function, identity: str, since: float, seen: set[str]) -> str:  # noqa: ANN401 - boto3's
    """Return the key of an object stored since a moment that has the id, "" if none has."""
    listed = traffic.objects(client, function, since)
    new = [one for one in listed if one["LastModified"].timestamp() >= since and one["Key"] not in seen]
    for one in sorted(new, key=lambda one: one["LastModified"], reverse=True)[:_MOST]:
        seen.add(one["Key"])
        body = client.get_object(Bucket=function.variables["S3_BUCKET"], Key=one["Key"])["Body"].read()
        try:
            text = objects.plain(body)
        except zlib.error:
            continue
        if identity.encode() in text:
            return str(one["Key"])
    return ""
