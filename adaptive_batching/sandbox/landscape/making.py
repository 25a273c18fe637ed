"""Makes the buckets, queues and tables of a template on moto's server, and tells the template what Ref and GetAtt give.

What the server has already stays as it is, so that one that outlives a landscape keeps what it holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.fleet.aws.clients import REFUSED, why

if TYPE_CHECKING:
    from adaptive_batching.sandbox.fleet.aws.clients import Clients
    from adaptive_batching.sandbox.landscape.description import Description, Queue, Table
    from adaptive_batching.sandbox.template.template import Template

#: Errors that say that a resource exists.
_THERE = frozenset(
    {
        "BucketAlreadyExists",
        "BucketAlreadyOwnedByYou",
        "QueueAlreadyExists",
        "QueueNameExists",
        "ResourceInUseException",
    }
)


def make(clients: Clients, description: Description, template: Template) -> dict[str, str]:
    """Make what a template describes. Return the URLs of its queues by their ARNs. Raises SandboxError."""
    for logical_id, name in description.buckets.items():
        _try(logical_id, lambda name=name: clients("s3").create_bucket(Bucket=name))
        template.tell(logical_id, "DomainName", f"{name}.s3.amazonaws.com")
    urls = {one.arn: _queue(clients, one, template) for one in description.queues}
    for one in description.queues:  # when its dead-letter queue is there
        if one.redrive:
            attributes = {"RedrivePolicy": one.redrive}
            url = urls[one.arn]
            _try(
                one.logical_id,
                lambda url=url, attributes=attributes: clients("sqs").set_queue_attributes(
                    QueueUrl=url, Attributes=attributes
                ),
            )
    for table in description.tables:
        _table(clients, table, template)
    return urls


def _queue(clients: Clients, queue: Queue, template: Template) -> str:
    sqs = clients("sqs")
    _try(queue.logical_id, lambda: sqs.create_queue(QueueName=queue.name, Attributes=dict(queue.attributes)))
    url = str(_try(queue.logical_id, lambda: sqs.get_queue_url(QueueName=queue.name)["QueueUrl"]))
    for attribute, value in (("Ref", url), ("QueueUrl", url), ("QueueName", queue.name), ("Arn", queue.arn)):
        template.tell(queue.logical_id, attribute, value)
    return url


def _table(clients: Clients, table: Table, template: Template) -> None:
    dynamodb = clients("dynamodb")
    _try(
        table.logical_id,
        lambda: dynamodb.create_table(TableName=table.name, BillingMode="PAY_PER_REQUEST", **table.definition),
    )
    arn, stream = _try(table.logical_id, lambda: _arns(dynamodb.describe_table(TableName=table.name)["Table"]))
    template.tell(table.logical_id, "Ref", table.name)
    template.tell(table.logical_id, "Arn", arn)
    if stream:
        template.tell(table.logical_id, "StreamArn", stream)


def _arns(table: Any) -> tuple[str, str]:  # noqa: ANN401 - boto3 makes its classes at run time
    return str(table["TableArn"]), str(table.get("LatestStreamArn", ""))


def _try(logical_id: str, call: Any) -> Any:  # noqa: ANN401 - boto3 makes its classes at run time
    """Make a call, and take an error that says that the resource exists for success. Raises SandboxError."""
    try:
        return call()
    except REFUSED as error:
        code = error.response.get("Error", {}).get("Code") if isinstance(error, ClientError) else None
        if str(code).rpartition(".")[2] in _THERE:
            return None
        raise SandboxError(f"{logical_id} cannot be made on this machine: {why(error)}") from None
