"""The options that every command on an AWS account has, and what their texts may be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adaptive_batching.command_line import Option
from adaptive_batching.option_types import REGION, Text, Url

if TYPE_CHECKING:
    import click

WHERE = "where"


def where_options(*, region: bool = True) -> list[click.Parameter]:
    """Return the options of `aws.Account`: `profile`, `endpoint_url` and, unless the command has its own, `region`."""
    of_region = Option(
        ["--region"],
        type=REGION,
        metavar="REGION",
        group=WHERE,
        help="region of the function (default: as for the AWS CLI)",
    )
    return [
        *([of_region] if region else []),
        Option(["--profile"], type=Text(), metavar="NAME", group=WHERE, help="profile of the AWS configuration"),
        Option(
            ["--endpoint-url"],
            type=Url(),
            metavar="URL",
            group=WHERE,
            help="URL of a server that is not AWS's, for all services",
        ),
    ]
