"""One handler for each thing that a landscape does. Each says on stdout what it got, as a line of JSON."""

from __future__ import annotations

import json
import os
import time
from typing import Any

import boto3


def api(event: dict[str, Any], _context: object) -> Any:  # noqa: ANN401 - any JSON
    how = (event.get("pathParameters") or {}).get("how")
    if how == "raises":
        raise ValueError("no")
    if how == "text":
        return "hello"
    if how == "sleeps":
        time.sleep(2)
    if how == "sends":
        boto3.client("sqs").send_message(QueueUrl=os.environ["QUEUE"], MessageBody="sent")
    if how == "invokes":
        answer = boto3.client("lambda").invoke(FunctionName=os.environ["OTHER"], Payload=b'{"n": 1}')
        return {"body": answer["Payload"].read().decode()}
    if how == "cookies":
        return {"statusCode": 201, "multiValueHeaders": {"Set-Cookie": ["a=1", "b=2"]}, "body": "é"}
    return {"body": json.dumps(event)}


def shipped(event: dict[str, Any], _context: object) -> dict[str, Any]:
    print("shipped")
    time.sleep(float((event.get("queryStringParameters") or {}).get("sleep", 0)))
    return {"body": "{}"}


def plain(event: dict[str, Any], _context: object) -> Any:  # noqa: ANN401 - any JSON
    return event


def messages(event: dict[str, Any], _context: object) -> None:
    for record in event["Records"]:
        print(json.dumps(record))


def slow(event: dict[str, Any], _context: object) -> None:
    time.sleep(0.3)
    messages(event, _context)


def partial(event: dict[str, Any], _context: object) -> dict[str, Any]:
    messages(event, _context)
    failed = [one["messageId"] for one in event["Records"] if one["body"].startswith("bad")]
    if any(one["body"] == "malformed" for one in event["Records"]):
        failed = [""]
    return {"batchItemFailures": [{"itemIdentifier": one} for one in failed]}


def poison(_event: object, _context: object) -> None:
    raise ValueError("no")


def follow(event: dict[str, Any], _context: object) -> None:
    keys = [record["dynamodb"]["Keys"]["id"]["S"] for record in event["Records"]]
    if "poison" in keys:
        raise ValueError("no")
    print(json.dumps(keys))
