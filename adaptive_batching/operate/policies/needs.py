"""The statements that shipping needs, from the bucket and the extension's variables. Pure.

The sources are S3's and KMS's pages of the Service Authorization Reference. docs/iam.md explains each statement.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from adaptive_batching.operate import names
from adaptive_batching.operate.variables import Variables, read

if TYPE_CHECKING:
    from collections.abc import Mapping

Statement = dict[str, Any]
#: Every function, every account.
ANY = "*"
#: How `formats.written` writes them.
FORMATS = ("json", "sam", "terraform")
_KEY_ARN = re.compile(r"arn:(aws[a-z-]*):kms:([a-z0-9-]+):(\d{12}):key/.+")
_DNS = {"aws-cn": "amazonaws.com.cn"}


@dataclass(frozen=True)
class Shipping:
    """What is shipped where.

    `function` is a name, or "*" for every function. `account` is the functions' account, "" if it is the bucket's.
    `variables` are the extension's, by their full names; what is missing has its default.
    """

    bucket: str
    function: str = ANY
    account: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    partition: str = "aws"

    @cached_property
    def settings(self) -> Variables:
        """What the extension uses."""
        return read(self.variables, self.function)

    @property
    def key(self) -> str:
        """The ARN of the KMS key to encrypt with, "" if none is given by its ARN."""
        found = self.settings["KMS_KEY_ID"]
        return found if key_arn(found) else ""

    @property
    def objects(self) -> str:
        """The ARN of the objects, with `*` for what is not known."""
        return (
            f"arn:{self.partition}:s3:::{self.bucket}/{keys(self.settings['S3_PREFIX'], self.function, self.account)}"
        )


def key_arn(text: str) -> bool:
    """Return whether a text is the ARN of a KMS key (not of an alias)."""
    return bool(_KEY_ARN.fullmatch(text)) and not names.wrong_key(text, "")


def partition(arn: str) -> str:
    """Return the partition of an ARN, `aws` for what is not one."""
    words = arn.split(":")
    return words[1] if words[0] == "arn" and len(words) > 1 else "aws"


def keys(template: str, function: str, account: str = "") -> str:
    """Return the pattern of all keys of a function: up to the folder that names it, or else the first folder."""
    if not template:
        return f"{function}-*" if function != ANY else ANY
    folders = template.split("/")
    named = next((number for number, one in enumerate(folders) if "{function}" in one), 0)
    kept = "/".join(folders[: named + 1]) + ("/" if len(folders) > named + 1 else "")
    for name, value in (("function", function), ("account", account or ANY)):
        kept = kept.replace(f"{{{name}}}", value)
    return re.sub(r"(\*/?)*\*$", "*", re.sub(r"\{\w+\}", ANY, kept) + ANY)


def role(shipping: Shipping) -> list[Statement]:
    """Return what the function's role has to allow."""
    found = [_statement("ShipLogs", _actions(shipping), shipping.objects)]
    if shipping.key:
        found.append(_statement("EncryptLogs", "kms:GenerateDataKey", shipping.key, Condition=_through_s3(shipping)))
    return found


def bucket(shipping: Shipping) -> list[Statement]:
    """Return what the bucket has to allow: nothing unless the functions are in another account."""
    if not shipping.account:
        return []
    one = _statement("LogsOfAnotherAccount", _actions(shipping), shipping.objects, Principal=_principal(shipping))
    return [one]


def key(shipping: Shipping) -> list[Statement]:
    """Return what the policy of the customer's KMS key has to allow beside what it allows already."""
    if not shipping.key:
        return []
    use = {"Principal": _principal(shipping), "Condition": _through_s3(shipping)}
    return [_statement("EncryptLogs", "kms:GenerateDataKey", ANY, **use)]


def _actions(shipping: Shipping) -> str | list[str]:
    return ["s3:PutObject", "s3:PutObjectTagging"] if shipping.settings.wants_tags else "s3:PutObject"


def _principal(shipping: Shipping) -> dict[str, str]:
    """Return the functions' account: its own policies say which of its roles may."""
    owner = shipping.account or shipping.key.split(":")[4]
    return {"AWS": f"arn:{shipping.partition}:iam::{owner}:root"}


def _through_s3(shipping: Shipping) -> dict[str, Any]:
    region = shipping.settings["S3_REGION"] or shipping.key.split(":")[3]
    return {"StringEquals": {"kms:ViaService": f"s3.{region}.{_DNS.get(shipping.partition, 'amazonaws.com')}"}}


def _statement(sid: str, action: str | list[str], resource: str, **more: Any) -> Statement:  # noqa: ANN401 - any JSON
    principal = {"Principal": more.pop("Principal")} if "Principal" in more else {}
    return {"Sid": sid, "Effect": "Allow", **principal, "Action": action, "Resource": resource, **more}


def document(statements: list[Statement]) -> dict[str, Any]:
    """Return the policy document."""
    return {"Version": "2012-10-17", "Statement": statements}
