"""What AWS bills, in one dated table. Pure.

List prices of us-east-1 in US dollars, without the free tier, November 2026: aws.amazon.com/lambda/pricing,
/s3/pricing, /cloudwatch/pricing and /athena/pricing. docs/cost.md has the same.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

#: When the prices were looked up.
AS_OF = "2026-11"
REGION = "us-east-1"

#: A GB-second of a function, by its architecture.
GB_SECOND = {"x86_64": 0.0000166667, "arm64": 0.0000133334}
#: One request to a function.
REQUEST = 0.20 / 1_000_000

#: One PUT, COPY, POST or LIST request, and one GET request, to S3 Standard.
S3_PUT, S3_GET = 0.005 / 1_000, 0.0004 / 1_000
#: A GB in S3 Standard for a month.
S3_GB_MONTH = 0.023
#: A GB of logs: ingested, and stored for a month (Standard class; storage is billed compressed).
CLOUDWATCH_GB, CLOUDWATCH_GB_MONTH = 0.50, 0.03
#: A TB that Athena scans.
ATHENA_TB = 5.00

_MB_PER_GB = 1024
_MS_PER_SECOND = 1000


def invocation(billed_ms: float, memory_mb: float, gb_second: float = GB_SECOND["x86_64"]) -> float:
    """Return the price of one invocation in dollars: its billed duration times its memory, and the request."""
    return billed_ms / _MS_PER_SECOND * memory_mb / _MB_PER_GB * gb_second + REQUEST


def gb_second(function: str, arm: Sequence[str] = (), given: float | None = None) -> float:
    """Return the price of a GB-second of a function: what is given, or that of arm64 if a glob of `arm` matches."""
    if given is not None:
        return given
    return GB_SECOND["arm64" if any(fnmatchcase(function, one) for one in arm) else "x86_64"]
