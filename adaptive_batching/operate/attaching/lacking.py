"""What a function's role lacks for shipping, asked of IAM as `doctor` asks it. Bucket and key are not looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adaptive_batching.operate.doctor import asks, facts
from adaptive_batching.operate.doctor.facts import DENY, Bucket, Key, Unknown
from adaptive_batching.operate.doctor.reading import role
from adaptive_batching.operate.policies.needs import key_arn, partition

if TYPE_CHECKING:
    from adaptive_batching.operate.aws import Account
    from adaptive_batching.operate.function import Function
    from adaptive_batching.operate.variables import Variables

_NOT_READ = Unknown("it is not read")


def lacking(account: Account, found: Function, values: Variables) -> list[str] | Unknown:
    """Return a phrase for each action that the role's own policies do not allow, with what the extension uses."""
    function = facts.Function(
        found.name,
        found.region,
        found.account,
        values,
        timeout=_NOT_READ,
        memory=_NOT_READ,
        partition=partition(found.arn),
        role=found.role,
    )
    bucket = Bucket(is_own=values["S3_BUCKET_OWNER"] in ("", found.account))
    key = Key(values["KMS_KEY_ID"]) if key_arn(values["KMS_KEY_ID"]) else None
    phrases: list[str] = []
    unknown: Unknown | None = None
    for action, decision in role.decisions(account, asks.shipping(function, bucket, key)).items():
        if isinstance(decision, Unknown):
            unknown = unknown or decision
        elif not decision.allows:
            denied = f" ({decision.by} denies it)" if decision.effect == DENY else ""
            phrases.append(f"{asks.phrase(function, action, key)}{denied}")
    return phrases or unknown or []
