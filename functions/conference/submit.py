"""POST /sessions takes a session that a speaker submits and queues it; GET /sessions lists what was saved."""

from __future__ import annotations

import base64
import json
import os
import uuid
from typing import Any

import boto3
from trail import Trail

#: Bytes of a session: far below what a message (SQS) and an item (DynamoDB, 400 KB) may have.
MOST_BYTES = 100_000
#: Sessions that are listed.
MOST_LISTED = 100

_sqs = boto3.client("sqs")
_dynamodb = boto3.client("dynamodb")


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ANN401 - Lambda's class
    """Answer a request of API Gateway (payload format 1.0)."""
    trace = str(uuid.uuid4())
    if event.get("httpMethod") == "GET":
        with Trail(context, trace) as trail:
            return _listed(trail)
    session_id = str(uuid.uuid4())
    with Trail(context, trace, session_id) as trail:
        trail.info("session received", milestone="CREATE_REQUEST_RECEIVED")
        session = _session(event)
        if isinstance(session, str):
            trail.warning(session)
            return _answer(400, {"error": session, "traceId": trace})
        message = {"traceId": trace, "sessionId": session_id, "session": session}
        xray = os.environ.get("_X_AMZN_TRACE_ID")  # changes with each invocation
        header = {"AWSTraceHeader": {"DataType": "String", "StringValue": xray}} if xray else {}
        with trail.request("SQS.SendMessage"):
            _sqs.send_message(
                QueueUrl=os.environ["QUEUE_URL"], MessageBody=json.dumps(message), MessageSystemAttributes=header
            )
        trail.info("sent to the queue", milestone="REQUEST_QUEUED")
        return _answer(202, {"sessionId": session_id, "traceId": trace})


def _session(event: dict[str, Any]) -> dict[str, Any] | str:
    """Return the session in the body of a request, or a sentence that says why there is none."""
    body = event.get("body") or ""
    try:
        data = base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()
        if len(data) > MOST_BYTES:
            return f"the body has {len(data)} bytes; a session has at most {MOST_BYTES}"
        session = json.loads(data)
    except (ValueError, RecursionError):
        return "the body is not JSON"
    if not isinstance(session, dict) or not isinstance(session.get("subject"), str) or not session["subject"].strip():
        return "the body is not an object with a text `subject`"
    return session


def _listed(trail: Trail) -> dict[str, Any]:
    with trail.request("DynamoDB.Scan", table="cache"):
        found = _dynamodb.scan(TableName=os.environ["CACHE_TABLE"], Limit=MOST_LISTED)
    sessions = [{name: value["S"] for name, value in item.items()} for item in found["Items"]]
    return _answer(200, {"sessions": sessions, "more": "LastEvaluatedKey" in found})


def _answer(status: int, body: dict[str, Any]) -> dict[str, Any]:
    return {"statusCode": status, "headers": {"Content-Type": "application/json"}, "body": json.dumps(body)}
