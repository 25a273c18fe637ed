"""Invoke the function once, and look for its request id in the objects that are stored from then on."""

from __future__ import annotations

import base64
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
    from adaptive_batching.operate.aws import Account
    from adaptive_batching.operate.doctor.facts import Function

#: Seconds that an invocation may take: Lambda's 15 minutes, and some for the way.
LONGEST = 910.0
#: Seconds for which the object is waited for, and between two looks.
PATIENCE, _PAUSE = 20.0, 0.5
#: How many of the newest objects are read at most.
_MOST = 200
_COLD = "Init Duration"


def invoke(
    account: Account, function: Function, payload: bytes, patience: float = PATIENCE, *, qualifier: str = ""
) -> Invocation:
    """Return what became of one invocation. Raises AwsError if it was not accepted.

    `qualifier` is a version or an alias, "" for $LATEST.
    """
    began = time.time()
    with answers():
        client = account.once("lambda", function.region, LONGEST)
        version = {"Qualifier": qualifier} if qualifier else {}
        answer = client.invoke(FunctionName=function.name, Payload=payload, LogType="Tail", **version)
    identity = answer["ResponseMetadata"].get("RequestId", "")
    tail = base64.b64decode(answer.get("LogResult") or "").decode(errors="replace")
    error = str(answer.get("FunctionError") or "")
    started = time.monotonic()
    key = _awaited(account, function, identity, began, patience)
    return Invocation(identity, error, _COLD in tail, key, time.monotonic() - started)


def _awaited(
    account: Account, function: Function, identity: str, began: float, patience: float
) -> str | Unknown | None:
    """Return the key of the object that has the request id, None if there is none in time."""
    if not identity:
        return Unknown("the answer names no request id")
    if not function.variables["S3_BUCKET"] or function.variables.endpoint:
        return Unknown(f"objects go to {function.variables.endpoint or 'no bucket'}")
    client, seen = account.client("s3", asks.bucket_region(function)), set[str]()
    deadline = time.monotonic() + patience
    while True:
        try:
            with answers():
                if key := _holder(client, function, identity, began, seen):
                    return key
        except AwsError as error:
            return unknown(error)
        if time.monotonic() > deadline:
            return None
        time.sleep(_PAUSE)


def _holder(client: Any, function: Function, identity: str, began: float, seen: set[str]) -> str:  # noqa: ANN401 - boto3's
    """Return the key of an object stored since the invocation began that has the id, "" if none has."""
    listed = traffic.objects(client, function, began)
    new = [one for one in listed if one["LastModified"].timestamp() >= began - 1 and one["Key"] not in seen]
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
