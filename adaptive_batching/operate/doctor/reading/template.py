"""The facts that a SAM, CloudFormation or CDK template tells about its functions. Opens no connection."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

from adaptive_batching import settings
from adaptive_batching.operate import variables
from adaptive_batching.operate.doctor import asks, policy
from adaptive_batching.operate.doctor.facts import Bucket, Decision, Facts, Function, Key, Layer, Unknown
from adaptive_batching.operate.doctor.reading import roles
from adaptive_batching.operate.doctor.reading.function import named_architectures
from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.template.file import shown, text, word
from adaptive_batching.sandbox.template.whole import Unresolved, WholeTemplate, is_resolved, unresolved

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

REGION, ACCOUNT = "us-east-1", "123456789012"
_DEPLOYED = "doctor --function NAME, once it is deployed"
NOT_DEPLOYED = Unknown("only AWS knows", mend=_DEPLOYED)
_BUCKET, _BUCKET_POLICY, _KEY = "AWS::S3::Bucket", "AWS::S3::BucketPolicy", "AWS::KMS::Key"
_LAYERS = {"AWS::Serverless::LayerVersion", "AWS::Lambda::LayerVersion"}
_FILTER = "AWS::Logs::MetricFilter"
#: What a variable may be in a template, as CloudFormation makes a text of it.
_SCALARS = (str, int, float, bool, dt.date)


def read(path: Path, parameters: Mapping[str, str], wanted: str | None) -> list[tuple[str, Facts | Unknown]]:
    """Return logical id and facts of each function, or of the one that is wanted.

    Unknown is one that cannot be read as it stands in the template. Raises SandboxError if none can.
    """
    template = WholeTemplate(path, parameters)
    names = template.functions()
    if not names:
        raise SandboxError(f"{path} has no function whose condition holds")
    if wanted is not None and wanted not in names:
        raise SandboxError(f"{path} has the functions {', '.join(names)}; {wanted!r} is none of them")
    found: list[tuple[str, Facts | Unknown]] = []
    refused: list[SandboxError] = []
    for name in names if wanted is None else [wanted]:
        try:
            found.append((name, _Reading(template, name).facts()))
        except SandboxError as error:
            refused.append(error)
            found.append((name, _unknown(unresolved(error))))
    if len(refused) == len(found):
        raise refused[0]
    return found


class _Reading:
    """One function of a template."""

    def __init__(self, template: WholeTemplate, logical_id: str) -> None:
        self._template = template
        self._id = logical_id
        self._raw = template.made(logical_id)
        self._known = _mapping(template.known(self._raw, logical_id))

    def facts(self) -> Facts:
        """Return what the template tells."""
        function = self._function()
        bucket_id = self._bucket_id()
        bucket = self._bucket(bucket_id, function)
        key = self._key(bucket_id, function)
        role = roles.of(self._template, self._id, self._raw, self._known)
        allows = {one.action: _decision(role, one) for one in asks.all_of(function, bucket, key)}
        return Facts(
            function,
            bucket,
            allows,
            key,
            Unknown("in a VPC; only AWS knows its routes", mend=_DEPLOYED) if self._known.get("VpcConfig") else None,
            self._metric_filters(function),
            NOT_DEPLOYED,
            NOT_DEPLOYED,
        )

    def _function(self) -> Function:
        template, known = self._template, self._known
        given = _mapping(_mapping(known.get("Environment")).get("Variables"))
        plain = {name: text(value) for name, value in given.items() if isinstance(value, _SCALARS)}
        ours = (name for name in given if variables.is_ours(name) or name in variables.ENDPOINTS)
        lacking = {name: _without_value(name, given[name]) for name in ours if name not in plain}
        name = template.name(self._id)
        read = variables.read(plain, name, REGION)
        if settings.bucket_variable() in lacking:  # it is set, to what is not known
            problems = tuple(one for one in read.problems if one.name != settings.bucket_variable())
            read = variables.Variables(read.values, problems, read.endpoint)
        architectures = known.get("Architectures") or ["x86_64"]
        group = _mapping(known.get("LoggingConfig")).get("LogGroup")
        return Function(
            name,
            REGION,
            ACCOUNT,
            read,
            _number(known.get("Timeout", 3)),
            _number(known.get("MemorySize", 128)),
            _first(architectures),
            image=known.get("PackageType") == "Image",
            layers=tuple(self._layer(one) for one in roles.listed(self._raw.get("Layers"))),
            role=f"arn:aws:iam::{ACCOUNT}:role/{name}",
            log_group=group if isinstance(group, str) else f"/aws/lambda/{name}",
            unresolved=lacking,
        )

    def _layer(self, value: Any) -> Layer:  # noqa: ANN401 - any YAML
        template = self._template
        target = template.target(value)
        if not target or template.kind(target) not in _LAYERS:
            known = template.known(value, f"{self._id}.Layers")
            if isinstance(known, str):  # an ARN
                return Layer(known, settings.EXTENSION in known, named_architectures(known))
            if isinstance(known, Unresolved):
                return Layer("a layer", _unknown(known, "one of its layers is not known: "))
            return Layer("a layer", Unknown(f"one of its layers is {shown(known)}, not an ARN"))
        properties = _mapping(template.known(template.of_type(template.kind(target)).get(target, {}), target))
        name = str(properties.get("LayerName", target))
        built = template.folder / ".aws-sam/build" / target
        is_ours = settings.EXTENSION in name or (built / "extensions" / settings.EXTENSION).exists()
        architectures = properties.get("CompatibleArchitectures") or []
        found: tuple[str, ...] | Unknown = (
            tuple(map(word, architectures)) or named_architectures(name)
            if isinstance(architectures, list) and is_resolved(architectures)
            else Unknown(f"only AWS knows the architectures of {target}")
        )
        return Layer(target, is_ours, found, _origin(built))

    def _bucket_id(self) -> str:
        """Return the logical id of the bucket, "" if it is not one of this template."""
        value = self._variable("S3_BUCKET")
        target = self._template.target(value)
        if target and self._template.kind(target) == _BUCKET:
            return target
        name = self._template.known(value, self._id)
        own = self._template.of_type(_BUCKET)
        return next((one for one in own if self._template.name(one) == name), "")

    def _bucket(self, logical_id: str, function: Function) -> Bucket | Unknown:
        if not logical_id:
            name, lacking = function.variables["S3_BUCKET"], function.unresolved.get(settings.bucket_variable())
            return lacking or Unknown(f"{name} is not in the template" if name else "no bucket is set", mend=_DEPLOYED)
        policies = [
            self._template.known(one, name)
            for name, one in self._template.of_type(_BUCKET_POLICY).items()
            if self._template.target(one.get("Bucket")) == logical_id
            or self._template.known(one.get("Bucket"), name) == self._template.name(logical_id)
        ]
        documents = [one.get("PolicyDocument") for one in policies]
        document: Any = documents[0] if documents else None
        if _is_unclear(document):
            document = Unknown("only AWS knows what stands in the bucket's policy")
        return Bucket(policy=document, in_template=True)

    def _key(self, bucket_id: str, function: Function) -> Key | Unknown | None:
        """Return the key that encrypts: that of the setting, or of the bucket's default encryption."""
        named = function.variables["KMS_KEY_ID"]
        raw = self._template.of_type(_BUCKET).get(bucket_id, {}) if bucket_id else {}
        target = ""
        if not named and function.variables["SSE"] != "AES256":
            named, target = self._default_key(raw)
        if not named:
            if bucket_id or function.variables["SSE"] == "AES256":
                return None
            if function.variables["SSE"]:
                return Key("alias/aws/s3", is_aws_own=True)
            lacking = function.unresolved.get(settings.bucket_variable())
            return lacking or Unknown("only AWS knows the bucket's default encryption", mend=_DEPLOYED)
        return self._whole_key(named, target or self._template.target(self._variable("KMS_KEY_ID")))

    def _variable(self, ending: str) -> object:
        """Return a variable as it is written."""
        given = _mapping(_mapping(self._raw.get("Environment")).get("Variables"))
        return given.get(settings.variable(ending))

    def _default_key(self, bucket: Mapping[str, Any]) -> tuple[str, str]:
        """Return the ARN or id of a bucket's KMS key, and its logical id; each may be empty."""
        template = self._template
        rules = _mapping(bucket.get("BucketEncryption")).get("ServerSideEncryptionConfiguration")
        for rule in roles.listed(rules):
            default = _mapping(_mapping(rule).get("ServerSideEncryptionByDefault"))
            if template.known(default.get("SSEAlgorithm"), "BucketEncryption") in ("aws:kms", "aws:kms:dsse"):
                value = default.get("KMSMasterKeyID", "alias/aws/s3")
                found = template.known(value, "BucketEncryption")
                target = template.target(value)
                return (found if isinstance(found, str) else target or "a key", target)
        return "", ""

    def _whole_key(self, named: str, target: str) -> Key:
        if named.endswith("alias/aws/s3"):
            return Key(named, is_aws_own=True)
        arn = named if named.startswith("arn:") else f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{target or named}"
        document: Any = Unknown("the policy of the KMS key is not in the template")
        if target and self._template.kind(target) == _KEY:
            document = self._template.known(self._template.of_type(_KEY)[target].get("KeyPolicy") or {}, target)
            if _is_unclear(document):
                document = Unknown("only AWS knows what stands in the key's policy")
        return Key(arn, policy=document)

    def _metric_filters(self, function: Function) -> tuple[str, ...]:
        """Return the filters that read the function's log group."""
        template = self._template
        found = []
        for name, one in template.of_type(_FILTER).items():
            group = one.get("LogGroupName")
            known, target = template.known(group, name), template.target(group)
            if target:
                known = template.name(target)
            if known == function.log_group:
                found.append(name)
        return tuple(found)


