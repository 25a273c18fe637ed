"""What a role is denied, as IAM itself evaluates its policies (SimulatePrincipalPolicy). Nothing is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adaptive_batching.operate.aws import answers
from adaptive_batching.operate.policies import needs

if TYPE_CHECKING:
    from adaptive_batching.operate.policies.needs import Shipping

#: What the name of an object goes on with, whatever the prefix.
_EXAMPLE = "1795608000000-01234567-89ab-4cde-8f01-23456789abcd.log"


def denied(iam: Any, role: str, shipping: Shipping, owner: str) -> list[str]:  # noqa: ANN401 - boto3's
    """Return a phrase for each action that the role with this ARN is denied. `owner` is the account of the bucket.

    The policies of bucket and key are not asked. Raises AwsError.
    """
    context = {"s3:ResourceAccount": owner, "aws:SecureTransport": "true"}
    found = []
    for statement in needs.role(shipping):
        actions, resource = statement["Action"], statement["Resource"].replace("*", _EXAMPLE)
        through = statement.get("Condition", {}).get("StringEquals", {})
        with answers():
            answer = iam.simulate_principal_policy(
                PolicySourceArn=role,
                ActionNames=[actions] if isinstance(actions, str) else actions,
                ResourceArns=[resource],
                ContextEntries=[
                    {"ContextKeyName": name, "ContextKeyValues": [value], "ContextKeyType": "string"}
                    for name, value in {**context, **through}.items()
                ],
            )
        found += [
            f"{one['EvalActionName']} on {statement['Resource']}{_by(one['EvalDecision'])}"
            for one in answer["EvaluationResults"]
            if one["EvalDecision"] != "allowed"
        ]
    return found


def _by(decision: str) -> str:
    return " (a statement denies it)" if decision == "explicitDeny" else ""
