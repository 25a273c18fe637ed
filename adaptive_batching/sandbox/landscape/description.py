"""The buckets, queues, tables and functions of a template. Pure: `making` makes them.

Sources: the reference of CloudFormation for AWS::S3::Bucket, AWS::SQS::Queue and AWS::DynamoDB::Table, that of SAM for
AWS::Serverless::SimpleTable, and CreateQueue and CreateTable of the services' APIs.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.landscape import properties
from adaptive_batching.sandbox.template.file import text
from adaptive_batching.sandbox.template.values import FUNCTION, PLAIN_FUNCTION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adaptive_batching.sandbox.template.template import Template

BUCKET, QUEUE, TABLE = "AWS::S3::Bucket", "AWS::SQS::Queue", "AWS::DynamoDB::Table"
SIMPLE_TABLE = "AWS::Serverless::SimpleTable"
#: What the name of a FIFO queue ends with.
FIFO = ".fifo"
#: The VisibilityTimeout of a queue that has none, in seconds.
_VISIBILITY = 30
FUNCTIONS = (FUNCTION, PLAIN_FUNCTION)
#: The event source of a function in CloudFormation, which SAM writes into the function.
MAPPING = "AWS::Lambda::EventSourceMapping"
#: Types that `template` and `events` read as parts of others.
_PARTS = frozenset(
    {
        "AWS::Serverless::LayerVersion",
        "AWS::Lambda::LayerVersion",
        "AWS::Lambda::EventInvokeConfig",
        "AWS::Serverless::Api",
        MAPPING,
    }
)
#: Properties of a queue that CreateQueue takes under the same name, as text.
_QUEUE = (
    "ContentBasedDeduplication",
    "DeduplicationScope",
    "DelaySeconds",
    "FifoQueue",
    "FifoThroughputLimit",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "ReceiveMessageWaitTimeSeconds",
    "VisibilityTimeout",
)
#: Properties of a table that CreateTable takes under the same name. All of them are billed by request here.
_TABLE = ("AttributeDefinitions", "KeySchema")
_INDEXES = ("GlobalSecondaryIndexes", "LocalSecondaryIndexes")
_INDEX = ("IndexName", "KeySchema", "Projection")
_TYPES = {"String": "S", "Number": "N", "Binary": "B"}


@dataclass(frozen=True)
class Queue:
    """A queue. `attributes` are those of CreateQueue, `redrive` that of its RedrivePolicy, "" without one."""

    logical_id: str
    name: str
    arn: str
    attributes: Mapping[str, str]
    redrive: str

    @property
    def visibility(self) -> int:
        """The seconds for which a message that was received is hidden."""
        return int(self.attributes.get("VisibilityTimeout", _VISIBILITY))


@dataclass(frozen=True)
class Table:
    """A table. `definition` are the arguments of CreateTable; `streams` says whether it has a stream."""

    logical_id: str
    name: str
    definition: Mapping[str, Any]

    @property
    def streams(self) -> bool:
        """Whether the table has a stream."""
        return "StreamSpecification" in self.definition


@dataclass(frozen=True)
class Description:
    """What of a template is made and run. `functions` are logical ids, `buckets` names by logical ids.

    `left_out` counts the resources of each type that is neither.
    """

    functions: tuple[str, ...]
    buckets: Mapping[str, str]
    queues: tuple[Queue, ...]
    tables: tuple[Table, ...]
    left_out: Mapping[str, int]


def describe(template: Template) -> Description:
    """Return what of a template is made and run. Raises SandboxError."""
    types = template.resources()

    def of(*wanted: str) -> list[str]:
        return [name for name, kind in types.items() if kind in wanted]

    known = {*FUNCTIONS, BUCKET, QUEUE, TABLE, SIMPLE_TABLE, *_PARTS}
    return Description(
        tuple(of(*FUNCTIONS)),
        {name: _bucket(template, name) for name in of(BUCKET)},
        tuple(_queue(template, name) for name in of(QUEUE)),
        tuple(
            _table(template, name) if types[name] == TABLE else _simple_table(template, name)
            for name in of(TABLE, SIMPLE_TABLE)
        ),
        dict(sorted(Counter(kind for kind in types.values() if kind not in known).items())),
    )


def _bucket(template: Template, logical_id: str) -> str:
    properties.check(template.properties(logical_id, properties.BUCKET), properties.BUCKET, logical_id)
    return template.name(logical_id)


def _queue(template: Template, logical_id: str) -> Queue:
    found = template.properties(logical_id, properties.QUEUE)
    properties.check(found, properties.QUEUE, logical_id)
    name = template.name(logical_id)
    redrive = found.pop("RedrivePolicy", None)
    attributes = {key: text(value) for key, value in found.items() if key in _QUEUE}
    if attributes.get("FifoQueue") == "false":  # as for AWS, where only true is valid
        del attributes["FifoQueue"]
    is_fifo = "FifoQueue" in attributes
    if is_fifo != name.endswith(FIFO):
        why = "the name of a FIFO queue, and of no other one, ends with .fifo"
        raise SandboxError(f"{logical_id}.QueueName is {name!r}, which AWS refuses: {why}")
    if not is_fifo and (wrong := [one for one in properties.OF_FIFO if attributes.get(one, "false") != "false"]):
        raise SandboxError(f"{logical_id}.{wrong[0]} is for a FIFO queue, and AWS refuses it without FifoQueue: true")
    policy = redrive if isinstance(redrive, str) else json.dumps(redrive) if redrive else ""
    if policy and (dead := json.loads(policy)["deadLetterTargetArn"]).endswith(FIFO) != is_fifo:
        why = "a FIFO queue has one that is FIFO, any other queue one that is not"
        raise SandboxError(f"{logical_id}.RedrivePolicy names the dead-letter queue {dead}, which AWS refuses: {why}")
    return Queue(logical_id, name, template.arn(logical_id), attributes, policy)


def _table(template: Template, logical_id: str) -> Table:
    found = template.properties(logical_id, properties.TABLE)
    properties.check(found, properties.TABLE, logical_id)
    if missing := [name for name in _TABLE if name not in found]:
        raise SandboxError(f"the table {logical_id} has no {missing[0]}")
    definition: dict[str, Any] = {name: found[name] for name in _TABLE}
    for name in _INDEXES:
        if found.get(name):
            definition[name] = [{key: one[key] for key in _INDEX if key in one} for one in found[name]]
    if view := found.get("StreamSpecification", {}).get("StreamViewType"):
        definition["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": view}
    return Table(logical_id, template.name(logical_id), definition)


def _simple_table(template: Template, logical_id: str) -> Table:
    found = template.properties(logical_id, properties.SIMPLE_TABLE)
    properties.check(found, properties.SIMPLE_TABLE, logical_id)
    key = found.get("PrimaryKey", {})
    name = str(key.get("Name", "id"))
    definition = {
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": _TYPES[key.get("Type", "String")]}],
        "KeySchema": [{"AttributeName": name, "KeyType": "HASH"}],
    }
    return Table(logical_id, template.name(logical_id), definition)
