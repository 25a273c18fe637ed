"""A function at moto, the layers that it has, and who stands between: for what attaches a layer."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from adaptive_batching.cli import main

if TYPE_CHECKING:
    from tests.fakes.aws.between import Asked, Between
    from tests.fakes.s3 import Moto

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


@pytest.fixture
def world(emptied: tuple[Moto, Between]) -> World:
    made = World(*emptied)
    made.front.answer = allowed
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
