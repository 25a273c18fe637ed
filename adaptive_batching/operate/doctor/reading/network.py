"""How the subnets of a function reach S3 (DescribeRouteTables, DescribeVpcEndpoints)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adaptive_batching.operate.doctor.facts import Network, Unknown, Way
from adaptive_batching.operate.doctor.reading.attempt import attempt

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    from adaptive_batching.operate.aws import Account
    from adaptive_batching.operate.doctor.facts import Function

_EVERYWHERE = "0.0.0.0/0"
_TARGETS = (
    *("NatGatewayId", "TransitGatewayId", "NetworkInterfaceId", "InstanceId", "VpcPeeringConnectionId"),
    *("LocalGatewayId", "CarrierGatewayId", "CoreNetworkArn", "GatewayId"),
)


def of(account: Account, function: Function, config: Mapping[str, Any]) -> Network | Unknown | None:
    """Return the network of a function, None if it is not in a VPC."""
    vpc, subnets = config.get("VpcId", ""), config.get("SubnetIds") or []
    if not vpc or not subnets:
        return None
    client = account.client("ec2")
    tables = attempt(lambda: _pages(client, "describe_route_tables", "RouteTables", vpc))
    if isinstance(tables, Unknown):
        return tables
    endpoints = attempt(lambda: _pages(client, "describe_vpc_endpoints", "VpcEndpoints", vpc))
    if isinstance(endpoints, Unknown):
        return endpoints
    to_s3 = [one for one in endpoints if one.get("ServiceName") == f"com.amazonaws.{function.region}.s3"]
    to_s3 = [one for one in to_s3 if one.get("State", "available").lower() == "available"]
    interface = any(one.get("VpcEndpointType") == "Interface" and one.get("PrivateDnsEnabled") for one in to_s3)
    gateways = {
        table for one in to_s3 if one.get("VpcEndpointType") != "Interface" for table in one.get("RouteTableIds") or []
    }
    return Network(vpc, tuple(_way(subnet, tables, gateways) for subnet in subnets), interface)


def _pages(client: Any, operation: str, member: str, vpc: str) -> list[dict[str, Any]]:  # noqa: ANN401 - boto3's
    pages = client.get_paginator(operation).paginate(Filters=[{"Name": "vpc-id", "Values": [vpc]}])
    return [one for page in pages for one in page[member]]


def _way(subnet: str, tables: Sequence[Mapping[str, Any]], gateways: Container[str | None]) -> Way:
    """Return the way of a subnet: by its own route table, or the VPC's main one."""

    def associated(name: str, value: object) -> Mapping[str, Any] | None:
        return next((t for t in tables if any(a.get(name) == value for a in t.get("Associations") or [])), None)

    table = associated("SubnetId", subnet) or associated("Main", True) or {}
    default: Mapping[str, Any] = next(
        (one for one in table.get("Routes") or [] if one.get("DestinationCidrBlock") == _EVERYWHERE), {}
    )
    is_up = default.get("State", "active") != "blackhole"
    target = next((str(default[name]) for name in _TARGETS if default.get(name)), "") if is_up else ""
    return Way(subnet, table.get("RouteTableId") in gateways, target)
