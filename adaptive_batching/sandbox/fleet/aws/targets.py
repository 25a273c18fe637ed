"""Send records and dead letters to queues, topics, functions, buses and buckets, and make those that are named.

moto has the account of the function alone, so there a target of another one is made and found.
"""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

from adaptive_batching.sandbox.asynchronous import records
from adaptive_batching.sandbox.asynchronous.configuration import target
from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.fleet.aws.clients import REFUSED, why

if TYPE_CHECKING:
    from collections.abc import Callable

    from adaptive_batching.sandbox.asynchronous.configuration import Target
    from adaptive_batching.sandbox.asynchronous.queue import Dropped, Succeeded
    from adaptive_batching.sandbox.fleet.aws.clients import Clients
    from adaptive_batching.sandbox.function import Function


class RefusedByTargetError(Exception):
    """A target did not take what it was sent. The text says why."""


class Targets:
    """Sends on behalf of one function. `invoke` sends an event to a function that is served, False if none is."""

    def __init__(self, clients: Clients, function: Function, invoke: Callable[[str, bytes], bool]) -> None:
        self._clients, self._function, self._invoke = clients, function, invoke

    def make(self, arn: str) -> None:
        """Make the queue, topic, bus or bucket that an ARN names. A function cannot be made. Raises SandboxError."""
        found = target(arn)
        try:
            if found is not None:
                self._make(found)
        except REFUSED as error:
            raise SandboxError(f"{arn} cannot be made on this machine: {why(error)}") from None

    def _make(self, found: Target) -> None:
        if found.kind == "sqs":
            self._client(found).create_queue(QueueName=found.name)
        elif found.kind == "sns":
            self._client(found).create_topic(Name=found.name)
        elif found.kind == "events" and found.name != "default":
            self._client(found).create_event_bus(Name=found.name)
        elif found.kind == "s3":
            self._client(found).create_bucket(Bucket=found.name)

    def send_record(self, arn: str, end: Succeeded | Dropped, record: dict[str, Any]) -> None:
        """Send the record of an event that has ended to a destination. Raises RefusedByTargetError."""
        self._send(arn, lambda found: self._record(found, end, record))

    def send_dead_letter(self, arn: str, end: Dropped) -> None:
        """Send an event that was dropped, as it came. Raises RefusedByTargetError."""
        self._send(arn, lambda found: self._dead_letter(found, end))

    def _send(self, arn: str, send: Callable[[Target], None]) -> None:
        found = target(arn)
        if found is None:
            raise RefusedByTargetError(f"{arn} is nothing that Lambda sends to")
        try:
            send(found)
        except REFUSED as error:
            raise RefusedByTargetError(f"{arn}: {why(error)}") from None

    def _record(self, found: Target, end: Succeeded | Dropped, record: dict[str, Any]) -> None:
        text = json.dumps(record)
        if found.kind == "sqs":
            self._client(found).send_message(QueueUrl=self._url(found), MessageBody=text)
        elif found.kind == "sns":
            self._client(found).publish(TopicArn=self._topic(found), Message=text)
        elif found.kind == "lambda":
            if not self._invoke(found.name, text.encode()):
                raise RefusedByTargetError(f"{found.arn}: the function is not served here")
        elif found.kind == "events":
            self._put_event(found, end, text, record["requestContext"]["functionArn"])
        else:
            key = records.s3_key(self._function.name, record["timestamp"], str(uuid.uuid4()))
            self._client(found).put_object(Bucket=found.name, Key=key, Body=text.encode())

    def _put_event(self, found: Target, end: Succeeded | Dropped, text: str, function_arn: str) -> None:
        entry = {
            "EventBusName": found.name,
            "Source": records.SOURCE,
            "DetailType": records.detail_type(end),
            "Detail": text,
            "Resources": [found.arn, function_arn],
        }
        answer = self._client(found).put_events(Entries=[entry])
        if answer["FailedEntryCount"]:
            raise RefusedByTargetError(f"{found.arn}: {answer['Entries'][0].get('ErrorMessage')}")

    def _dead_letter(self, found: Target, end: Dropped) -> None:
        text, attributes = end.event.payload.decode("utf-8", "replace"), records.dead_letter(end)
        if found.kind == "sqs":
            self._client(found).send_message(QueueUrl=self._url(found), MessageBody=text, MessageAttributes=attributes)
        else:
            topic = self._topic(found)
            self._client(found).publish(TopicArn=topic, Message=text, MessageAttributes=attributes)

    def _client(self, found: Target) -> Any:  # noqa: ANN401 - boto3 makes its classes at run time
        return self._clients(found.kind, found.region)

    def _url(self, found: Target) -> str:
        return str(self._client(found).get_queue_url(QueueName=found.name)["QueueUrl"])

    def _topic(self, found: Target) -> str:
        return f"arn:aws:sns:{found.region}:{self._function.account}:{found.name}"
