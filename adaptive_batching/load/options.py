"""The options that `load` and `smoke` have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adaptive_batching.command_line import Option
from adaptive_batching.option_types import REGION, Text, Url

if TYPE_CHECKING:
    import click


def source_options() -> list[click.Parameter]:
    """Return --logs and --layout."""
    return [
        Option(
            ["--logs"],
            type=Text(),
            metavar="SOURCE",
            group="the logs",
            help="where the target's functions ship their logs: s3://bucket/prefix or a folder",
        ),
        Option(
            ["--layout"],
            metavar="TEMPLATE",
            group="the logs",
            help="the extension's S3_PREFIX, '' for flat names (default: its default)",
        ),
    ]


def access_options() -> list[click.Parameter]:
    """Return --profile, --region and --endpoint-url."""
    group = "AWS"
    return [
        Option(["--profile"], type=Text(), metavar="NAME", group=group, help="profile of the AWS configuration"),
        Option(["--region"], type=REGION, metavar="REGION", group=group, help="default: as for the AWS CLI"),
        Option(["--endpoint-url"], type=Url(), metavar="URL", group=group, help="of Lambda's API, for lambda:NAME"),
    ]


def with_access(given: dict[str, Any]) -> dict[str, Any]:
    """Return what is given, with the options about AWS put together as `access`."""
    from adaptive_batching.load.destinations import Access  # noqa: PLC0415 - takes a while to load

    names = {"profile": "profile", "region": "region", "layout": "layout", "endpoint_url": "endpoint"}
    access = Access(**{field: given[name] for name, field in names.items()})
    return {name: value for name, value in given.items() if name not in names} | {"access": access}
