"""What the policies of a function's role say, as IAM judges them (SimulatePrincipalPolicy).

IAM does not simulate the policies of buckets and keys for roles: those are judged by the checks.
Source: IAM API reference, SimulatePrincipalPolicy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adaptive_batching.operate.aws import AwsError, answers
from adaptive_batching.operate.doctor.facts import ALLOW, DENY, NEITHER, NO_ROLE, Decision, Unknown
from adaptive_batching.operate.doctor.reading.attempt import unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from adaptive_batching.operate.aws import Account
    from adaptive_batching.operate.doctor.policy import Request


def decisions(account: Account, requests: Iterable[Request]) -> dict[str, Decision | Unknown]:
    """Return what the policies of the role say of each request, by its action."""
    client = account.client("iam")
    return {one.action: _decision(client, one) for one in requests}


def _decision(client: Any, request: Request) -> Decision | Unknown:  # noqa: ANN401 - boto3's
    if not request.principal:
        return Unknown("this server names no role of the function", mend="ask AWS")
    entries = [
        {"ContextKeyName": name, "ContextKeyValues": [value], "ContextKeyType": "string"}
        for name, value in request.context.items()
        if value is not None
    ]
    try:
        with answers():
            found = client.simulate_principal_policy(
                PolicySourceArn=request.principal,
                ActionNames=[request.action],
                ResourceArns=[request.resource],
                ContextEntries=entries,
            )
    except AwsError as error:
        return Decision(NO_ROLE, request.principal) if error.is_absent else unknown(error)
    results = found.get("EvaluationResults") or [{}]
    return judged(results[0])


def judged(result: Mapping[str, Any]) -> Decision | Unknown:
    """Return one of IAM's results as a decision, with who made it. Pure."""
    said = result.get("EvalDecision", "")
    statements = result.get("MatchedStatements") or [{}]
    source = statements[0].get("SourcePolicyId", "")
    if said == "allowed":
        return Decision(ALLOW, f"policy {source}" if source else "")
    if not (result.get("OrganizationsDecisionDetail") or {}).get("AllowedByOrganizations", True):
        return Decision(DENY, "a policy of the organization (SCP)")
    if not (result.get("PermissionsBoundaryDecisionDetail") or {}).get("AllowedByPermissionsBoundary", True):
        return Decision(DENY, "the role's permissions boundary")
    if said == "explicitDeny":
        return Decision(DENY, f"policy {source} of the role" if source else "a policy of the role")
    return Decision(NEITHER) if said == "implicitDeny" else Unknown(f"IAM's simulation says {said or 'nothing'}")
