"""The options that every command on an AWS account has, and what their texts may be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adaptive_batching.command_line import Option
from adaptive_batching.option_types import REGION, Text, Url

if TYPE_CHECKING:
    import click

WHERE = "where"
ACCOUNT = Text(r"[0-9]{12}", "the number of an account, 12 digits")
#: As S3 names buckets (Bucket naming rules), and the capitals and underscores of its oldest ones in us-east-1.
BUCKET = Text(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]", "the name of a bucket")
SET = Option(
    ["--set", "settings"],
    type=Text(),
    multiple=True,
    metavar="NAME=VALUE",
    help="a setting of the extension, as in MODE=adaptive; repeatable",
)


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
