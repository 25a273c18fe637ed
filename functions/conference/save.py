"""Saves the sessions that wait in the queue: in the table of sessions, then in the cache, which is what is listed.

Its variables make it fail and make it slow:
    FAILS_ON       text in a subject that cannot be saved (none)
    SLEEP_SECONDS  how long each session takes, beside the database (0)
"""

from __future__ import annotations

import json
import os
import time
from typing import Any

import boto3
from trail import Trail

_dynamodb = boto3.client("dynamodb")


def handler(event: dict[str, Any], context: Any) -> None:  # noqa: ANN401 - Lambda's class
    """Save each message of the batch, which has one: so a session that cannot be saved fails alone."""
    for record in event["Records"]:
        message = json.loads(record["body"])
        with Trail(context, message["traceId"], message["sessionId"]) as trail:
            _save(message, trail)


def _save(message: dict[str, Any], trail: Trail) -> None:
    trail.info("saving", milestone="SAVE_REQUEST_RECEIVED")
    subject = message["session"]["subject"]
    item = {
        "sessionId": {"S": message["sessionId"]},
        "traceId": {"S": message["traceId"]},
        "subject": {"S": subject},
        "session": {"S": json.dumps(message["session"])},
    }
    with trail.span("Sessions.saveSessionDynamoDB", storeInDatabase="DynamoDB"):
        time.sleep(float(os.environ.get("SLEEP_SECONDS") or 0))
        fails_on = os.environ.get("FAILS_ON")
        if fails_on and fails_on in subject:
            raise ValueError("this subject cannot be saved")
        with trail.request("DynamoDB.PutItem", table="sessions"):
            _dynamodb.put_item(TableName=os.environ["TABLE"], Item=item)
    trail.info("saved", milestone="SAVED_IN_DATABASE")
    with trail.span("Sessions.cacheSession"), trail.request("DynamoDB.PutItem", table="cache"):
        _dynamodb.put_item(
            TableName=os.environ["CACHE_TABLE"], Item={name: item[name] for name in ("sessionId", "subject")}
        )
