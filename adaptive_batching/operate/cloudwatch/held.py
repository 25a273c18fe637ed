"""Whether a role has the denial."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adaptive_batching.operate.aws import AwsError, answers
from adaptive_batching.operate.cloudwatch.denial import policy_name

if TYPE_CHECKING:
    from adaptive_batching.operate.aws import Account
    from adaptive_batching.operate.function import Function


def role_of(found: Function) -> str:
    """Return the name of a function's role. Pure."""
    return found.role.rpartition("/")[2]


def held(iam: Any, role: str, policy: str) -> Any:  # noqa: ANN401 - boto3's, and any JSON
    """Return the document of a role's inline policy, None if there is none. Raises AwsError."""
    try:
        with answers():
            return iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
    except AwsError as error:
        if error.is_absent:
            return None
        raise


def is_off(account: Account, found: Function) -> bool:
    """Return whether `cloudwatch off` was called for a function. Raises AwsError."""
    return held(account.client("iam"), role_of(found), policy_name(found.arn)) is not None
