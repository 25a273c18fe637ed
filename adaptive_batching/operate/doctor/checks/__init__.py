"""The checks, in the order in which they are shown. Each judges facts and knows nothing of the others. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adaptive_batching.operate.doctor.checks import (
    bucket,
    cloudwatch,
    flowing,
    heard,
    kms,
    layer,
    limits,
    network,
    put,
    settings,
    write_once,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from adaptive_batching.operate.doctor.facts import Facts
    from adaptive_batching.operate.doctor.finding import Finding

#: Name of a check -> its judgement: at least one finding.
CHECKS: Mapping[str, Callable[[Facts], list[Finding]]] = {
    "settings": settings.judge,
    "layer": layer.judge,
    "bucket": bucket.judge,
    "put": put.judge,
    "kms": kms.judge,
    "write once": write_once.judge,
    "network": network.judge,
    "limits": limits.judge,
    "CloudWatch": cloudwatch.judge,
    "flowing": flowing.judge,
    "heard": heard.judge,
}


def judged(facts: Facts) -> dict[str, list[Finding]]:
    """Return what every check says."""
    return {name: judge(facts) for name, judge in CHECKS.items()}
