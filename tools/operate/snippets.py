"""What the snippets of docs/attach/ say: the variables and the role's statements of each, in one form to compare.

`python -m tools.operate.snippets FILE` compares a template that CDK has synthesized with that (`make snippets`).
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml  # type: ignore[import-untyped]

from adaptive_batching.operate.policies import needs
from adaptive_batching.operate.policies.needs import Shipping
from adaptive_batching.settings import PREFIX
from tools.page import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

EXAMPLES = ROOT / "examples" / "attach"
BUCKET, FUNCTION = "my-logs", "orders"
LAYER = "arn:aws:lambda:eu-west-1:111122223333:layer:adaptive-batching-extension-x86_64:1"
#: What stands for a value, whatever the language, and the value.
_PLACES = {
    "${LogBucket}": BUCKET,
    "${env:LOG_BUCKET}": BUCKET,
    "${var.bucket}": BUCKET,
    "${var.function_name}": FUNCTION,
    "${AWS::Partition}": "aws",
    "${data.aws_partition.current.partition}": "aws",
}


@dataclass(frozen=True)
class Snippet:
    """What a snippet sets: variables, and statements of the role's policy."""

    variables: Mapping[str, str]
    statements: list[dict[str, Any]]


#: What each of them has to say.
EXPECTED = Snippet(
    {PREFIX + "S3_BUCKET": BUCKET, PREFIX + "MODE": "adaptive", PREFIX + "COMPRESSION": "gzip"},
    needs.role(Shipping(BUCKET, FUNCTION)),
)


def filled(value: Any) -> Any:  # noqa: ANN401, PLR0911 - any JSON; a table
    """Return a value with its places filled in. Pure."""
    match value:
        case {"Ref": "LogBucket"}:
            return BUCKET
        case {"Ref": "AWS::Partition"}:
            return "aws"
        case {"Fn::Sub": text}:
            return filled(text)
        case {"Fn::Join": [by, parts]}:
            return by.join(filled(parts))
        case dict():
            return {name: filled(one) for name, one in value.items()}
        case list():
            return [filled(one) for one in value]
        case str():
            for place, text in _PLACES.items():
                value = value.replace(place, text)
    return value


def cloudformation(template: Mapping[str, Any]) -> Snippet:
    """Return what a template that CDK has synthesized sets."""
    resources = template["Resources"].values()
    (function,) = (one["Properties"] for one in resources if one["Type"] == "AWS::Lambda::Function")
    (policy,) = (one["Properties"] for one in resources if one["Type"] == "AWS::IAM::Policy")
    return Snippet(function["Environment"]["Variables"], filled(policy["PolicyDocument"]["Statement"]))


def sam(text: str) -> Snippet:
    """Return what a SAM template sets."""
    function = yaml.load(text, _Intrinsics)["Resources"]["Orders"]["Properties"]  # noqa: S506 - a SafeLoader with tags
    (policy,) = function["Policies"]
    return Snippet(filled(function["Environment"]["Variables"]), filled(policy["Statement"]))


def serverless(text: str) -> Snippet:
    """Return what a serverless.yml sets."""
    whole = yaml.safe_load(text)
    variables = whole["functions"]["orders"]["environment"]
    return Snippet(filled(variables), filled(whole["provider"]["iam"]["role"]["statements"]))


def dockerfile(text: str) -> Snippet:
    """Return what a Dockerfile sets, which has no policy."""
    joined = text.replace("\\\n", " ")
    (line,) = (line for line in joined.splitlines() if line.startswith("ENV "))
    return Snippet(dict(word.split("=", 1) for word in line.split()[1:]), [])


def cdk(text: str) -> Snippet:
    """Return what the CDK app sets, as far as its text tells: `make snippets` runs it."""
    variables = dict(re.findall(rf'({PREFIX}\w+): "?([\w.]+)"?,', text))
    keys = re.findall(r"arnForObjects\(`([^`]+)`\)", text)[0].replace("${name}", FUNCTION)
    sid, action = re.findall(r'sid: "(\w+)",\s+actions: \["([\w:]+)"\]', text)[0]
    found = {name: BUCKET if value == "bucket.bucketName" else value for name, value in variables.items()}
    return Snippet(
        found, [{"Sid": sid, "Effect": "Allow", "Action": action, "Resource": f"arn:aws:s3:::{BUCKET}/{keys}"}]
    )


class _Intrinsics(yaml.SafeLoader):  # type: ignore[misc]
    """Spells the short forms !Ref and !Sub out."""


for _tag, _name in (("!Ref", "Ref"), ("!Sub", "Fn::Sub")):
    _Intrinsics.add_constructor(_tag, lambda loader, node, name=_name: {name: loader.construct_scalar(node)})


def main() -> int:
    """Compare the template that the only argument names. Return 1 if it says something else."""
    found = cloudformation(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    if found != EXPECTED:
        sys.stderr.write(f"the CDK app says {found}, and the other snippets {EXPECTED}\n")
    return int(found != EXPECTED)


if __name__ == "__main__":
    sys.exit(main())
