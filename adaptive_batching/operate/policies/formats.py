"""Policies as text to paste: JSON, for a SAM template, for Terraform. Pure."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import yaml  # type: ignore[import-untyped]

from adaptive_batching.operate.policies import needs

if TYPE_CHECKING:
    from adaptive_batching.operate.policies.needs import Shipping, Statement

_PLAIN = re.compile(r"[A-Za-z_]\w*")


def written(shipping: Shipping, output: str) -> str:
    """Return what role, bucket and key need, in one of needs.FORMATS."""
    parts = {"role": needs.role(shipping), "bucket": needs.bucket(shipping), "key": needs.key(shipping)}
    found = {name: statements for name, statements in parts.items() if statements}
    return {"json": _json, "sam": _sam, "terraform": _terraform}[output](shipping, found)


def _json(_shipping: Shipping, parts: dict[str, list[Statement]]) -> str:
    return json.dumps({name: needs.document(statements) for name, statements in parts.items()}, indent=2)


def _sam(shipping: Shipping, parts: dict[str, list[Statement]]) -> str:
    """Return the function's Policies, the bucket's policy, and statements for the key's."""
    texts = ["# in the Properties of the function", _yaml({"Policies": [needs.document(parts["role"])]})]
    if "bucket" in parts:
        properties = {"Bucket": shipping.bucket, "PolicyDocument": needs.document(parts["bucket"])}
        policy = {"LogBucketPolicy": {"Type": "AWS::S3::BucketPolicy", "Properties": properties}}
        texts += ["# in the Resources of the bucket's stack; a bucket has one policy, so add to one that is there"]
        texts += [_yaml(policy)]
    if "key" in parts:
        texts += [f"# add to the Statement of the policy of {shipping.key}", _commented(_yaml(parts["key"]))]
    return "\n".join(texts).rstrip()


def _commented(text: str) -> str:
    """Return the part of another document as comments, so that the whole is one that parses."""
    return "".join(f"# {line}" for line in text.splitlines(keepends=True))


def _yaml(value: Any) -> str:  # noqa: ANN401 - any JSON
    return str(yaml.dump(value, Dumper=_Indented, sort_keys=False, width=1000))


class _Indented(yaml.SafeDumper):  # type: ignore[misc]
    """Lists stand below their names, further in, and a date stays a text."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - PyYAML's
        super().increase_indent(flow, False)


def _terraform(shipping: Shipping, parts: dict[str, list[Statement]]) -> str:
    """Return resources for role and bucket, and statements for the key's policy."""
    role = {"name": "ship-logs", "role": _Expression("aws_iam_role.function.id")}
    texts = [_resource("aws_iam_role_policy", "ship_logs", role, parts["role"])]
    if "bucket" in parts:
        head = "# a bucket has one policy: add the statement to one that is there\n"
        texts.append(head + _resource("aws_s3_bucket_policy", "logs", {"bucket": shipping.bucket}, parts["bucket"]))
    if "key" in parts:
        texts.append(f"# add to the statements of the policy of {shipping.key}\n# {_hcl(parts['key'][0], '# ')}")
    return "\n\n".join(texts)


class _Expression(str):
    """A text of HCL that is not a string in it."""

    __slots__ = ()


def _resource(kind: str, name: str, members: dict[str, str], statements: list[Statement]) -> str:
    policy = _Expression(f"jsonencode({_hcl(needs.document(statements), '  ')})")
    return f'resource "{kind}" "{name}" {_hcl({**members, "policy": policy}, "")}'


def _hcl(value: Any, indent: str) -> str:  # noqa: ANN401 - any JSON
    """Return a value as `terraform fmt` writes it. `indent` is what the lines after the first begin with."""
    match value:
        case _Expression():
            return str(value)
        case str():
            return json.dumps(value, ensure_ascii=False).replace("${", "$${").replace("%{", "%%{")
        case [dict(), *_]:
            lines = [f"{indent}  {_hcl(one, indent + '  ')}," for one in value]
            return "\n".join(("[", *lines, f"{indent}]"))
        case list():
            return f"[{', '.join(_hcl(one, indent) for one in value)}]"
        case dict():
            return _members(value, indent)
    raise TypeError(value)  # pragma: no cover - policies have nothing else


def _members(value: dict[str, Any], indent: str) -> str:
    inner = indent + "  "
    rows = [(name if _PLAIN.fullmatch(name) else _hcl(name, ""), _hcl(one, inner)) for name, one in value.items()]
    lines: list[str] = []
    run: list[tuple[str, str]] = []

    def align() -> None:
        width = max((len(name) for name, _ in run), default=0)
        lines.extend(f"{inner}{name:<{width}} = {text}" for name, text in run)
        run.clear()

    for (
        name,
        text,
    ) in rows:  # the signs of neighbouring lines stand below one another; a value of several lines parts them
        if "\n" in text:
            align()
            lines.append(f"{inner}{name} = {text}")
        else:
            run.append((name, text))
    align()
    return "{\n" + "\n".join(lines) + f"\n{indent}}}"
