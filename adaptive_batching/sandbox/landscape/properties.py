"""What AWS takes of the properties of what is made and run here, and the sentence for a value that it refuses. Pure.

Sources: CreateQueue of the SQS API reference, CreateTable of the DynamoDB API reference, "General purpose bucket naming
rules" in the S3 user guide, CreateEventSourceMapping of the Lambda API reference.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.template.file import shown, text
from adaptive_batching.values.bounds import Bounds

if TYPE_CHECKING:
    from collections.abc import Mapping

#: A whole number of so many digits is converted in no time.
_WHOLE = re.compile(r"-?[0-9]{1,18}")


class Kind(Protocol):
    """What a property takes."""

    def check(self, value: object, where: str) -> None:
        """Raise SandboxError for a value that AWS refuses. `where` names the property."""


def check(found: Mapping[str, object], taken: Mapping[str, Kind], logical_id: str) -> None:
    """Check the properties of a resource, as far as `taken` knows them. Raises SandboxError."""
    for name, value in found.items():
        if name in taken:
            taken[name].check(value, f"{logical_id}.{name}")


def refused(value: object, where: str, takes: object) -> SandboxError:
    """Return the error for a value that AWS refuses."""
    return SandboxError(f"{where} is {shown(value)}, which AWS refuses; it takes {takes}")


@dataclass(frozen=True)
class Whole:
    """A whole number within bounds, also as text. With `endless`, -1 is no limit."""

    bounds: Bounds
    endless: bool = False

    def check(self, value: object, where: str) -> None:
        """As `Kind` says."""
        number = int(str(value)) if _WHOLE.fullmatch(str(value)) else None
        if number is None or (number not in self.bounds and not (self.endless and number == -1)):
            raise refused(value, where, self.bounds)


class OneOf:
    """One of these texts. Booleans are `true` and `false`."""

    def __init__(self, *values: str) -> None:
        self._values = values

    def check(self, value: object, where: str) -> None:
        """As `Kind` says."""
        if text(value) not in self._values:
            raise refused(value, where, " or ".join(self._values))


@dataclass(frozen=True)
class Spelled:
    """A text that a pattern matches. `what` describes it."""

    pattern: str
    what: str

    def check(self, value: object, where: str) -> None:
        """As `Kind` says."""
        if not isinstance(value, str | int) or not re.fullmatch(self.pattern, text(value)):
            raise refused(value, where, self.what)


@dataclass(frozen=True)
class Each:
    """A list, of `least` to `most` items of a kind."""

    kind: Kind
    least: int = 0
    most: int = 1000

    def check(self, value: object, where: str) -> None:
        """As `Kind` says."""
        if not isinstance(value, list) or not self.least <= len(value) <= self.most:
            count = f" of {self.least} to {self.most}" if self.least else ""
            raise refused(value, where, f"a list{count}")
        for number, one in enumerate(value):
            self.kind.check(one, f"{where}[{number}]")


@dataclass(frozen=True)
class Members:
    """A mapping that has the members in `needed`, and may have those in `more`. Others are not looked at."""

    needed: Mapping[str, Kind]
    more: Mapping[str, Kind] = field(default_factory=dict)

    def check(self, value: object, where: str) -> None:
        """As `Kind` says."""
        if not isinstance(value, dict):
            raise refused(value, where, f"a mapping with {' and '.join([*self.needed, *self.more])}")
        if missing := [name for name in self.needed if name not in value]:
            raise SandboxError(f"{where} has no {missing[0]}, without which AWS refuses it")
        check(value, {**self.needed, **self.more}, where)


class Json:
    """What `kind` takes, or JSON text of it."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind

    def check(self, value: object, where: str) -> None:
        """As `Kind` says."""
        try:
            found = json.loads(value) if isinstance(value, str) else value
        except (ValueError, RecursionError):
            found = value
        self._kind.check(found, where)


