"""The bucket and the KMS key that a template tells. Opens no connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adaptive_batching import settings
from adaptive_batching.operate.doctor import policy
from adaptive_batching.operate.doctor.facts import Bucket, Key, Unknown
from adaptive_batching.operate.doctor.reading.values import ACCOUNT, DEPLOYED, REGION, mapping, unknown
from adaptive_batching.sandbox.template.whole import Unresolved, is_resolved, unresolved_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adaptive_batching.operate.doctor.facts import Function
    from adaptive_batching.sandbox.template.whole import WholeTemplate

_BUCKET, _BUCKET_POLICY, _KEY = "AWS::S3::Bucket", "AWS::S3::BucketPolicy", "AWS::KMS::Key"


def tell_keys(template: WholeTemplate) -> None:
    """Give the KMS keys of a template made-up ids and ARNs: what refers to one then fits what is said of it."""
    for name in template.perhaps(_KEY):
        template.tell(name, "Ref", name)
        template.tell(name, "KeyId", name)
        template.tell(name, "Arn", _arn(name))


def own_key(template: WholeTemplate, raw: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, str]:
    """Return the variable that names a KMS key of the template, if it does. `given`: the variables, resolved."""
    name = settings.variable("KMS_KEY_ID")
    value, written = given.get(name, ""), _variables(raw).get(name)
    return {name: value} if not isinstance(written, str) and _key_of(template, value) else {}


def _key_of(template: WholeTemplate, named: str) -> str:
    """Return the logical id of the key with a made-up id or ARN, "" if it is none."""
    return next((one for one in template.perhaps(_KEY) if named in (one, _arn(one))), "")


def _arn(logical_id: str) -> str:
    return f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{logical_id}"


def _variables(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return a function's variables as they are written."""
    return mapping(mapping(raw.get("Environment")).get("Variables"))


class Stored:
    """Where a function of a template stores. `raw`: its properties as they are written."""

    def __init__(self, template: WholeTemplate, logical_id: str, raw: Mapping[str, Any]) -> None:
        self._template = template
        self._id = logical_id
        self._raw = raw
        self._bucket_id = self._found()
        self._unmade: Unknown | None = None
        if self._bucket_id and self._bucket_id not in template.perhaps(_BUCKET):
            why = f"the template does not make {self._bucket_id}: its condition does not hold"
            self._unmade = Unknown(why, mend="name a bucket that is made: CloudFormation refuses this")

    def _found(self) -> str:
        """Return the logical id of the bucket, "" if it is not one of this template."""
        value = self._variable("S3_BUCKET")
        target = self._template.target(value)
        if target and self._template.kind(target) == _BUCKET:
            return target
        name = self._template.known(value, self._id)
        own = self._template.of_type(_BUCKET)
        return next((one for one in own if self._template.name(one) == name), "")

    def bucket(self, function: Function) -> Bucket | Unknown:
        """Return the bucket, with its policy."""
        logical_id = self._bucket_id
        if not logical_id:
            name, lacking = function.variables["S3_BUCKET"], function.unresolved.get(settings.bucket_variable())
            return lacking or Unknown(f"{name} is not in the template" if name else "no bucket is set", mend=DEPLOYED)
        if self._unmade:
            return self._unmade
        policies = [
            self._template.known(one, name)
            for name, one in self._template.of_type(_BUCKET_POLICY).items()
            if self._template.target(one.get("Bucket")) == logical_id
            or self._template.known(one.get("Bucket"), name) == self._template.name(logical_id)
        ]
        documents = [one.get("PolicyDocument") for one in policies]
        document: Any = documents[0] if documents else None
        if _is_unclear(document):
            document = _unclear(document, "the bucket's policy is not known: ")
        return Bucket(policy=document, in_template=True)

    def key(self, function: Function) -> Key | Unknown | None:
        """Return the key that encrypts: that of the setting, or of the bucket's default encryption."""
        named, bucket_id = function.variables["KMS_KEY_ID"], self._bucket_id
        raw = self._template.of_type(_BUCKET).get(bucket_id, {}) if bucket_id else {}
        target = ""
        if not named and function.variables["SSE"] != "AES256":
            default = self._default_key(raw)
            if isinstance(default, Unresolved):
                return unknown(default, "the bucket's default encryption is not known: ")
            named, target = default
        if not named and self._unmade and function.variables["SSE"] != "AES256":
            return self._unmade
        if not named:
            if bucket_id or function.variables["SSE"] == "AES256":
                return None
            if function.variables["SSE"]:
                return Key("alias/aws/s3", is_aws_own=True)
            lacking = function.unresolved.get(settings.bucket_variable())
            return lacking or Unknown("only AWS knows the bucket's default encryption", mend=DEPLOYED)
        return self._whole_key(named, target or self._template.target(self._variable("KMS_KEY_ID")))

    def _variable(self, ending: str) -> object:
        """Return a variable as it is written."""
        return _variables(self._raw).get(settings.variable(ending))

    def _default_key(self, bucket: Mapping[str, Any]) -> tuple[str, str] | Unresolved:
        """Return the ARN or id of a bucket's KMS key, and its logical id; each may be empty."""
        template, where = self._template, "BucketEncryption"
        names = (where, "ServerSideEncryptionConfiguration", "ServerSideEncryptionByDefault")
        algorithm = template.known(template.part(bucket, *names, "SSEAlgorithm", where=where), where)
        if isinstance(algorithm, Unresolved):
            return algorithm
        if algorithm not in ("aws:kms", "aws:kms:dsse"):
            return "", ""
        value = template.part(bucket, *names, "KMSMasterKeyID", where=where) or "alias/aws/s3"
        found, target = template.known(value, where), template.target(value)
        if isinstance(found, Unresolved) and not target:
            return found
        return (found if isinstance(found, str) else target or "a key", target)

    def _whole_key(self, named: str, target: str) -> Key:
        if named.endswith("alias/aws/s3"):
            return Key(named, is_aws_own=True)
        target = _key_of(self._template, named) or target
        name = named if named.startswith("alias/") else f"key/{target or named}"
        arn = named if named.startswith("arn:") else f"arn:aws:kms:{REGION}:{ACCOUNT}:{name}"
        document: Any = Unknown("the policy of the KMS key is not in the template")
        if target and self._template.kind(target) == _KEY:
            document = self._template.known(self._template.written(target).get("KeyPolicy") or {}, target)
            if _is_unclear(document):
                document = _unclear(document, "the key's policy is not known: ")
        return Key(arn, policy=document)


def _unclear(document: object, about: str) -> Unknown:
    """Return why a policy cannot be judged. `about` is the beginning of the clause."""
    return unknown(unresolved_in(document) or Unresolved("it is not a policy"), about)


def _is_unclear(document: object) -> bool:
    """Return whether what stands in a policy is not known, or is no policy."""
    if document is None or document == {}:
        return False
    return not policy.is_document(document) or not is_resolved(document)
