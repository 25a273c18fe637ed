"""`adaptive-batching policy`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adaptive_batching.command_line import Argument, Command, Mistake, Option, refusing
from adaptive_batching.operate.given import VariableError, given
from adaptive_batching.operate.options import ACCOUNT, BUCKET, SET
from adaptive_batching.operate.policies.needs import ANY, FORMATS, Shipping, key_arn, partition
from adaptive_batching.option_types import FUNCTION_NAME, Text, format_option
from adaptive_batching.settings import bucket_variable, variable

if TYPE_CHECKING:
    from collections.abc import Sequence


def _policy(
    *, bucket: str, function: str | None, kms: str | None, account: str | None, settings: Sequence[str], output: str
) -> None:
    from adaptive_batching.console import consoles  # noqa: PLC0415 - --help must not load slow modules
    from adaptive_batching.operate.policies.formats import written  # noqa: PLC0415

    with refusing(VariableError):
        variables = given(settings, {bucket_variable(): ("BUCKET", bucket)})
    key = _key(variables.get(variable("KMS_KEY_ID"), "").strip(), kms)
    variables |= {variable("KMS_KEY_ID"): key} if key else {}
    out, err = consoles(quoting=True)
    shipping = Shipping(bucket, function or ANY, account or "", variables, partition(key))
    for problem in shipping.settings.problems:
        if problem.name == variable("KMS_KEY_ID"):
            raise Mistake(str(problem))
        if problem.name != bucket_variable():  # in us-east-1 it may have a name of the old kind
            err.say(str(problem))
    for line in written(shipping, output).splitlines():
        out.say(line)


def _key(setting: str, kms: str | None) -> str:
    """Return the ARN of the key, "" if there is none. `setting` is KMS_KEY_ID. Raises Mistake.

    A policy that names an alias is about the alias, not about its key (KMS, "Use aliases to control access").
    """
    option, named = ("--set KMS_KEY_ID", setting) if kms is None else ("--kms", kms)
    if named and not key_arn(named):
        why = "a policy names a key by its ARN, also where the setting is an id or an alias"
        raise Mistake(f"{option} {named!r} is not the ARN of a key: {why}; give it with --kms")
    is_alias = "alias/" in setting
    if kms and setting and not is_alias and setting.rpartition("/")[2] != kms.rpartition("/")[2]:
        raise Mistake(f"--set KMS_KEY_ID={setting} and --kms {kms} name two keys; leave one of them out")
    return named


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
        format_option(*FORMATS),
    ],
)
