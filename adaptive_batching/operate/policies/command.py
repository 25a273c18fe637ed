"""`adaptive-batching policy`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from adaptive_batching.command_line import Argument, Command, Mistake, Option, refusing
from adaptive_batching.operate.given import VariableError, given
from adaptive_batching.operate.options import ACCOUNT, BUCKET, SET
from adaptive_batching.operate.policies.needs import ANY, Shipping, key_arn, partition
from adaptive_batching.option_types import FUNCTION_NAME, Text
from adaptive_batching.settings import variable

if TYPE_CHECKING:
    from collections.abc import Sequence

_FORMATS = ("json", "sam", "terraform")


def _policy(
    *, bucket: str, function: str | None, kms: str | None, account: str | None, settings: Sequence[str], output: str
) -> None:
    from adaptive_batching.console import consoles  # noqa: PLC0415 - --help must not load slow modules
    from adaptive_batching.operate.policies.formats import written  # noqa: PLC0415

    with refusing(VariableError):
        variables = given(settings)
    if kms is not None:
        if not key_arn(kms):
            raise Mistake(f"--kms {kms!r} is not the ARN of a key; a policy cannot name an alias")
        variables[variable("KMS_KEY_ID")] = kms
    out, _ = consoles()
    shipping = Shipping(bucket, function or ANY, account or "", variables, partition(kms or ""))
    for line in written(shipping, output).splitlines():
        out.say(line)


policy = Command(
    "policy",
    callback=_policy,
    help="Print what the function's role, the bucket and the key have to allow. Nothing is asked or changed.",
    params=[
        Argument(["bucket"], type=BUCKET, metavar="BUCKET", help="where the logs go"),
        Option(
            ["--function"],
            type=Text(FUNCTION_NAME, "the name of a function"),
            metavar="NAME",
            help="allow this function's keys alone (default: those of all functions)",
        ),
        Option(
            ["--kms"],
            type=Text(),
            metavar="ARN",
            help="customer-managed key with which the bucket, or KMS_KEY_ID, encrypts",
        ),
        Option(
            ["--account"],
            type=ACCOUNT,
            metavar="ID",
            help="account of the functions, if the bucket is in another one",
        ),
        SET,
        Option(
            ["--format", "output"],
            type=click.Choice(_FORMATS),
            default="json",
            help="what to paste it into (default: json)",
        ),
    ],
)
