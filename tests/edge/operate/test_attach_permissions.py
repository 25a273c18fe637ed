"""What `attach` says of the permissions of the role, and of those that it needs itself."""

from __future__ import annotations

import json
import shlex

import pytest

from adaptive_batching.cli import main
from tests.edge.operate.attaching import SIMULATED, WORDS, Ran, World, allowed, simulation, world
from tests.fakes.aws.between import denial, refusal

__all__ = ["world"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            (200, simulation("s3:PutObject")),
            (
                "orders: its role orders-role lacks s3:PutObject on arn:aws:s3:::my-logs/function=orders/*; "
                "`adaptive-batching policy my-logs --function orders` prints what it needs"
            ),
        ),
        (
            (200, simulation("s3:PutObject", decision="explicitDeny")),
            (
                "orders: its role orders-role lacks s3:PutObject on arn:aws:s3:::my-logs/function=orders/* "
                "(a policy of the role denies it); `adaptive-batching policy my-logs --function orders` prints what it "
                "needs"
            ),
        ),
        (
            (500, b"<!doctype html><title>Internal Server Error</title>"),
            (
                "orders: whether its role may write there could not be found out: the answer cannot be read, so it is "
                "not AWS's: is the endpoint wrong, or its server broken?"
            ),
        ),
        (
            denial("AccessDenied", "You may not"),
            (
                "orders: whether its role may write there could not be found out: these credentials need "
                "iam:SimulatePrincipalPolicy"
            ),
        ),
    ],
)
def test_it_says_which_permission_the_role_lacks(
    world: World, capsys: pytest.CaptureFixture[str], answer: tuple[int, bytes], said: str
) -> None:
    world.front.answer = lambda asked: answer if asked.action == SIMULATED else None
    ran = Ran(capsys, world, "attach", *WORDS)
    assert (ran.code, ran.out[0], ran.err) == (0, "orders: attached", [said])


def test_the_command_that_it_names_prints_what_is_lacking(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Also where settings of the function decide what that is."""
    world.front.answer = lambda asked: (200, simulation("s3:PutObjectTagging")) if asked.action == SIMULATED else None
    ran = Ran(capsys, world, "attach", *WORDS, "--set", "TAGS=a=b c", "--set", "S3_PREFIX={function}/")
    command = ran.err[0].split("`")[1]
    assert command == (
        "adaptive-batching policy my-logs --function orders --set 'S3_PREFIX={function}/' --set 'TAGS=a=b c'"
    )
    assert main(shlex.split(command)[1:]) == 0
    statement = json.loads(capsys.readouterr().out)["role"]["Statement"][0]
    assert statement["Action"] == ["s3:PutObject", "s3:PutObjectTagging"]
    assert statement["Resource"] == "arn:aws:s3:::my-logs/orders/*"


def test_a_bucket_in_which_nothing_would_arrive_is_refused_before_anything_is_changed(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = Ran(capsys, world, "attach", "--function", "orders", "--bucket", "My_Logs")
    assert (ran.code, ran.out, ran.changes, len(ran.err)) == (2, [], [], 1)
    assert "is 'My_Logs': that is not the name of a bucket; nothing is shipped" in ran.err[0]


def test_a_missing_permission_is_named(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.front.answer = lambda asked: refusal(403, "AccessDeniedException") if asked.changes else allowed(asked)
    ran = Ran(capsys, world, "attach", *WORDS)
    assert ran.err == ["orders: AWS refuses: these credentials need lambda:UpdateFunctionConfiguration (No)"]


def test_the_simulation_is_asked_about_an_object_and_told_what_s3_would_tell(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    key = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    Ran(capsys, world, "attach", *WORDS, "--set", f"KMS_KEY_ID={key}", "--set", "S3_BUCKET_OWNER=111122223333")
    bodies = [one.body.decode() for one in world.front.asked if one.action == SIMULATED]
    assert len(bodies) == 2
    assert "function%3Dorders%2F" in bodies[0]
    assert "%2Forders-1795608000000-" in bodies[0]
    assert "ContextKeyName=s3%3Aresourceaccount" in bodies[0]
    assert "ContextKeyValues.member.1=111122223333" in bodies[0]
    assert "ActionNames.member.1=kms%3AGenerateDataKey" in bodies[1]
    assert "s3.eu-west-1.amazonaws.com" in bodies[1]
    assert json.dumps(key).strip('"').replace(":", "%3A").replace("/", "%2F") in bodies[1]
