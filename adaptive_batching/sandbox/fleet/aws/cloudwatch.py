"""Send metrics to CloudWatch as Lambda does, in a form that moto bins as CloudWatch would.

moto bins from the first datum, so stamps are cut to the minute, and it matches dimensions as a subset, so each datum
has FunctionName alone.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from adaptive_batching.sandbox.asynchronous.metrics import MINUTE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adaptive_batching.sandbox.asynchronous.metrics import Datum
    from adaptive_batching.sandbox.fleet.aws.clients import Clients
    from adaptive_batching.sandbox.fleet.clock import Clock

NAMESPACE, DIMENSION = "AWS/Lambda", "FunctionName"
#: The most data of one PutMetricData.
MOST = 1000


def send(clients: Clients, function: str, clock: Clock, data: Sequence[Datum]) -> None:
    """Send the data of a function."""
    for start in range(0, len(data), MOST):
        clients("cloudwatch").put_metric_data(
            Namespace=NAMESPACE,
            MetricData=[
                {
                    "MetricName": one.name,
                    "Dimensions": [{"Name": DIMENSION, "Value": function}],
                    "Timestamp": datetime.fromtimestamp(clock.epoch(one.at) // MINUTE * MINUTE, tz=UTC),
                    "Value": float(one.value),
                    "Unit": one.unit,
                }
                for one in data[start : start + MOST]
            ],
        )
