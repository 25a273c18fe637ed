"""How often the function was invoked in the last hour (CloudWatch), and when its newest object was stored (S3)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from adaptive_batching.logs.sources import keys
from adaptive_batching.operate import variables
from adaptive_batching.operate.aws import AwsError, answers
from adaptive_batching.operate.doctor import asks
from adaptive_batching.operate.doctor.checks.flowing import BACK, WINDOW
from adaptive_batching.operate.doctor.facts import Traffic, Unknown
from adaptive_batching.operate.doctor.reading import storage
from adaptive_batching.operate.doctor.reading.attempt import attempt, unknown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adaptive_batching.operate.aws import Account
    from adaptive_batching.operate.doctor.facts import Function

#: How much later than its first line an object may come: the greatest MAX_DELAY_MILLISECONDS.
_LONGEST_WAIT = timedelta(hours=1)
_MOST_PAGES = 100  # of 1,000 keys


def of(account: Account, function: Function, now: float) -> Traffic:
    """Return the figures of the last hour."""
    invocations = attempt(lambda: _invocations(account, function, now))
    return Traffic(invocations, newest(account, function, now), now)


def _invocations(account: Account, function: Function, now: float) -> int:
    answer: dict[str, Any] = account.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/Lambda",
        MetricName="Invocations",
        Dimensions=[{"Name": "FunctionName", "Value": function.name}],
        StartTime=datetime.fromtimestamp(now - WINDOW, UTC),
        EndTime=datetime.fromtimestamp(now, UTC),
        Period=60,
        Statistics=["Sum"],
    )
    total: float = sum(one["Sum"] for one in answer["Datapoints"])
    return round(total)


def newest(account: Account, function: Function, now: float) -> float | Unknown | None:
    """Return when the newest object of the last day was stored, None if there is none.

    The last hour is looked at first.
    """
    values = function.variables
    if not values["S3_BUCKET"] or values.endpoint:
        return Unknown(f"objects go to {values.endpoint or 'no bucket'}")
    client = account.client("s3", asks.bucket_region(function))
    try:
        with answers():
            found = (_newest(client, function, now - back) for back in (WINDOW, BACK))
            return next((one for one in found if one is not None), None)
    except AwsError as error:
        return storage.absent(values["S3_BUCKET"]) if error.is_absent else unknown(error)


def objects(client: Any, function: Function, since: float) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - boto3's
    """Yield the objects of a function whose lines may be of a moment or later, as S3 lists them.

    Raises AwsError, also if there are too many.
    """
    known = {"function": function.name, "region": function.region, "account": function.account}
    template = variables.filled(function.variables["S3_PREFIX"], known)
    window = keys.Window(datetime.fromtimestamp(since, UTC), slack=_LONGEST_WAIT)
    pages = 0
    for wanted in keys.ranges(keys.Branch("", template), window, [function.name]):
        after = {"StartAfter": wanted.after} if wanted.after else {}
        listing = client.get_paginator("list_objects_v2")
        for page in listing.paginate(Bucket=function.variables["S3_BUCKET"], Prefix=wanted.prefix, **after):
            pages += 1
            if pages > _MOST_PAGES:
                raise AwsError(f"over {_MOST_PAGES},000 objects begin with {wanted.prefix!r}, too many to look through")
            _ = page["IsTruncated"]  # which every list has: without it the answer is none
            for one in page.get("Contents", []):
                name = keys.parsed(one["Key"])
                if name and name.function == function.name:
                    yield one


def _newest(client: Any, function: Function, since: float) -> float | None:  # noqa: ANN401 - boto3's
    moments = (one["LastModified"].timestamp() for one in objects(client, function, since))
    return max((one for one in moments if one >= since), default=None)
