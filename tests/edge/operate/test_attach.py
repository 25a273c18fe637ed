"""`attach` and `detach` against moto's Lambda, and against a function as strict as Lambda's."""

from __future__ import annotations

import io
import json
import shlex
import signal
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest

from adaptive_batching.cli import main
from tests.edge.sandbox.world import ROOT, eventually
from tests.fakes.aws.between import LOST, Asked, Between, between, denial, refusal
from tests.fakes.aws.functions import OneFunction
from tests.fakes.network.ports import free_port
from tests.fakes.s3 import Moto, moto

if TYPE_CHECKING:
    from collections.abc import Iterator

OURS, OTHERS = "adaptive-batching-extension", ("others", "theirs", "third", "fourth", "fifth")
BUCKET = "ADAPTIVE_BATCHING_EXTENSION_S3_BUCKET"
OWN = {"TABLE": "orders", "SECRET": "s=1 2\n3", "EMPTY": ""}
WORDS = ("--function", "orders", "--bucket", "my-logs")
SIMULATED = "SimulatePrincipalPolicy"


class World:
    """An account with a role, layers and a function that has variables and layers of its own."""

    def __init__(self, server: Moto, front: Between) -> None:
        self.server, self.front = server, front
        self.aws = server.client("lambda")
        iam = server.client("iam")
        self.role = iam.create_role(RoleName="orders-role", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        self.arns = {name: self.layer(name, ["x86_64"]) for name in (f"{OURS}-x86_64", *OTHERS)}
        self.ours = self.arns[f"{OURS}-x86_64"]
        self.code = zipped("app.py")
        self.make("orders", Layers=[self.arns["others"]], Environment={"Variables": OWN})

    def layer(self, name: str, architectures: list[str], client: Any = None) -> str:  # noqa: ANN401 - boto3's
        made = (client or self.aws).publish_layer_version(
            LayerName=name, Content={"ZipFile": zipped(name)}, CompatibleArchitectures=architectures
        )
        return str(made["LayerVersionArn"])

    def make(self, name: str, **more: Any) -> None:  # noqa: ANN401 - boto3's
        basic = {"Runtime": "python3.13", "Handler": "app.handler", "Code": {"ZipFile": self.code}}
        self.aws.create_function(FunctionName=name, Role=self.role, **{**basic, **more})

    def holds(self, name: str = "orders") -> tuple[list[str], dict[str, str]]:
        found = self.aws.get_function_configuration(FunctionName=name)
        return [one["Arn"] for one in found["Layers"]], found.get("Environment", {}).get("Variables", {})


def zipped(name: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        file.writestr(name, "x")
    return made.getvalue()


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Moto, Between]]:
    with moto() as server, between(server.endpoint) as front:
        yield server, front


@pytest.fixture
def world(servers: tuple[Moto, Between]) -> World:
    server, front = servers
    front.forget()
    server.reset()
    made = World(server, front)
    front.answer = allowed
    return made


def simulation(*denied: str, decision: str = "implicitDeny") -> bytes:
    """IAM's answer: what is denied, and PutObject if nothing is."""
    results = "".join(
        f"<member><EvalActionName>{one}</EvalActionName><EvalResourceName>r</EvalResourceName>"
        f"<EvalDecision>{decision if one in denied else 'allowed'}</EvalDecision></member>"
        for one in denied or ("s3:PutObject",)
    )
    name = SIMULATED
    result = (
        f"<{name}Result><IsTruncated>false</IsTruncated><EvaluationResults>{results}</EvaluationResults></{name}Result>"
    )
    return f'<{name}Response xmlns="https://iam.amazonaws.com/doc/2010-05-08/">{result}</{name}Response>'.encode()


def allowed(asked: Asked) -> Any:  # noqa: ANN401 - an Answer
    """moto has no simulation of policies."""
    return (200, simulation()) if asked.action == SIMULATED else None


class Ran:
    """What a command line did."""

    def __init__(self, capsys: pytest.CaptureFixture[str], world: World, *words: str) -> None:
        world.front.asked.clear()
        command, *rest = words
        where = ("--endpoint-url", world.front.endpoint, "--region", "eu-west-1")
        self.code = main([command, *rest, *where])
        read = capsys.readouterr()
        self.out, self.err = read.out.splitlines(), read.err.splitlines()
        self.changes = world.front.changes


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


def test_a_variable_that_does_nothing_is_said(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    ran = Ran(capsys, world, "attach", *WORDS, "--set", "MAX_DELAY_MILLISECONDS=1000")
    assert (ran.code, ran.out[0], len(ran.err)) == (0, "orders: attached", 1)
    assert ran.err[0].endswith("it is for ADAPTIVE_BATCHING_EXTENSION_MODE=adaptive; it does nothing")


def test_a_missing_permission_is_named(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.front.answer = lambda asked: refusal(403, "AccessDeniedException") if asked.changes else allowed(asked)
    ran = Ran(capsys, world, "attach", *WORDS)
    assert ran.err == ["orders: AWS refuses: these credentials need lambda:UpdateFunctionConfiguration (No)"]


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
