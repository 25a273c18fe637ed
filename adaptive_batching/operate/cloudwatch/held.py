"""Whether a role has the denial."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adaptive_batching.operate.aws import AwsError, answers
from adaptive_batching.operate.cloudwatch.denial import policy_name
from adaptive_batching.operate.doctor.facts import DENY
from adaptive_batching.operate.doctor.policy import Request, is_document, said
from adaptive_batching.operate.policies.needs import partition

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


def denying(account: Account, found: Function) -> tuple[str, ...]:
    """Return which inline policies of a function's role deny Lambda its writes to the function's log group.

    Raises AwsError.
    """
    iam, role = account.client("iam"), role_of(found)
    try:
        with answers():
            pages = iam.get_paginator("list_role_policies").paginate(RoleName=role)
            names = [str(name) for page in pages for name in page["PolicyNames"]]
    except AwsError as error:
        if error.is_absent:
            return ()
        raise
    return tuple(name for name in names if denies(held(iam, role, name), found))


def denies(document: Any, found: Function) -> bool:  # noqa: ANN401 - any JSON
    """Return whether a policy denies one of Lambda's writes to the log group, whatever else holds. Pure.

    Without logs:CreateLogGroup, a group that exists is written to.
    """
    if not is_document(document):
        return False
    group = f"arn:{partition(found.arn)}:logs:{found.region}:{found.account}:log-group:{found.log_group}"
    stream = f"{group}:log-stream:2026/11/25/[$LATEST]0123"
    asked = (("logs:CreateLogStream", group), ("logs:CreateLogStream", stream), ("logs:PutLogEvents", stream))
    context: dict[str, str | None] = {
        "aws:principalarn": found.role,
        "aws:requestedregion": found.region,
        "aws:securetransport": "true",
    }
    requests = (Request(action, resource, found.role, found.account, context) for action, resource in asked)
    return any(said([document], one, has_principals=False).effect == DENY for one in requests)
