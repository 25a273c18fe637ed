"""The policies that a template gives to a function's role. Opens no connection.

Sources: SAM's reference, "AWS::Serverless::Function" (Policies) and "SAM policy templates"; the managed policies
AWSLambdaBasicExecutionRole and AWSLambdaVPCAccessExecutionRole as AWS lists them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adaptive_batching.sandbox.template.values import FUNCTION
from adaptive_batching.sandbox.template.whole import Unresolved

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adaptive_batching.operate.doctor.facts import Document
    from adaptive_batching.sandbox.template.whole import WholeTemplate

_ROLE, _POLICIES = "AWS::IAM::Role", ("AWS::IAM::Policy", "AWS::IAM::RolePolicy")
_WRITES_LOGS: Document = {
    "Statement": [
        {
            "Sid": "AWSLambdaBasicExecutionRole",
            "Effect": "Allow",
            "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": "*",
        }
    ]
}
#: What every function gets that writes logs or is polled for.
_EXECUTION = ("BasicExecution", "VPCAccessExecution", "SQSQueueExecution", "DynamoDBExecution", "KinesisExecution")
#: Managed policy -> what it says of the actions that are asked about.
_MANAGED: Mapping[str, Document] = {
    **{f"AWSLambda{one}Role": _WRITES_LOGS for one in _EXECUTION},
    "AWSXRayDaemonWriteAccess": {},
    "AWSXrayWriteOnlyAccess": {},
    "AmazonS3FullAccess": {"Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]},
    "AdministratorAccess": {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]},
}
#: SAM's policy templates that let a function put.
_PUTS = ("S3WritePolicy", "S3CrudPolicy", "S3FullAccessPolicy")


@dataclass(frozen=True)
class Role:
    """The documents that are known, and a clause about what is not: "" if all is."""

    documents: tuple[Document, ...]
    unknown: str = ""


def of(template: WholeTemplate, logical_id: str, raw: Mapping[str, Any], known: Mapping[str, Any]) -> Role:
    """Return the policies of a function's role."""
    role = raw.get("Role")
    if role is None and template.kind(logical_id) == FUNCTION:
        return _of_sam(known)
    target = template.target(role)
    if not target or template.kind(target) != _ROLE:
        return Role((), f"the policies of the role of {logical_id} are not in the template")
    properties = template.known(template.of_type(_ROLE)[target], target)
    documents = [one.get("PolicyDocument") for one in properties.get("Policies") or [] if isinstance(one, dict)]
    for kind in _POLICIES:
        for name, one in template.of_type(kind).items():
            roles = [*(one.get("Roles") or []), one.get("RoleName")]
            if target in map(template.target, roles):
                documents.append(template.known(one.get("PolicyDocument"), name))
    return _whole(documents, [*(properties.get("ManagedPolicyArns") or [])])


def _of_sam(known: Mapping[str, Any]) -> Role:
    """Return what SAM makes of `Policies`, which names managed policies, has documents and uses templates."""
    found = known.get("Policies") or []
    documents: list[Any] = []
    managed: list[Any] = ["AWSLambdaBasicExecutionRole"]
    for one in found if isinstance(found, list) else [found]:
        if not isinstance(one, dict):
            managed.append(one)
        elif "Statement" in one:
            documents.append(one)
        elif (name := next(iter(one), "")) in _PUTS:
            bucket = one[name].get("BucketName") if isinstance(one[name], dict) else None
            documents.append(
                {"Statement": {"Effect": "Allow", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/*"}}
            )
        elif name.startswith(("S3", "KMS")):
            managed.append(Unresolved(f"the policy template {name}"))
    return _whole(documents, managed)


def _whole(documents: list[Any], managed: list[Any]) -> Role:
    unknown = ""
    good: list[Document] = []
    for one in documents:
        statements = one.get("Statement", []) if isinstance(one, dict) else [one]
        for statement in statements if isinstance(statements, list) else [statements]:
            if isinstance(statement, dict) and not _open(statement):
                good.append({"Statement": [statement]})
            else:
                unknown = unknown or "only AWS knows what stands in the role's policies"
    for one in managed:
        name = str(one).rpartition("/")[2] if not isinstance(one, Unresolved) else ""
        if name in _MANAGED:
            good.append(_MANAGED[name])
        else:
            unknown = unknown or f"the managed policy {name or 'of the role'} is not in the template"
    return Role(tuple(good), unknown)


def _open(value: object) -> bool:
    """Return whether something in a statement is not known."""
    if isinstance(value, dict):
        return any(map(_open, value.values()))
    return any(map(_open, value)) if isinstance(value, list) else isinstance(value, Unresolved)
