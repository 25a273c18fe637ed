"""A function in a VPC: does every subnet have a way to S3. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adaptive_batching.operate.doctor import asks
from adaptive_batching.operate.doctor.checks.permission import INVOKE
from adaptive_batching.operate.doctor.facts import Bucket, Unknown
from adaptive_batching.operate.doctor.finding import CANNOT_SAY, ERROR, OK, Finding, cannot_say

if TYPE_CHECKING:
    from adaptive_batching.operate.doctor.facts import Facts, Way

_MEND = (
    "an S3 gateway endpoint on their route tables (free of charge), or a NAT gateway: docs/iam.md, A function in a VPC"
)


def judge(facts: Facts) -> list[Finding]:
    """Return the subnets from which every upload times out."""
    network = facts.network
    if network is None:
        return [Finding(OK, "not in a VPC")]
    if isinstance(network, Unknown):
        return [cannot_say(network)]
    if facts.function.variables.endpoint:
        why = f"in {network.vpc}; objects go to {facts.function.variables.endpoint}"
        return [Finding(CANNOT_SAY, why, INVOKE)]
    region = asks.bucket_region(facts.function)
    if isinstance(facts.bucket, Bucket) and isinstance(facts.bucket.region, str) and facts.bucket.region:
        region = facts.bucket.region
    same = region == facts.function.region
    leads = {way.subnet: _leads(way, same_region=same, interface=network.interface_endpoint) for way in network.ways}
    dead = [way for way in network.ways if leads[way.subnet] is False]
    if dead:
        return [Finding(ERROR, f"in {network.vpc}, no way to S3 from {', '.join(map(_told, dead))}", _MEND)]
    unclear = [way for way in network.ways if leads[way.subnet] is None]
    if unclear:
        why = f"in {network.vpc}; {', '.join(map(_told, unclear))}, and where that leads is not seen from here"
        return [Finding(CANNOT_SAY, why, INVOKE)]
    return [Finding(OK, f"in {network.vpc}, and every subnet has a way to S3")]


def _leads(way: Way, *, same_region: bool, interface: bool) -> bool | None:
    """Return whether a way leads to S3, None if that depends on what stands behind it."""
    if (way.gateway_endpoint or interface) and same_region:
        return True
    if way.default.startswith("nat-"):
        return True
    return False if not way.default or way.default.startswith("igw-") else None


def _told(way: Way) -> str:
    if way.default.startswith("igw-"):
        return f"{way.subnet} (its {way.default} is of no use: a function has no public address)"
    if way.gateway_endpoint:
        return f"{way.subnet} (its gateway endpoint is for this region alone)"
    return f"{way.subnet} (0.0.0.0/0 leads to {way.default or 'nothing'})"
