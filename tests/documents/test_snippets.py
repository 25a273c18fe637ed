"""The snippets of docs/attach/ say the same, in the words of each tool, and are the files of examples/attach/."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import hcl2
import pytest

from adaptive_batching.operate.policies import needs
from adaptive_batching.operate.policies.formats import written
from adaptive_batching.operate.policies.needs import Shipping
from adaptive_batching.settings import variable
from tests.fakes.aws.evaluator import Request, allowed
from tools.blocks import blocks
from tools.operate import snippets
from tools.operate.snippets import BUCKET, EXAMPLES, EXPECTED, FUNCTION, Snippet
from tools.page import DOCS, ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PAGES = {
    "sam.md": ["sam/template.yaml"],
    "cdk.md": ["cdk/app.js"],
    "terraform.md": ["terraform/main.tf", "terraform/example.tf.txt"],
    "serverless.md": ["serverless/serverless.yml"],
    "container.md": ["container/Dockerfile"],
    "policies.md": ["policies/bucket-of-another-account.json", "policies/key.json", "policies/write-once.json"],
}
HERE, THERE = "111122223333", "444455556666"
KEY = f"arn:aws:kms:eu-west-1:{THERE}:key/1234abcd-12ab-34cd-56ef-1234567890ab"


@pytest.mark.parametrize("page", PAGES)
def test_a_page_shows_its_files_as_they_are(page: str) -> None:
    shown = [block.body for block in blocks((DOCS / "attach" / page).read_text(encoding="utf-8"))]
    assert shown == [(EXAMPLES / file).read_text(encoding="utf-8") for file in PAGES[page]]


def test_every_page_is_compared() -> None:
    assert {one.name for one in (DOCS / "attach").iterdir()} == set(PAGES)


def terraform(text: str) -> Snippet:
    """What the module sets."""
    whole = hcl2.loads(text)
    names = {name.strip('"'): one for entry in whole["output"] for name, one in entry.items()}
    policy = next(one for entry in whole["resource"] for kind in entry.values() for one in kind.values())["policy"]
    return Snippet(
        {unquoted(name): variable_of(value) for name, value in names["variables"]["value"].items() if name[:2] != "__"},
        snippets.filled(statements(policy)),
    )


def unquoted(text: str) -> str:
    return text.strip('"')


def variable_of(value: str) -> str:
    return BUCKET if "var.bucket" in value else unquoted(value)


def statements(expression: str) -> Any:  # noqa: ANN401 - any JSON
    """The statements of `${jsonencode({...})}`, as the parser writes an expression back."""
    inner = expression[expression.index("(") + 1 : expression.rindex(")")]
    document = hcl2.loads(f"x = {inner}\n")["x"]
    return plain(document)["Statement"]


def plain(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        return {unquoted(name): plain(one) for name, one in value.items() if name[:2] != "__"}
    return [plain(one) for one in value] if isinstance(value, list) else unquoted(value)


READ: dict[str, Callable[[str], Snippet]] = {
    "sam/template.yaml": snippets.sam,
    "cdk/app.js": snippets.cdk,
    "terraform/main.tf": terraform,
    "serverless/serverless.yml": snippets.serverless,
}


@pytest.mark.parametrize("file", READ)
def test_each_sets_the_same_variables_and_the_same_policy(file: str) -> None:
    assert READ[file]((EXAMPLES / file).read_text(encoding="utf-8")) == EXPECTED


def test_the_image_sets_the_same_variables() -> None:
    found = snippets.dockerfile((EXAMPLES / "container/Dockerfile").read_text(encoding="utf-8"))
    assert found.variables == EXPECTED.variables


def test_the_call_of_the_module_gives_what_the_module_asks_for_and_keeps_the_functions_own_variables() -> None:
    module = hcl2.loads((EXAMPLES / "terraform/main.tf").read_text(encoding="utf-8"))
    call = hcl2.loads((EXAMPLES / "terraform/example.tf.txt").read_text(encoding="utf-8"))
    asked = {name.strip('"') for entry in module["variable"] for name in entry}
    given = next(one for entry in call["module"] for one in entry.values())
    assert {name for name in given if name[:2] != "__"} - {"source"} == asked
    assert "merge(module.logs.variables" in (EXAMPLES / "terraform/example.tf.txt").read_text(encoding="utf-8")


@pytest.mark.skipif(not shutil.which("terraform"), reason="there is no Terraform here")
def test_what_is_for_terraform_is_formatted_as_terraform_does(tmp_path: Path) -> None:
    about = Shipping(BUCKET, FUNCTION, HERE, {variable("KMS_KEY_ID"): KEY, variable("TAGS"): "a=b"})
    (tmp_path / "policy.tf").write_text(written(about, "terraform") + "\n")
    shutil.copy(EXAMPLES / "terraform/main.tf", tmp_path)
    shutil.copy(EXAMPLES / "terraform/example.tf.txt", tmp_path / "example.tf")
    done = subprocess.run(
        ["terraform", "fmt", "-check", "-diff", str(tmp_path)], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_what_policy_prints_for_terraform_is_what_it_prints_as_json() -> None:
    about = Shipping(BUCKET, FUNCTION, HERE, {variable("KMS_KEY_ID"): KEY, variable("TAGS"): "a=b"})
    found = hcl2.loads(written(about, "terraform") + "\n")
    policies = [one["policy"] for entry in found["resource"] for kind in entry.values() for one in kind.values()]
    assert [statements(one) for one in policies] == [needs.role(about), needs.bucket(about)]


def test_cfn_lint_finds_nothing_in_the_template() -> None:
    command = [str(ROOT / ".venv/bin/cfn-lint"), str(EXAMPLES / "sam/template.yaml")]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, "")


# the policies of bucket and key, asked with requests


def policy(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((EXAMPLES / "policies" / name).read_text(encoding="utf-8"))
    return found


def put() -> Request:
    key = f"arn:aws:s3:::{BUCKET}/function={FUNCTION}/date=2026-11-20/x.log"
    return Request("s3:PutObject", key, HERE, owner=THERE)


def test_the_statements_are_those_that_policy_prints() -> None:
    about = Shipping(BUCKET, account=HERE, variables={variable("KMS_KEY_ID"): KEY})
    assert policy("bucket-of-another-account.json") == needs.document(needs.bucket(about))
    assert policy("key.json")["Statement"][1:] == needs.key(about)


def test_the_role_and_the_bucket_let_a_function_of_the_other_account_in_and_neither_alone() -> None:
    role, bucket = needs.document(EXPECTED.statements), policy("bucket-of-another-account.json")
    assert allowed(put(), role=[role], resource=[bucket])
    assert not allowed(put(), role=[role])
    assert not allowed(put(), resource=[bucket])


def test_the_key_may_be_used_by_the_functions_and_administered_by_its_account() -> None:
    about = Shipping(BUCKET, FUNCTION, HERE, {variable("KMS_KEY_ID"): KEY})
    role, key = needs.document(needs.role(about)), policy("key.json")
    through = {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}
    assert allowed(Request("kms:GenerateDataKey", KEY, HERE, owner=THERE, context=through), role=[role], resource=[key])
    assert not allowed(Request("kms:Decrypt", KEY, HERE, owner=THERE, context=through), role=[role], resource=[key])
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "kms:*", "Resource": "*"}]}
    own = Request("kms:PutKeyPolicy", KEY, THERE, owner=THERE)
    assert allowed(own, role=[everything], resource=[key])
    assert not allowed(Request("kms:PutKeyPolicy", KEY, HERE, owner=THERE), role=[everything], resource=[key])


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        ({"s3:if-none-match": "*", "s3:ObjectCreationOperation": "true"}, True),  # the extension's PUT
        ({"s3:ObjectCreationOperation": "true"}, False),  # a PUT that may overwrite, and CopyObject
        ({"s3:ObjectCreationOperation": "false"}, True),  # a part of a multipart upload
    ],
)
def test_where_an_object_is_written_once_a_put_that_may_overwrite_is_denied(
    context: dict[str, str],
    expected: bool,  # noqa: FBT001
) -> None:
    role = [needs.document(EXPECTED.statements)]
    key = f"arn:aws:s3:::{BUCKET}/function={FUNCTION}/x.log"
    request = Request("s3:PutObject", key, context=context)
    assert allowed(request, role=role)
    assert allowed(request, role=role, resource=[policy("write-once.json")]) is expected
    compacted = Request("s3:PutObject", f"arn:aws:s3:::{BUCKET}/compacted/x.parquet", context=context)
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    assert allowed(compacted, role=[everything], resource=[policy("write-once.json")])
