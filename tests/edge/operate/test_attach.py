"""`attach` and `detach` against moto's Lambda: what is changed, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from adaptive_batching.cli import main
from tests.edge.operate.attaching import BUCKET, OTHERS, OURS, OWN, WORDS, Ran, World, world
from tests.fakes.aws.functions import OneFunction
from tests.fakes.network.ports import free_port
from tests.fakes.s3 import Moto

__all__ = ["world"]


def test_what_the_function_has_stays_and_the_newest_layer_of_its_architecture_comes_beside_it(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    newest = world.layer(f"{OURS}-x86_64", ["x86_64"])
    ran = Ran(capsys, world, "attach", *WORDS, "--set", "MODE=adaptive")
    assert (ran.code, ran.err) == (0, [])
    assert ran.out == [
        "orders: attached",
        f"  + layer {newest}",
        "  + ADAPTIVE_BATCHING_EXTENSION_MODE=adaptive",
        f"  + {BUCKET}=my-logs",
    ]
    ours = {BUCKET: "my-logs", "ADAPTIVE_BATCHING_EXTENSION_MODE": "adaptive"}
    assert world.holds() == ([world.arns["others"], newest], {**OWN, **ours})

    again = Ran(capsys, world, "attach", *WORDS)
    assert (again.code, again.out, again.changes) == (0, ["orders: unchanged"], [])

    gone = Ran(capsys, world, "detach", "--function", "orders")
    assert gone.out[:2] == ["orders: detached", f"  - layer {newest}"]
    assert gone.err == ["what stays: the bucket and its logs, the policies of the roles, the versions of the layer"]
    assert world.holds() == ([world.arns["others"]], OWN)
    assert Ran(capsys, world, "detach", "--function", "orders").changes == []


def test_an_older_version_is_replaced_in_its_place_and_a_setting_by_its_new_value(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    newer = world.layer(f"{OURS}-x86_64", ["x86_64"])
    layers = [world.arns["others"], world.ours, world.arns["theirs"]]
    world.make("old", Layers=layers, Environment={"Variables": {**OWN, BUCKET: "old-logs"}})
    ran = Ran(capsys, world, "attach", "--function", "old", "--bucket", "my-logs")
    assert ran.out == [
        "old: attached",
        f"  - layer {world.ours}",
        f"  + layer {newer}",
        f"  - {BUCKET}=old-logs",
        f"  + {BUCKET}=my-logs",
    ]
    assert world.holds("old") == ([layers[0], newer, layers[2]], {**OWN, BUCKET: "my-logs"})


def test_a_dry_run_prints_the_change_and_changes_nothing(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    before = world.holds()
    ran = Ran(capsys, world, "attach", *WORDS, "--dry-run")
    assert ran.out == ["orders: would be attached", f"  + layer {world.ours}", f"  + {BUCKET}=my-logs"]
    assert (ran.code, ran.changes, world.holds()) == (0, [], before)
    Ran(capsys, world, "attach", *WORDS)
    ran = Ran(capsys, world, "detach", "--function", "orders", "--dry-run")
    assert (ran.out[0], ran.changes) == ("orders: would be detached", [])


@pytest.mark.parametrize(
    ("made", "words", "said"),
    [
        (
            {"Layers": list(OTHERS)},
            (),
            "it has 5 layers already, and Lambda allows 5: take one off, or put two into one (arn:aws:lambda:",
        ),
        (
            {"Architectures": ["arm64"]},
            (),
            "there is no layer adaptive-batching-extension-arm64 in eu-west-1: run `adaptive-batching ",
        ),
        (
            {"Architectures": ["arm64"]},
            ("--layer", f"{OURS}-x86_64"),
            "it is an arm64 function, and the layer is for x86_64: name the one for arm64",
        ),
        (
            {},
            ("--layer", "arn:aws:lambda:us-east-1:123456789012:layer:adaptive:1"),
            "the layer is in us-east-1 and the function in eu-west-1: publish it there too",
        ),
        ({}, ("--layer", "arn:aws:lambda:eu-west-1:123456789012:layer:absent:1"), "there is no layer arn:aws:lambda:"),
        (
            {"PackageType": "Image", "Code": {"ImageUri": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/it:1"}},
            (),
            "it is a container image, and Lambda has no layers for those: copy the layer into the image",
        ),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence_and_nothing_is_changed(
    world: World,
    capsys: pytest.CaptureFixture[str],
    made: dict[str, Any],
    words: tuple[str, ...],
    said: str,
) -> None:
    if "Layers" in made:
        made = {"Layers": [world.arns[one] for one in made["Layers"]]}
    if made.get("PackageType") == "Image":
        image = OneFunction(world.role, PackageType="Image", FunctionName="strange")
        world.front.answer = image
    else:
        world.make("strange", **made)
    words = tuple(world.arns.get(one, one) for one in words)
    ran = Ran(capsys, world, "attach", "--function", "strange", "--bucket", "my-logs", *words)
    assert (ran.code, ran.out, ran.changes, len(ran.err)) == (2, [], [], 1)
    assert said in ran.err[0], ran.err


def test_one_function_that_fails_does_not_stop_the_others(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    ran = Ran(capsys, world, "attach", "--function", "absent", *WORDS)
    assert (ran.code, ran.out[0]) == (1, "orders: attached")
    assert ran.err == ["absent: there is no function 'absent' in eu-west-1"]
    assert Ran(capsys, world, "attach", "--function", "absent", "--bucket", "my-logs").code == 2


@pytest.mark.parametrize("name", ["orders:1", "arn:aws:lambda:eu-west-1:123456789012:function:orders:PROD"])
def test_a_version_or_an_alias_is_not_a_function(world: World, capsys: pytest.CaptureFixture[str], name: str) -> None:
    ran = Ran(capsys, world, "attach", "--function", name, "--bucket", "my-logs")
    assert (ran.code, world.front.asked) == (2, [])
    assert "is a version or an alias, and the configuration of a version never changes" in ran.err[0]


def test_a_function_is_found_in_the_region_of_its_arn(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    there = Moto(world.server.endpoint, "", "us-east-1").client("lambda")
    layer = world.layer(f"{OURS}-x86_64", ["x86_64"], there)
    there.create_function(
        FunctionName="far", Role=world.role, Runtime="python3.13", Handler="a.b", Code={"ZipFile": world.code}
    )
    arn = "arn:aws:lambda:us-east-1:123456789012:function:far"
    ran = Ran(capsys, world, "attach", "--function", arn, "--bucket", "my-logs")
    assert (ran.code, ran.out[:2]) == (0, ["far: attached", f"  + layer {layer}"])


def test_a_variable_that_does_nothing_is_said(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    ran = Ran(capsys, world, "attach", *WORDS, "--set", "MAX_DELAY_MILLISECONDS=1000")
    assert (ran.code, ran.out[0], len(ran.err)) == (0, "orders: attached", 1)
    assert ran.err[0].endswith("it is for ADAPTIVE_BATCHING_EXTENSION_MODE=adaptive; it does nothing")


@pytest.mark.parametrize("command", [("attach", *WORDS), ("detach", "--function", "orders")])
def test_if_aws_cannot_be_asked_it_is_one_sentence(
    capsys: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> None:
    endpoint = f"http://127.0.0.1:{free_port()}"
    for more, said in (
        (("--endpoint-url", endpoint), "cannot be reached"),
        (("--region", "eu-west-1"), "no AWS credentials"),
        ((), "no region is configured"),
        (("--profile", "absent"), "(absent)"),
    ):
        assert main([*command, *more]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(f"{command[0]}: ")
        assert said in line


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--set", "MODES=adaptive"), "'MODES' is not a setting of the extension; did you mean MODE?"),
        (("--set", "mode=adaptive"), "'mode' is not a setting of the extension; did you mean MODE?"),
        (("--set", "S3_BUCKET=other"), "--set 'S3_BUCKET=other' and --bucket give "),
        (("--set", "MODE=adaptive", "--set", "MODE=thresholds"), "--set 'MODE' is given twice; give it once"),
        (("--function", "orders"), "--function 'orders' is given twice; give it once"),
        (("--set", "MODE"), "'MODE' is not NAME=VALUE, as in MODE=adaptive"),
        (("--set", "MODE=fast"), "ADAPTIVE_BATCHING_EXTENSION_MODE cannot be 'fast': expected thresholds or adaptive"),
        (("--set", "TAGS=a"), "ADAPTIVE_BATCHING_EXTENSION_TAGS cannot be 'a': tags are written key=value"),
        (("--layer", "adaptive"), "--layer 'adaptive' is not the ARN of a layer's version"),
        (("--bucket", "s3://logs"), "--bucket 's3://logs' is not the name of a bucket"),
    ],
)
def test_a_bad_word_is_one_sentence(capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str) -> None:
    assert main(["attach", *WORDS, *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
