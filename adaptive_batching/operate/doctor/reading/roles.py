"""The policies that a template gives to a function's role. Opens no connection.

Sources: SAM's reference, "AWS::Serverless::Function" (Policies) and "SAM policy templates"; the managed policies
AWSLambdaBasicExecutionRole and AWSLambdaVPCAccessExecutionRole as AWS lists them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adaptive_batching.operate.doctor.facts import Unknown
from adaptive_batching.operate.doctor.reading.values import DEPLOYED, unknown
from adaptive_batching.sandbox.template.file import shown, split, word
from adaptive_batching.sandbox.template.values import FUNCTION
from adaptive_batching.sandbox.template.whole import Unresolved, is_resolved, unresolved_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adaptive_batching.operate.doctor.facts import Document
    from adaptive_batching.sandbox.template.whole import WholeTemplate

_ROLE, _MANAGED_POLICY, _CONNECTOR = "AWS::IAM::Role", "AWS::IAM::ManagedPolicy", "AWS::Serverless::Connector"
_POLICIES = ("AWS::IAM::Policy", "AWS::IAM::RolePolicy", _MANAGED_POLICY)
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
#: Those of S3 and KMS that allow none of the actions that are asked about.
_OF_NO_USE = ("S3ReadPolicy", "KMSDecryptPolicy", "KMSEncryptPolicy", "KMSEncryptPolicyV2")


@dataclass(frozen=True)
class Role:
    """The documents that are known, and why not all are, None if they are.

    `bounded` is a clause about what may take away what the documents allow, "" if nothing does.
    """

    documents: tuple[Document, ...]
    unknown: Unknown | None = None
    bounded: str = ""


def of(template: WholeTemplate, logical_id: str, raw: Mapping[str, Any], known: Mapping[str, Any]) -> Role:
    """Return the policies of a function's role."""
    role = raw.get("Role")
    if role is None and template.kind(logical_id) == FUNCTION:
        documents, managed = _of_sam(template, raw)
        role_id, bounded = f"{logical_id}Role", known.get("PermissionsBoundary")
        managed += _connected(template, logical_id)
    else:
        role_id = template.target(role)
        if not role_id or template.kind(role_id) != _ROLE:
            return Role((), Unknown(f"the policies of the role of {logical_id} are not in the template", mend=DEPLOYED))
        properties = template.of_type(_ROLE).get(role_id, {})
        found = (template.known(one, role_id) for one in listed(properties.get("Policies")))
        documents = [one.get("PolicyDocument") if isinstance(one, dict) else one for one in found]
        managed = listed(properties.get("ManagedPolicyArns"))
        bounded = properties.get("PermissionsBoundary")
    documents += _attached(template, role_id)
    return _whole(
        documents + [one for arn in managed if (one := _own_managed(template, arn)) is not None],
        [template.known(one, role_id) for one in managed if _own_managed(template, one) is None],
        "the permissions boundary of its role may deny it" if bounded else "",
    )


def listed(value: Any) -> list[Any]:  # noqa: ANN401 - any YAML
    """Return a list as it is, nothing as an empty one, and anything else as the one element."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _attached(template: WholeTemplate, role_id: str) -> list[Any]:
    """Return the documents of the policies that name a role, which may be the one that SAM makes for a function."""
    found = []
    for kind in _POLICIES:
        for name, one in template.of_type(kind).items():
            if role_id in map(_referred, [*listed(one.get("Roles")), one.get("RoleName")]):
                found.append(template.known(one.get("PolicyDocument"), name))
    return found


def _referred(value: object) -> str:
    """Return the logical id of a Ref, "" of anything else."""
    name, argument = split(value)
    return str(argument) if name == "Ref" else ""


def _own_managed(template: WholeTemplate, arn: object) -> Any:  # noqa: ANN401 - any YAML
    """Return the document of a managed policy of the template, None for any other."""
    target = _referred(arn)
    properties = template.of_type(_MANAGED_POLICY).get(target)
    return None if properties is None else template.known(properties.get("PolicyDocument") or {}, target)


def _connected(template: WholeTemplate, logical_id: str) -> list[Any]:
    """Return what stands for the policies that SAM makes of connectors: they are not known."""
    sources = [template.known(one.get("Source"), name) for name, one in template.of_type(_CONNECTOR).items()]
    named = any(isinstance(one, dict) and one.get("Id") == logical_id for one in sources)
    return [_Made(f"the policy that SAM makes of the connectors of {logical_id}")] * (
        named or bool(template.attribute(logical_id, "Connectors"))
    )


@dataclass(frozen=True)
class _Made:
    """A policy that only SAM knows. `what` names it."""

    what: str


def _of_sam(template: WholeTemplate, raw: Mapping[str, Any]) -> tuple[list[Any], list[Any]]:
    """Return what SAM makes of `Policies`, which names managed policies, has documents and uses templates.

    Both are lists: of documents, and of what names a managed policy.
    """
    documents: list[Any] = []
    managed: list[Any] = ["AWSLambdaBasicExecutionRole"]
    for written in listed(raw.get("Policies")):
        one = template.known(written, "Policies")
        if not isinstance(one, dict) or _own_managed(template, written) is not None:
            managed.append(written)
        elif "Statement" in one:
            documents.append(one)
        elif (name := next(iter(one), "")) in _PUTS:
            bucket = one[name].get("BucketName") if isinstance(one[name], dict) else None
            arn = f"arn:aws:s3:::{bucket}/*" if isinstance(bucket, str) else bucket
            documents.append({"Statement": {"Effect": "Allow", "Action": "s3:PutObject", "Resource": arn}})
        elif name.startswith(("S3", "KMS")) and name not in _OF_NO_USE:
            managed.append(_Made(f"the policy template {name}"))
    return documents, managed


def _whole(documents: list[Any], managed: list[Any], bounded: str) -> Role:
    why: list[Unknown] = []  # not all is known
    good: list[Document] = []
    for one in documents:
        statements = one.get("Statement", []) if isinstance(one, dict) else [one]
        for statement in statements if isinstance(statements, list) else [statements]:
            if isinstance(statement, dict) and is_resolved(statement):
                good.append({"Statement": [statement]})
            else:
                found = unresolved_in(statement) or Unresolved(f"{shown(statement)} is not a statement")
                why.append(unknown(found, "the role's policies are not known: "))
    for one in managed:
        if isinstance(one, _Made):
            why.append(Unknown(f"{one.what} is not in the template", mend=DEPLOYED))
            continue
        if isinstance(one, Unresolved):
            why.append(unknown(one, "a managed policy of the role is not known: "))
        elif (name := word(one).rpartition("/")[2]) in _MANAGED:
            good.append(_MANAGED[name])
        else:
            why.append(Unknown(f"the managed policy {name} is not in the template", mend=DEPLOYED))
    return Role(tuple(good), why[0] if why else None, bounded)
