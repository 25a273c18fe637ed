"""Whatever is attached or detached, with whatever --layer: a layer that is not the extension never goes nor comes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest

from tests.edge.operate.attaching import BUCKET, OURS, OWN, Ran, World, allowed, world
from tests.edge.operate.doctor.account import layer_zip, zipped
from tests.edge.operate.doctor.test_aws import files
from tests.fakes.aws.between import refusal
from tests.fakes.network.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fakes.aws.between import Asked

__all__ = ["world"]

#: Which layers there are: the extension's by name, by content alone, two of others, and one that nobody can look into.
STANDARD, RENAMED, FOREIGN, OTHER, HIDDEN = f"{OURS}-x86_64", "our-logs", "others", "theirs", "third"
EXTENSION, FOREIGNERS = {STANDARD, RENAMED}, {FOREIGN, OTHER, HIDDEN}
HELD = [(), (FOREIGN,), (FOREIGN, STANDARD, OTHER), (FOREIGN, RENAMED, OTHER), (HIDDEN, RENAMED), (STANDARD, HIDDEN)]
NAMED = [None, STANDARD, RENAMED, FOREIGN, HIDDEN]


@pytest.fixture
def places() -> Iterator[dict[str, str]]:
    """Layer -> where its content is."""
    closed = f"http://127.0.0.1:{free_port()}/layer.zip"
    with files(layer_zip("python-build-standalone")) as (ours, _), files(zipped("python/lib.py", "")) as (theirs, _):
        yield {STANDARD: ours, RENAMED: ours, FOREIGN: theirs, OTHER: theirs, HIDDEN: closed}


def layer(arn: str) -> str:
    return arn.split(":")[6]


def test_layers_of_others_stay_and_the_extension_is_there_once_or_not_at_all(
    world: World, capsys: pytest.CaptureFixture[str], places: dict[str, str]
) -> None:
    world.arns[RENAMED] = world.layer(RENAMED, ["x86_64"])

    def answer(asked: Asked) -> Any:  # noqa: ANN401 - an Answer
        path = unquote(asked.path)
        layers = world.arns.values() if asked.method == "GET" else ()
        arn = next((arn for arn in layers if f"{arn[:-2]}/versions/" in path), "")
        if not arn:
            return allowed(asked)
        return 200, {"LayerVersionArn": arn, "Version": 1, "Content": {"Location": places[layer(arn)]}}

    world.front.answer = answer
    told: dict[tuple[str, str | None], str] = {}
    for number, held in enumerate(HELD):
        for named in NAMED:
            for command in ("attach", "detach"):
                name = f"{command}-{number}-{named}"
                variables = OWN if command == "attach" else {**OWN, "ADAPTIVE_BATCHING_EXTENSION_MODE": "adaptive"}
                world.make(name, Layers=[world.arns[one] for one in held], Environment={"Variables": variables})
                words = [command, "--function", name]
                words += ["--bucket", "my-logs"] if command == "attach" else []
                ran = Ran(capsys, world, *words, *(("--layer", world.arns[named]) if named else ()))
                after = [layer(one) for one in world.holds(name)[0]]
                about = f"{words} {named} {held}: {after} {ran.out} {ran.err}"
                assert [one for one in after if one in FOREIGNERS] == [
                    one for one in held if one in FOREIGNERS and not (command == "detach" and named == one == HIDDEN)
                ], about
                if ran.code:
                    assert (named in FOREIGNERS, after) == (True, list(held)), about
                    told[command, named] = ran.err[0].partition(": ")[2]
                else:
                    there = [one for one in after if one in EXTENSION]
                    assert there == ([named or STANDARD] if command == "attach" else []), about
    assert set(told) == {("attach", FOREIGN), ("attach", HIDDEN), ("detach", FOREIGN)}
    assert told["attach", FOREIGN] == (
        f"the layer {world.arns[FOREIGN][:-2]} does not hold the extension; name a version of {STANDARD}, or leave out "
        "--layer"
    )
    assert "holds the extension cannot be said (the layer's content cannot be looked into: " in told["attach", HIDDEN]
    assert told["detach", FOREIGN] == f"the layer {world.arns[FOREIGN][:-2]} does not hold the extension, so it stays"


@pytest.mark.parametrize("has_variables", [False, True])
@pytest.mark.parametrize("command", ["attach", "detach"])
@pytest.mark.parametrize("error", ["AccessDeniedException", "ResourceNotFoundException"])
def test_a_layer_that_may_be_the_extension_is_said_and_refused_beside_its_variables(
    world: World, capsys: pytest.CaptureFixture[str], command: str, error: str, *, has_variables: bool
) -> None:
    hidden = world.arns[HIDDEN]

    def answer(asked: Asked) -> Any:  # noqa: ANN401 - an Answer
        is_hidden = asked.method == "GET" and f"{hidden[:-2]}/versions/" in unquote(asked.path)
        return refusal(403, error) if is_hidden else allowed(asked)

    world.front.answer = answer
    variables = {**OWN, BUCKET: "my-logs"} if has_variables else OWN
    world.make("f", Layers=[hidden], Environment={"Variables": variables})
    words = [command, "--function", "f", *(("--bucket", "my-logs") if command == "attach" else ())]
    ran = Ran(capsys, world, *words)
    (said,) = [one for one in ran.err if "holds the extension" in one]
    assert said.startswith(f"f: whether its layer {hidden} holds the extension cannot be found out (")
    if has_variables:
        assert (ran.code, ran.changes, "--layer" in said) == (2, [], True)
        named = hidden if command == "detach" else world.ours
        ran = Ran(capsys, world, *words, "--layer", named)
    assert ran.code == 0, ran.err
    left = [hidden, world.ours] if command == "attach" else [] if has_variables else [hidden]
    assert world.holds("f") == (left, {**OWN, BUCKET: "my-logs"} if command == "attach" else OWN)
