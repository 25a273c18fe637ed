"""What an outcome is worth: dollars and seconds. Prices are those of us-east-1, x86_64, in 2026."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.policies.model import Outcome
    from benchmarks.policies.traces import Request

PUT_PRICE, GET_PRICE = 5e-6, 0.4e-6  # $ a request, S3 Standard; each object is read once
GB_SECOND_PRICE = 16.6667e-6  # $
COLD_SECONDS = 0.5  # of Init that an extra cold start is billed
MILLION, GB = 1e6, 1e9


class Figures(NamedTuple):
    """One row. Ages are those of each invocation's oldest record when it is stored, in seconds."""

    puts: int
    dollars_per_million: float  # invocations
    dollars_per_gb: float  # logged, before compression
    p50: float
    p95: float
    p99: float
    most: float
    late: float  # share of the invocations that are stored after MAX_DELAY
    lost: float  # share of the invocations, at silent deaths
    waiting_bytes: int  # in one environment, at most
    held_ms: float  # an invocation, on average
    median_object: int  # bytes, before compression
    more_cold: float  # share of the invocations that found no free environment because of holding


def figures(requests: Sequence[Request], outcome: Outcome, cold: int, max_delay: float, memory_mb: int) -> Figures:
    """Return the row. `cold`: how many cold starts the same requests have where nothing is ever held."""
    ages = sorted(age for age in outcome.ages if age >= 0) or [0.0]
    count, size = len(requests), sum(request.size for request in requests)
    extra = max(outcome.cold - cold, 0)
    puts = len(outcome.objects)
    billed = (outcome.held + extra * COLD_SECONDS) * memory_mb / 1024
    dollars = puts * (PUT_PRICE + GET_PRICE) + billed * GB_SECOND_PRICE

    def quantile(share: float) -> float:
        return round(ages[min(int(share * len(ages)), len(ages) - 1)], 2)

    return Figures(
        puts=puts,
        dollars_per_million=round(dollars / count * MILLION, 4),
        dollars_per_gb=round(dollars / size * GB, 3) if size else 0.0,
        p50=quantile(0.5),
        p95=quantile(0.95),
        p99=quantile(0.99),
        most=round(ages[-1], 1),
        late=round(sum(age > max_delay for age in ages) / count, 5),
        lost=round(outcome.lost / count, 5),
        waiting_bytes=outcome.waiting,
        held_ms=round(outcome.held / count * 1000, 2),
        median_object=sorted(outcome.objects)[puts // 2] if puts else 0,
        more_cold=round(extra / count, 5),
    )
