"""Whether objects arrive while a function is invoked: the invocations of the last hour against the newest object."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from adaptive_batching.operate.aws import answers
from adaptive_batching.operate.policies.needs import Shipping
from adaptive_batching.settings import variable
from adaptive_batching.wording import counted

if TYPE_CHECKING:
    from adaptive_batching.operate.aws import Account
    from adaptive_batching.operate.function import Function

_WINDOW = timedelta(hours=1)


def trouble(account: Account, function: Function, now: datetime) -> str:
    """Return why it is not certain that logs arrive on S3, or "". Raises AwsError."""
    shipping = Shipping(function.held.variables.get(variable("S3_BUCKET"), ""), function.name, function.account)
    if not shipping.bucket:
        return f"{variable('S3_BUCKET')} is not set, so nothing is shipped"
    invoked = _invocations(account.client("cloudwatch", function.region), function.name, now)
    region = function.held.variables.get(variable("S3_REGION")) or function.region
    newest = _newest(account.client("s3", region), function, now)
    if newest is not None and now - newest <= _WINDOW:
        return ""
    last = "no object of this hour or the one before" if newest is None else f"the last object at {newest:%H:%M} UTC"
    return f"{counted(invoked, 'invocation')} in the last hour, {last}"


def _invocations(client: Any, name: str, now: datetime) -> int:  # noqa: ANN401 - boto3's
    with answers():
        answer = client.get_metric_statistics(
            Namespace="AWS/Lambda",
            MetricName="Invocations",
            Dimensions=[{"Name": "FunctionName", "Value": name}],
            StartTime=now - _WINDOW,
            EndTime=now,
            Period=3600,
            Statistics=["Sum"],
        )
    return int(sum(point["Sum"] for point in answer["Datapoints"]))


def _newest(client: Any, function: Function, now: datetime) -> datetime | None:  # noqa: ANN401 - boto3's
    """Return when the newest object came, of those whose keys begin as this hour's or the last one's do."""
    found: list[datetime] = []
    for beginning in {prefix(function, now), prefix(function, now - _WINDOW)}:
        with answers():
            pages = client.get_paginator("list_objects_v2").paginate(
                Bucket=function.held.variables[variable("S3_BUCKET")], Prefix=beginning
            )
            found += [one["LastModified"] for page in pages for one in page.get("Contents", [])]
    return max(found, default=None)


def prefix(function: Function, at: datetime) -> str:
    """Return what keys of a moment begin with, as far as it can be told. Pure."""
    at = at.astimezone(UTC)
    known = {
        "function": function.name,
        "region": function.region,
        "account": function.account,
        "date": f"{at:%Y-%m-%d}",
        **dict(zip(("year", "month", "day", "hour"), f"{at:%Y %m %d %H}".split(), strict=True)),
    }
    template = Shipping("", variables=function.held.variables).setting("S3_PREFIX") or f"{function.name}-"
    return re.sub(r"\{(\w+)\}", lambda one: known.get(one[1], one[0]), template).partition("{")[0]
