"""Read the metrics and the settings of a function that a diagnosis needs, from CloudWatch and Lambda."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from adaptive_batching.sandbox.asynchronous import metrics
from adaptive_batching.sandbox.asynchronous.configuration import configuration
from adaptive_batching.sandbox.asynchronous.diagnosis import Figures
from adaptive_batching.sandbox.fleet.aws.cloudwatch import DIMENSION, NAMESPACE
from adaptive_batching.sandbox.fleet.invoke_api import function_name
from adaptive_batching.sandbox.s3.embedded import KEYS, REGION
from adaptive_batching.values.loopback import on_loopback

if TYPE_CHECKING:
    from adaptive_batching.sandbox.asynchronous.configuration import Configuration

#: The most data points of one GetMetricStatistics.
_POINTS = 1440
#: How far past now metrics are looked for: those of a sandbox in which time runs faster.
_AHEAD = timedelta(days=1)
_SUMS = (metrics.RECEIVED, metrics.DROPPED, metrics.THROTTLES, metrics.ERRORS)


class CannotSayError(Exception):
    """There is nothing to judge. The text says why."""


@dataclass(frozen=True)
class Place:
    """Where a function is. `endpoint` and `region` are None where the AWS settings of the user decide."""

    function: str
    endpoint: str | None
    region: str | None


def read(place: Place, since: timedelta, expected: int | None) -> tuple[Figures, Configuration]:
    """Return the figures of the time since then, and what is set. Raises CannotSayError."""
    try:
        return _read(place, since, expected)
    except ClientError as error:
        raise CannotSayError(f"{error.operation_name} was refused: {error.response['Error'].get('Message')}") from None
    except BotoCoreError as error:
        raise CannotSayError(str(error)) from None


def _read(place: Place, since: timedelta, expected: int | None) -> tuple[Figures, Configuration]:
    held = _settings(_client(place, "lambda"), place.function)
    cloudwatch = _client(place, "cloudwatch")
    sums = {name: _values(cloudwatch, place.function, name, since, metrics.SUM) for name in _SUMS}
    ages = _values(cloudwatch, place.function, metrics.AGE, since, metrics.MAXIMUM)
    if not (ages or any(sums.values())) and not expected:
        raise CannotSayError(
            f"CloudWatch has no data of {place.function} from the last {since}; a new datum takes a minute or two, and "
            "--since looks further back"
        )
    figures = Figures(
        received=int(sum(sums[metrics.RECEIVED])),
        dropped=int(sum(sums[metrics.DROPPED])),
        throttled=int(sum(sums[metrics.THROTTLES])),
        errors=int(sum(sums[metrics.ERRORS])),
        age=max(ages) / 1000 if ages else None,
        retries=held.retries,
        max_age=held.max_age,
        reserved=held.reserved,
        expected=expected,
    )
    return figures, held


def _client(place: Place, service: str) -> Any:  # noqa: ANN401 - boto3 makes its classes at run time
    on_this_machine = on_loopback(place.endpoint)
    session = boto3.Session()
    keys: dict[str, Any] = {}
    if on_this_machine and session.get_credentials() is None:
        keys = {"aws_access_key_id": KEYS["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": KEYS["AWS_SECRET_ACCESS_KEY"]}
    region = place.region or session.region_name or (REGION if on_this_machine else None)
    config = Config(retries={"max_attempts": 2})
    if on_this_machine:
        config = config.merge(Config(proxies={}))
    return session.client(service, endpoint_url=place.endpoint, region_name=region, config=config, **keys)


def _values(cloudwatch: Any, function: str, name: str, since: timedelta, statistic: str) -> list[float]:  # noqa: ANN401
    now = datetime.now(UTC)
    period = metrics.MINUTE * math.ceil((since + _AHEAD).total_seconds() / metrics.MINUTE / _POINTS)
    answer = cloudwatch.get_metric_statistics(
        Namespace=NAMESPACE,
        MetricName=name,
        Dimensions=[{"Name": DIMENSION, "Value": function_name(function)[0]}],
        StartTime=now - since,
        EndTime=now + _AHEAD,
        Period=period,
        Statistics=[statistic],
    )
    return [point[statistic] for point in answer["Datapoints"]]


def _settings(lambdas: Any, function: str) -> Configuration:  # noqa: ANN401 - as above
    found = lambdas.get_function_configuration(FunctionName=function)
    reserved = lambdas.get_function_concurrency(FunctionName=function).get("ReservedConcurrentExecutions")
    try:
        document = lambdas.get_function_event_invoke_config(FunctionName=function)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        document = None  # the function exists: Lambda's defaults hold
    return configuration(document, reserved, found.get("DeadLetterConfig", {}).get("TargetArn", ""))
