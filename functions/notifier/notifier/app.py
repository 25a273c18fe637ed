"""The handler of the notifier.

Its variables:
    WEBHOOK_URL  where it posts
    QUEUE_URLS   queues of dead letters, separated by commas
    FUNCTIONS    functions whose lines are searched if an event names none, separated by commas
    ADAPTIVE_BATCHING_EXTENSION_S3_BUCKET, ADAPTIVE_BATCHING_EXTENSION_S3_PREFIX  as the functions have them
"""

from __future__ import annotations

import functools
import os
import time
from typing import Any

import boto3
from botocore.config import Config

from notifier import layout
from notifier.bucket import Bucket
from notifier.run import Notifier

#: Milliseconds before the timeout from which on nothing new is begun: a post and its marker need this long.
_MARGIN = 15_000
_EXTENSION = "ADAPTIVE_BATCHING_EXTENSION_"


def handler(event: Any, context: Any) -> None:  # noqa: ANN401 - any JSON; Lambda's own class
    """Tell what arrived. Raises NotifierError if something could not be told now."""
    s3, sqs = _clients()
    bucket = os.environ[f"{_EXTENSION}S3_BUCKET"]
    template = os.environ.get(f"{_EXTENSION}S3_PREFIX", layout.DEFAULT)
    account = context.invoked_function_arn.split(":")[4]
    Notifier(
        Bucket(s3, bucket, template, {"region": os.environ["AWS_REGION"], "account": account}),
        sqs,
        _listed("QUEUE_URLS"),
        _listed("FUNCTIONS"),
        os.environ["WEBHOOK_URL"],
        now=time.time_ns() // 1_000_000,
        is_late=lambda: context.get_remaining_time_in_millis() < _MARGIN,
        source=f"s3://{bucket}",
    ).run(event)


@functools.cache
def _clients() -> tuple[Any, Any]:
    patient = Config(connect_timeout=3, read_timeout=5, retries={"max_attempts": 2})
    return boto3.client("s3", config=patient), boto3.client("sqs", config=patient)


def _listed(name: str) -> list[str]:
    return list(dict.fromkeys(filter(None, os.environ.get(name, "").split(","))))
