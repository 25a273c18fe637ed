"""The facts of a function on AWS. Nothing is written."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from adaptive_batching import settings
from adaptive_batching.operate import function as functions
from adaptive_batching.operate.doctor import asks
from adaptive_batching.operate.doctor.facts import Bucket, Facts, Key, Unknown
from adaptive_batching.operate.doctor.reading import function, log_group, network, role, storage, traffic

if TYPE_CHECKING:
    from collections.abc import Callable

    from adaptive_batching.operate.aws import Account


#: How often `read` calls `progress`.
STEPS = 7


def read(account: Account, name: str, progress: Callable[[str], None], clock: Callable[[], float] = time.time) -> Facts:
    """Return the facts. Raises AwsError if the function cannot be read.

    `progress` gets the name of what is read next.
    """
    progress("function")
    account = _home(account, name)
    found = functions.configuration(account.client("lambda"), name)
    own = function.of(found)
    progress("layers")
    own = replace(own, layers=function.layers(account, found))
    none = own.unresolved.get(settings.bucket_variable(), Unknown("no bucket is set"))
    bucket: Bucket | Unknown = none
    key: Key | Unknown | None = none
    if own.variables["S3_BUCKET"]:
        progress("bucket")
        bucket = storage.bucket(account, own)
        key = storage.key(account, own, bucket)
    progress("role")
    allows = role.decisions(account, asks.all_of(own, bucket, key))
    progress("network")
    ways = network.of(account, own, found.get("VpcConfig") or {})
    progress("log group")
    now = clock()
    filters, lines = log_group.metric_filters(account, own), log_group.lines(account, own, now)
    progress("traffic")
    return Facts(own, bucket, allows, key, ways, filters, traffic.of(account, own, now), lines)


def arriving(account: Account, name: str, now: float) -> Facts:
    """Return the function, its layers and the traffic alone. Raises AwsError if the function cannot be read."""
    account = _home(account, name)
    found = functions.configuration(account.client("lambda"), name)
    own = replace(function.of(found), layers=function.layers(account, found))
    return Facts(own, traffic=traffic.of(account, own, now))


def _home(account: Account, name: str) -> Account:
    """Return the account in the region that an ARN names."""
    return replace(account, region=functions.region(name) or account.region)
