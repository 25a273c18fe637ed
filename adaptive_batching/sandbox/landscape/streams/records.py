"""The event of a DynamoDB event source, and the record of a batch that is discarded. Pure.

Source: "Using Lambda with Amazon DynamoDB" and "Retaining discarded records for a DynamoDB event source" in the Lambda
developer guide, and GetRecords of the DynamoDB API reference.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from adaptive_batching.sandbox.landscape.streams.shard import Record
from adaptive_batching.sandbox.timestamps import stamp

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from adaptive_batching.sandbox.landscape.streams.shard import Discarded


def record(read: Mapping[str, Any], arn: str) -> Record:
    """Return a record of a stream with this ARN as boto3 reads it with GetRecords."""
    content = _plain({**read, "eventSourceARN": arn})
    inner, made = content["dynamodb"], read["dynamodb"].get("ApproximateCreationDateTime")
    at = made.timestamp() if isinstance(made, datetime) else 0.0
    return Record(str(inner["SequenceNumber"]), at, content, len(json.dumps(content).encode()))


def event(records: Sequence[Record]) -> dict[str, Any]:
    """Return the event for a batch."""
    return {"Records": [one.content for one in records]}


@dataclass(frozen=True)
class Origin:
    """Where discarded records come from: the ARN of the stream, the id of its shard, and the function that failed."""

    stream: str
    shard: str
    function_arn: str
    version: str


def discarded(end: Discarded, origin: Origin, request_id: str, error: str | None, now: float) -> dict[str, Any]:
    """Return what an on-failure destination gets. `now` is in seconds since the epoch.

    `request_id` is that of the last run, "" if there was none, and `error` its kind of error.
    """
    records = end.batch.records
    found: dict[str, Any] = {
        "requestContext": {
            "requestId": request_id,
            "functionArn": origin.function_arn,
            "condition": end.condition,
            "approximateInvokeCount": end.batch.runs,
        }
    }
    if end.batch.runs:
        found["responseContext"] = {"statusCode": 200, "executedVersion": origin.version, "functionError": error}
    return {
        **found,
        "version": "1.0",
        "timestamp": stamp(now),
        "DDBStreamBatchInfo": {
            "shardId": origin.shard,
            "startSequenceNumber": records[0].sequence,
            "endSequenceNumber": records[-1].sequence,
            "approximateArrivalOfFirstRecord": _second(records[0].at),
            "approximateArrivalOfLastRecord": _second(records[-1].at),
            "batchSize": len(records),
            "streamArn": origin.stream,
        },
    }


def _second(at: float) -> str:
    return datetime.fromtimestamp(at, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _plain(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return a value of boto3 as JSON has it: times in whole seconds since the epoch, bytes in base64."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, datetime):
        return int(value.timestamp())
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value
