"""Every call that doctor makes, refused: the checks that docs/doctor.md names for its action say so, and no other."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from adaptive_batching.operate.aws import Account
from adaptive_batching.operate.doctor.checks import CHECKS, judged
from adaptive_batching.operate.doctor.finding import CANNOT_SAY, OK
from adaptive_batching.operate.doctor.reading import aws
from tests.edge.operate.doctor.account import PREFIX, World
from tests.fakes.aws.between import Asked, denial, refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from adaptive_batching.operate.doctor.finding import Finding
    from tests.fakes.aws.between import Answer, Between
    from tests.fakes.s3 import Moto

PAGE = (Path(__file__).parents[4] / "docs/doctor.md").read_text(encoding="utf-8")
EVERYTHING = "lambda:GetFunctionConfiguration"
#: Action -> the checks for which the page says that it is used.
DOCUMENTED = {
    action: set(re.findall(r"`([^`]+)`", checks)) & set(CHECKS)
    for actions, checks in re.findall(r"^\| (`\w+:\w+`.*?) \| (.*) \|$", PAGE, re.MULTILINE)
    for action in re.findall(r"`(\w+:\w+)`", actions)
}
OF_S3 = {"policy": "s3:GetBucketPolicy", "encryption": "s3:GetEncryptionConfiguration", "list-type": "s3:ListBucket"}
#: Service -> its code for what is not there. EC2 and CloudWatch answer with empty lists.
ABSENT = {
    "lambda": "ResourceNotFoundException",
    "kms": "NotFoundException",
    "logs": "ResourceNotFoundException",
    "iam": "NoSuchEntity",
    "s3": "NoSuchBucket",
}

#: What these are asked about was found by a call before.
FOUND_BEFORE = {"kms:GetKeyPolicy", "s3:GetBucketPolicy", "s3:GetEncryptionConfiguration"}


def action_of(asked: Asked) -> str:
    """Return the action that IAM wants for a request (Service Authorization Reference)."""
    if asked.service == "s3":
        query = asked.path.partition("?")[2]
        return next((action for name, action in OF_S3.items() if query.startswith(name)), "s3:ListBucket")
    if asked.service == "lambda":
        return "lambda:GetLayerVersion" if "/layers/" in asked.path else EVERYTHING
    return f"{'cloudwatch' if asked.service == 'monitoring' else asked.service}:{asked.action}"


def refused(asked: Asked, status: int, code: str) -> Answer:
    """Return AWS's refusal in the protocol of the service."""
    if asked.service in ("iam", "ec2", "monitoring"):
        error = f"<Error><Code>{code}</Code><Message>No.</Message></Error>"
        of_ec2 = f"<Response><Errors>{error}</Errors><RequestID>1</RequestID></Response>"
        return status, of_ec2.encode() if asked.service == "ec2" else denial(code, "No.")[1]
    if asked.service == "s3":
        return status, f"<Error><Code>{code}</Code><Message>No.</Message></Error>".encode()
    return refusal(status, code)


class Rich:
    """An account with functions for which every call is made, and doctor's findings about them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.account = Account(region="eu-west-1", endpoint_url=world.front.endpoint)
        key = str(world.server.client("kms").create_key()["KeyMetadata"]["Arn"])
        s3, bucket = world.server.client(), "encrypted-logs"
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        default = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
        s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [default]})
        off = {f"{PREFIX}S3_BUCKET": bucket, f"{PREFIX}CONDITIONAL_WRITE": "off"}
        environment = {"Environment": {"Variables": off}}
        world.make_in_a_vpc("orders", endpoint=True, bucket=bucket, **environment)
        self.usual, self.now = world.front.answer, time.time()
        self.well = self.found()
        self.asked = {action_of(one) for one in world.front.asked if not one.changes}

    def found(self, answer: Callable[[Asked], Answer | None] = lambda _asked: None) -> dict[str, list[Finding]]:
        """Return what doctor finds where this is answered instead of what the account has."""
        self.world.front.asked.clear()
        self.world.front.answer = lambda asked: answer(asked) or self.usual(asked)
        return judged(aws.read(self.account, "orders", lambda _what: None, clock=lambda: self.now))


@pytest.fixture(scope="module")
def rich(servers: tuple[Moto, Between]) -> Rich:
    return Rich(World(*servers))


def test_all_is_well_and_the_page_has_the_actions_that_are_used(rich: Rich) -> None:
    assert {check for check, findings in rich.well.items() if [one.status for one in findings] != [OK]} == set()
    assert rich.asked == set(DOCUMENTED)


@pytest.mark.parametrize("action", sorted(set(DOCUMENTED) - {EVERYTHING}))
def test_without_an_action_its_checks_cannot_say_and_name_it_and_all_else_is_as_before(rich: Rich, action: str) -> None:
    code = "UnauthorizedOperation" if action.startswith("ec2:") else "AccessDenied"

    def answer(asked: Asked) -> Any:  # noqa: ANN401 - an Answer
        return refused(asked, 403, code) if action_of(asked) == action else None

    found = rich.found(answer)
    changed = {check: findings for check, findings in found.items() if findings != rich.well[check]}
    assert set(changed) == DOCUMENTED[action]
    for findings in changed.values():
        assert {(one.status, one.mend) for one in findings} == {(CANNOT_SAY, f"allow these credentials {action}")}


@pytest.mark.parametrize(
    "action", sorted(one for one in {*DOCUMENTED} - {EVERYTHING, *FOUND_BEFORE} if one.partition(":")[0] in ABSENT)
)
def test_what_is_not_there_is_told_in_words_with_what_to_do(rich: Rich, action: str) -> None:
    def answer(asked: Asked) -> Any:  # noqa: ANN401 - an Answer
        return refused(asked, 404, ABSENT[asked.service]) if action_of(asked) == action else None

    found = rich.found(answer)
    changed = [one for check, findings in found.items() for one in findings if findings != rich.well[check]]
    assert not re.search("|".join(ABSENT.values()), json.dumps([vars(one) for one in changed]))
    assert [one for one in changed if not one.mend and one.status != OK] == []


def test_a_list_of_objects_that_is_none_cannot_be_judged(rich: Rich) -> None:
    found = rich.found(lambda asked: (200, b"<html></html>") if action_of(asked) == "s3:ListBucket" else None)
    (finding,) = found["flowing"]
    assert (finding.status, "cannot be read" in finding.read) == (CANNOT_SAY, True)


def test_lines_that_could_not_be_read_are_those_of_a_function_that_is_deployed(rich: Rich) -> None:
    throttled = refusal(400, "ThrottlingException")
    found = rich.found(lambda asked: throttled if action_of(asked) == "logs:FilterLogEvents" else None)
    assert [(one.status, one.mend) for one in found["heard"]] == [(CANNOT_SAY, "try again")]