def _decision(role: roles.Role, request: policy.Request) -> Decision | Unknown:
    """Return what the role's policies of the template say of a request."""
    answer = policy.said(role.documents, request, has_principals=False)
    if answer.effect == "deny":
        return Decision("deny", f"statement {answer.statement} of the role")
    if answer.effect == "allow" and role.bounded:
        return Unknown(role.bounded)
    if answer.effect == "allow":
        return Decision("allow", answer.statement)
    if role.unknown:
        return Unknown(role.unknown)
    return (
        Unknown("conditions of the role's policies are not known")
        if answer.effect == "unclear"
        else Decision("neither")
    )


def _mapping(value: object) -> dict[str, Any]:
    """Return a mapping as it is, and anything else as an empty one."""
    return value if isinstance(value, dict) else {}


def _is_unclear(document: object) -> bool:
    """Return whether what stands in a policy is not known, or is no policy."""
    if document is None or document == {}:
        return False
    return not policy.is_document(document) or not is_resolved(document)


def _unknown(found: Unresolved, about: str = "") -> Unknown:
    """Return what cannot be resolved as a fact that is not known. `about` is the beginning of its clause."""
    return Unknown(about + found.why, mend=f"--parameter {found.parameter}=…" if found.parameter else _DEPLOYED)


def _without_value(name: str, value: object) -> Unknown:
    """Return why the value of a variable is not known."""
    if isinstance(value, Unresolved):
        return _unknown(value, "" if name in value.why else f"{name}: ")
    return Unknown(f"{name} is {shown(value)}, not a text", mend="CloudFormation refuses it: write a text")


def _origin(built: Path) -> str | Unknown:
    """Return where the interpreter of a built layer comes from."""
    file = built / settings.EXTENSION / "layer.json"
    try:
        return str(json.loads(file.read_text(encoding="utf-8")).get("origin", ""))
    except (OSError, ValueError, AttributeError):
        return ""


def _first(values: object) -> str | Unknown:
    first = values[0] if isinstance(values, list) and values else values
    if isinstance(first, Unresolved):
        return _unknown(first, "the architecture is not known: ")
    return first if isinstance(first, str) else Unknown(f"the architecture is {shown(values)}, not a text")


def _number(value: object) -> int | Unknown:
    try:
        return int(str(value))
    except ValueError:
        return _unknown(value) if isinstance(value, Unresolved) else Unknown(f"{shown(value)} is not a number")
