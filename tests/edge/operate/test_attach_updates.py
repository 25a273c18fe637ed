"""`attach` while the function is updated, by others too: against a function as strict as Lambda's."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import Any
from urllib.parse import unquote

import pytest

from tests.edge.operate.attaching import BUCKET, OWN, SIMULATED, WORDS, Ran, World, allowed, world
from tests.edge.sandbox.world import ROOT, eventually
from tests.fakes.aws.between import LOST, Asked
from tests.fakes.aws.functions import OneFunction

__all__ = ["world"]


@pytest.mark.parametrize("answer", [LOST, (500, {"__type": "ServiceException"})])
@pytest.mark.parametrize("place", range(4))
def test_an_answer_that_is_lost_at_one_function_names_it_and_does_not_stop_the_others(
    world: World,
    capsys: pytest.CaptureFixture[str],
    place: int,
    answer: Any,  # noqa: ANN401 - an Answer
) -> None:
    for name in ("a", "b", "c"):
        world.make(name)
    seen: list[Asked] = []

    def between_them(asked: Asked) -> Any:  # noqa: ANN401 - an Answer
        words = unquote(asked.path).replace(":", "/").split("/")
        if "b" not in words or asked.action == SIMULATED:
            return allowed(asked)
        seen.append(asked)
        reads, writes = (sum(one.changes == changes for one in seen) for changes in (False, True))
        if asked.changes and place == 2:
            world.aws.update_function_configuration(FunctionName="b", Layers=[world.ours])
        is_lost = (place == 0, place in (1, 2), place == 3 and writes > 0)
        return answer if (is_lost[1] if asked.changes else is_lost[0] or is_lost[2]) and reads else None

    world.front.answer = between_them
    words = ("attach", "--function", "a", "--function", "b", "--function", "c", "--bucket", "my-logs")
    ran = Ran(capsys, world, *words)
    assert ran.code == 1
    assert [one for one in ran.out if not one.startswith(" ")] == ["a: attached", "c: attached"]
    (line,) = ran.err
    assert line.startswith("b: it may be changed or not; the same command again settles it (" if place else "b: "), line
    assert place or "may be changed" not in line
    world.front.answer = allowed
    assert Ran(capsys, world, *words).code == 0
    assert world.holds("b") == ([world.ours], {BUCKET: "my-logs"})


# what moto does not do


def strict(world: World, **more: Any) -> OneFunction:  # noqa: ANN401 - any JSON
    function = OneFunction(
        world.role, Layers=[{"Arn": world.arns["others"]}], Environment={"Variables": dict(OWN)}, **more
    )
    world.front.answer = lambda asked: function(asked) or allowed(asked)
    return function


def test_it_waits_for_an_update_that_is_in_progress_and_for_its_own(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    function = strict(world, LastUpdateStatus="InProgress")
    function.looks = 1
    ran = Ran(capsys, world, "attach", *WORDS)
    assert (ran.code, ran.out[0]) == (0, "orders: attached")
    (sent,) = function.updates
    assert sent == {
        "Layers": [world.arns["others"], world.ours],
        "Environment": {"Variables": {**OWN, BUCKET: "my-logs"}},
    }
    assert function.configuration["LastUpdateStatus"] == "Successful"


def test_only_the_list_that_changes_is_sent(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    function = strict(world)
    Ran(capsys, world, "attach", *WORDS)
    Ran(capsys, world, "attach", *WORDS, "--set", "MODE=adaptive")
    assert list(function.updates[1]) == ["Environment"]


def test_what_somebody_else_changes_in_between_is_kept(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    function = strict(world)

    def other() -> None:
        function.meanwhile = lambda: None
        function.update(
            Environment={"Variables": {**OWN, "NEW": "1"}},
            Layers=[{"Arn": world.arns["theirs"]}, {"Arn": world.arns["others"]}],
        )

    function.meanwhile = other
    ran = Ran(capsys, world, "attach", *WORDS)
    assert (ran.code, len(function.updates)) == (0, 1)
    assert function.configuration["Environment"]["Variables"] == {**OWN, "NEW": "1", BUCKET: "my-logs"}
    arns = [one["Arn"] for one in function.configuration["Layers"]]
    assert arns == [world.arns["theirs"], world.arns["others"], world.ours]
    assert ran.out == ["orders: attached", f"  + layer {world.ours}", f"  + {BUCKET}=my-logs"]


def test_a_function_that_is_changed_again_and_again_is_given_up(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    function = strict(world)
    function.meanwhile = function.update
    ran = Ran(capsys, world, "attach", *WORDS)
    assert (ran.code, function.updates, len(ran.changes)) == (2, [], 3)
    assert "PreconditionFailedException" in ran.err[0]


def test_ctrl_c_says_that_the_change_may_be_made(world: World) -> None:
    function = strict(world)
    function.ends = {"LastUpdateStatus": "InProgress"}  # for ever
    words = ["attach", *WORDS, "--endpoint-url", world.front.endpoint, "--region", "eu-west-1"]
    command = [sys.executable, "-m", "adaptive_batching", *words]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        eventually(lambda: len(function.updates) == 1, 60)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert err == "orders: interrupted, so it may be changed or not; the same command again settles it\n"


def test_a_page_of_html_is_not_quoted(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.front.answer = lambda _asked: (500, b"<!doctype html><title>Internal Server Error</title>")
    ran = Ran(capsys, world, "attach", *WORDS)
    said = "orders: the answer cannot be read, so it is not AWS's: is the endpoint wrong, or its server broken?"
    assert (ran.code, ran.err) == (2, [said])


def test_an_update_that_fails_is_told_with_lambdas_reason(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    function = strict(world)
    function.ends = {"LastUpdateStatus": "Failed", "LastUpdateStatusReason": "The image is gone"}
    ran = Ran(capsys, world, "attach", *WORDS)
    assert (ran.code, ran.err) == (2, ["orders: its update failed: The image is gone"])


def test_variables_that_are_not_shown_are_not_overwritten(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Lambda answers so where the credentials may not decrypt them with the customer's key."""
    error = {"ErrorCode": "AccessDeniedException", "Message": "Lambda was unable to decrypt"}
    function = strict(world)
    function.configuration["Environment"] = {"Error": error}
    ran = Ran(capsys, world, "attach", *WORDS)
    assert (ran.code, ran.changes) == (2, [])
    assert ran.err == ["orders: its variables cannot be read: AccessDeniedException Lambda was unable to decrypt"]


def test_what_aws_agreed_to_and_did_not_do_is_found(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    function = strict(world)
    function.ends = {"LastUpdateStatus": "Successful", "Layers": []}  # type: ignore[dict-item]
    ran = Ran(capsys, world, "attach", *WORDS)
    assert (ran.code, "it has something else now" in ran.err[0]) == (2, True)