_BOOLEAN = OneOf("true", "false")
_QUEUE_ARN = Spelled(r"arn:aws[a-z-]*:sqs:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]+(\.fifo)?", "the ARN of a queue")
#: The properties of a queue.
QUEUE: Mapping[str, Kind] = {
    "QueueName": Spelled(r"(?=.{1,80}$)[A-Za-z0-9_-]+(\.fifo)?", "1 to 80 letters, digits, hyphens and underscores"),
    "DelaySeconds": Whole(Bounds(0, 900)),
    "MaximumMessageSize": Whole(Bounds(1024, 1_048_576)),
    "MessageRetentionPeriod": Whole(Bounds(60, 1_209_600)),
    "ReceiveMessageWaitTimeSeconds": Whole(Bounds(0, 20)),
    "VisibilityTimeout": Whole(Bounds(0, 43_200)),
    "FifoQueue": _BOOLEAN,
    "ContentBasedDeduplication": _BOOLEAN,
    "DeduplicationScope": OneOf("queue", "messageGroup"),
    "FifoThroughputLimit": OneOf("perQueue", "perMessageGroupId"),
    "RedrivePolicy": Json(Members({"deadLetterTargetArn": _QUEUE_ARN, "maxReceiveCount": Whole(Bounds(1, 1000))})),
}
#: Those that only a FIFO queue has.
OF_FIFO = ("ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit")
_ATTRIBUTE = Spelled(r"(?s).{1,255}", "1 to 255 characters")
_KEY = Each(Members({"AttributeName": _ATTRIBUTE, "KeyType": OneOf("HASH", "RANGE")}), 1, 2)
_PROJECTION = Members(
    {}, {"ProjectionType": OneOf("ALL", "KEYS_ONLY", "INCLUDE"), "NonKeyAttributes": Each(_ATTRIBUTE)}
)
_THREE = "3 to 255 letters, digits, hyphens, underscores and dots"
_INDEX = Members({"IndexName": Spelled(r"[A-Za-z0-9_.-]{3,255}", _THREE), "KeySchema": _KEY, "Projection": _PROJECTION})
_TABLE_NAME = Spelled(r"[A-Za-z0-9_.-]{3,255}", _THREE)
#: The properties of a table.
TABLE: Mapping[str, Kind] = {
    "TableName": _TABLE_NAME,
    "AttributeDefinitions": Each(Members({"AttributeName": _ATTRIBUTE, "AttributeType": OneOf("S", "N", "B")})),
    "KeySchema": _KEY,
    "GlobalSecondaryIndexes": Each(_INDEX),
    "LocalSecondaryIndexes": Each(_INDEX),
    "StreamSpecification": Members(
        {"StreamViewType": OneOf("KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES")}
    ),
}
#: The properties of a table of SAM.
SIMPLE_TABLE: Mapping[str, Kind] = {
    "TableName": _TABLE_NAME,
    "PrimaryKey": Members({}, {"Name": _ATTRIBUTE, "Type": OneOf("String", "Number", "Binary")}),
}
#: The properties of a bucket.
BUCKET: Mapping[str, Kind] = {
    "BucketName": Spelled(
        r"(?!(\d+\.){3}\d+$)(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
        "3 to 63 lower-case letters, digits, hyphens and dots, and no IP address",
    )
}
_TARGET = Spelled(r"(?s).+", "an ARN")
#: The properties of an event source that is a queue or a stream.
SOURCE: Mapping[str, Kind] = {
    "Enabled": _BOOLEAN,
    "BatchSize": Whole(Bounds(1, 10_000)),
    "MaximumBatchingWindowInSeconds": Whole(Bounds(0, 300)),
    "ScalingConfig": Members({}, {"MaximumConcurrency": Whole(Bounds(2, 1000))}),
    "MaximumRetryAttempts": Whole(Bounds(0, 10_000), endless=True),
    "MaximumRecordAgeInSeconds": Whole(Bounds(60, 604_800), endless=True),
    "StartingPosition": OneOf("TRIM_HORIZON", "LATEST"),
    "BisectBatchOnFunctionError": _BOOLEAN,
    "FunctionResponseTypes": Each(OneOf("ReportBatchItemFailures"), most=1),
    "DestinationConfig": Members({}, {"OnFailure": Members({}, {"Destination": _TARGET})}),
}
#: The properties of an event of a REST API, and of the API.
API: Mapping[str, Kind] = {"BinaryMediaTypes": Each(Spelled(r"(?s).+", "a media type"))}
#: The properties of a schedule.
SCHEDULE: Mapping[str, Kind] = {
    "Enabled": _BOOLEAN,
    "Name": Spelled(r"[A-Za-z0-9_.-]{1,64}", "1 to 64 letters, digits, hyphens, underscores and dots"),
    "Input": Spelled(r"(?s).*", "JSON text"),
}
