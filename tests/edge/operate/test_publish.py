"""`adaptive-batching publish` against moto's Lambda, and a server before it that refuses."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from adaptive_batching.cli import main
from tests.fakes.aws.between import Asked, Between, refusal
from tests.fakes.network.ports import free_port
from tests.fakes.s3 import Moto

if TYPE_CHECKING:
    from pathlib import Path

RELEASE = {"version": "0.1.0", "python": "3.13.18", "origin": "python-build-standalone"}
ORGANIZATION = "o-a1b2c3d4e5"


@pytest.fixture
def front(emptied: tuple[Moto, Between]) -> Between:
    """An account without layers."""
    return emptied[1]


def layers(server: Moto, region: str = "eu-west-1") -> Any:  # noqa: ANN401 - boto3's
    there = Moto(server.endpoint, "", region)
    return there.client("lambda")


def archive(path: Path, architecture: str, content: str = "one", **about: str) -> bytes:
    """Write a zip file such as `make layer` writes."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        file.writestr(zipfile.ZipInfo("extensions/adaptive-batching-extension"), content)
        described = json.dumps({**RELEASE, "architecture": architecture, **about})
        file.writestr(zipfile.ZipInfo("adaptive-batching-extension/layer.json"), described)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(made.getvalue())
    return made.getvalue()


@pytest.fixture
def dist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for architecture in ("x86_64", "arm64"):
        archive(tmp_path / f"dist/adaptive-batching-extension-{architecture}.zip", architecture)
    return tmp_path / "dist"


class Ran:
    """What a command line did."""

    def __init__(self, capsys: pytest.CaptureFixture[str], front: Between, *words: str) -> None:
        front.asked.clear()
        self.code = main(["publish", "--endpoint-url", front.endpoint, *words])
        read = capsys.readouterr()
        self.out, self.err = read.out.splitlines(), read.err.splitlines()
        self.rows = [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in self.out[1:]]
        self.changes = [one.rpartition("/")[2] for one in front.changes]


def arn(region: str, architecture: str, version: int) -> str:
    return f"arn:aws:lambda:{region}:123456789012:layer:adaptive-batching-extension-{architecture}:{version}"


def test_each_region_gets_each_architecture_once_and_a_file_says_which_arn_it_is(
    servers: tuple[Moto, Between], front: Between, dist: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--regions", "eu-west-1,us-east-1", "--public")
    ran = Ran(capsys, front, *words)
    places = [(region, one) for region in ("eu-west-1", "us-east-1") for one in ("x86_64", "arm64")]
    assert ran.code == 0, ran.err
    assert ran.rows == [[region, one, "published", "public", arn(region, one, 1)] for region, one in places]
    assert ran.changes == ["versions", "policy"] * 4
    written = json.loads((dist / "layers.json").read_text())
    assert sorted(written, key=str) == written
    assert {(one["region"], one["architecture"]): one["arn"] for one in written} == {
        place: arn(*place, 1) for place in places
    }
    client = layers(servers[0])
    found = client.get_layer_version(LayerName="adaptive-batching-extension-arm64", VersionNumber=1)
    digest = hashlib.sha256((dist / "adaptive-batching-extension-arm64.zip").read_bytes())
    assert found["CompatibleArchitectures"] == ["arm64"]
    assert found["Content"]["CodeSha256"] == base64.b64encode(digest.digest()).decode()
    assert found["Description"] == f"adaptive-batching-extension 0.1.0, sha256 {digest.hexdigest()}"
    policy = client.get_layer_version_policy(LayerName="adaptive-batching-extension-arm64", VersionNumber=1)["Policy"]
    (statement,) = json.loads(policy)["Statement"]
    assert (statement["Action"], statement["Principal"]) == ("lambda:GetLayerVersion", "*")

    again = Ran(capsys, front, *words)
    assert again.rows == [[region, one, "unchanged", "public", arn(region, one, 1)] for region, one in places]
    assert (again.code, again.changes) == (0, [])


@pytest.mark.usefixtures("dist")
def test_a_dry_run_prints_what_would_be_and_calls_nothing_that_changes(
    front: Between, dist: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--regions", "eu-west-1", "--arch", "arm64")
    assert Ran(capsys, front, *words, "--dry-run", "--public").rows == [
        ["eu-west-1", "arm64", "would be published", "public"]
    ]
    assert not (dist / "layers.json").exists()
    assert front.changes == []
    Ran(capsys, front, *words)
    assert Ran(capsys, front, *words, "--dry-run").rows == [["eu-west-1", "arm64", "unchanged", arn(*words[1::2], 1)]]
    ran = Ran(capsys, front, *words, "--dry-run", "--accounts", "111122223333,444455556666")
    assert ran.rows[0][2:4] == ["would be shared", "account-111122223333, account-444455556666"]
    assert (ran.code, ran.changes) == (0, [])


def test_new_content_is_a_new_version_and_other_regions_stay_in_the_file(
    front: Between, dist: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Ran(capsys, front, "--regions", "eu-west-1,us-east-1", "--arch", "x86_64")
    archive(dist / "adaptive-batching-extension-x86_64.zip", "x86_64", "two")
    ran = Ran(capsys, front, "--regions", "eu-west-1", "--arch", "x86_64")
    assert ran.rows == [["eu-west-1", "x86_64", "published", arn("eu-west-1", "x86_64", 2)]]
    assert [one["arn"] for one in json.loads((dist / "layers.json").read_text())] == [
        arn("eu-west-1", "x86_64", 2),
        arn("us-east-1", "x86_64", 1),
    ]


@pytest.mark.usefixtures("dist")
def test_what_is_published_can_be_shared_later_with_more_and_nobody_is_taken_out(
    servers: tuple[Moto, Between], front: Between, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--regions", "eu-west-1", "--arch", "x86_64")
    Ran(capsys, front, *words, "--accounts", "111122223333")
    ran = Ran(capsys, front, *words, "--organization", ORGANIZATION, "--accounts", "111122223333,444455556666")
    assert ran.rows[0][2:4] == [
        "shared",
        f"account-111122223333, organization-{ORGANIZATION}, account-444455556666",
    ]
    assert ran.changes == ["policy", "policy"]
    name = "adaptive-batching-extension-x86_64"
    policy = layers(servers[0]).get_layer_version_policy(LayerName=name, VersionNumber=1)["Policy"]
    statements = {one["Sid"]: one for one in json.loads(policy)["Statement"]}
    assert statements[f"organization-{ORGANIZATION}"]["Principal"] == "*"
    assert statements[f"organization-{ORGANIZATION}"]["OrganizationId"] == ORGANIZATION  # moto keeps it as it was sent
    assert statements["account-444455556666"]["Principal"] == "444455556666"


def refusing_in(region: str, status: int = 403, code: str = "AccessDeniedException") -> Any:  # noqa: ANN401 - a function
    def answer(asked: Asked) -> Any:  # noqa: ANN401 - or None
        return refusal(status, code) if asked.region == region and asked.method == "POST" else None

    return answer


def test_a_region_that_fails_does_not_stop_the_others(
    front: Between, dist: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    front.answer = refusing_in("eu-west-3")
    ran = Ran(capsys, front, "--regions", "eu-west-3,eu-west-1", "--arch", "arm64")
    assert ran.rows == [
        ["eu-west-3", "arm64", "failed"],
        ["eu-west-1", "arm64", "published", arn("eu-west-1", "arm64", 1)],
    ]
    assert ran.code == 1
    assert "eu-west-3 arm64: AWS refuses: these credentials need lambda:PublishLayerVersion (No)" in ran.err, ran.err
    assert [one["region"] for one in json.loads((dist / "layers.json").read_text())] == ["eu-west-1"]


@pytest.mark.usefixtures("dist")
def test_a_version_that_cannot_be_shared_has_failed_and_its_arn_is_told(
    front: Between, capsys: pytest.CaptureFixture[str]
) -> None:
    front.answer = lambda asked: refusal(403, "AccessDeniedException") if asked.path.endswith("/policy") else None
    ran = Ran(capsys, front, "--regions", "eu-west-1", "--arch", "arm64", "--public")
    assert ran.rows == [["eu-west-1", "arm64", "failed", arn("eu-west-1", "arm64", 1)]]
    assert (ran.code, "these credentials need lambda:GetLayerVersionPolicy" in ran.err[-2]) == (1, True)


@pytest.mark.usefixtures("dist")
def test_what_aws_agreed_to_and_did_not_do_is_found_when_it_is_read_back(
    front: Between, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--regions", "eu-west-1", "--arch", "arm64", "--public")
    front.answer = lambda asked: (201, {}) if asked.method == "POST" and asked.path.endswith("/policy") else None
    ran = Ran(capsys, front, *words)
    assert (ran.code, "is not shared with public, although AWS agreed" in ran.err[-2]) == (1, True)
    other = {"LayerVersionArn": arn("eu-west-1", "arm64", 7), "Version": 7, "Content": {"CodeSha256": "other"}}
    front.answer = lambda asked: (200, other) if asked.path.split("/")[-2:-1] == ["versions"] else None
    ran = Ran(capsys, front, *words)
    assert (ran.code, "has another content than the file" in ran.err[-1]) == (1, True)
    assert ran.rows == [["eu-west-1", "arm64", "failed"]]


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ({"origin": "development build: the interpreter of the machine that built it"}, "is a development build"),
        ({"origin": ""}, "is a development build"),
        ({"architecture": "arm64"}, "is for arm64, not for x86_64; run `make layer ARCH=x86_64`"),
    ],
)
def test_a_layer_that_would_not_run_there_is_refused_before_anything_is_asked(
    front: Between, dist: Path, capsys: pytest.CaptureFixture[str], about: dict[str, str], said: str
) -> None:
    archive(dist / "adaptive-batching-extension-x86_64.zip", about.pop("architecture", "x86_64"), **about)
    ran = Ran(capsys, front, "--regions", "eu-west-1")
    assert (ran.code, ran.out, len(ran.err)) == (2, [], 1)
    assert said in ran.err[0]
    assert front.asked == []


def test_what_is_not_a_layer_is_refused(front: Between, dist: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (dist / "adaptive-batching-extension-x86_64.zip").write_bytes(b"PK")
    ran = Ran(capsys, front, "--regions", "eu-west-1")
    assert (ran.code, "is not a layer that `make layer` has built" in ran.err[0]) == (2, True)
    (dist / "adaptive-batching-extension-x86_64.zip").unlink()
    ran = Ran(capsys, front, "--regions", "eu-west-1")
    assert ran.err == [
        "publish: dist has no layer for x86_64; run `make layer ARCH=x86_64`, or choose others with --arch"
    ]
    archive(dist / "adaptive-batching-extension.zip", "x86_64")  # as `make layer` without ARCH names it
    assert Ran(capsys, front, "--regions", "eu-west-1").code == 0


@pytest.mark.parametrize("newer", ["", "-x86_64"])
def test_of_two_files_that_fit_the_newer_one_is_published_and_named(
    servers: tuple[Moto, Between], front: Between, dist: Path, capsys: pytest.CaptureFixture[str], newer: str
) -> None:
    for number, suffix in enumerate(("", "-x86_64")):
        path = dist / f"adaptive-batching-extension{suffix}.zip"
        archive(path, "x86_64", f"content{suffix}")
        os.utime(path, (number, 9 if suffix == newer else number))
    ran = Ran(capsys, front, "--regions", "eu-west-1", "--arch", "x86_64")
    name = f"adaptive-batching-extension{newer}.zip"
    assert (ran.code, ran.err[0]) == (0, f"eu-west-1 x86_64: dist/{name}, 0.0 MB")
    found = layers(servers[0]).get_layer_version(LayerName="adaptive-batching-extension-x86_64", VersionNumber=1)
    digest = hashlib.sha256((dist / name).read_bytes()).digest()
    assert found["Content"]["CodeSha256"] == base64.b64encode(digest).decode()

    other = f"adaptive-batching-extension{'' if newer else '-x86_64'}.zip"
    archive(dist / name, "x86_64", origin="")
    ran = Ran(capsys, front, "--regions", "eu-west-1", "--arch", "x86_64")
    assert (ran.code, ran.out, len(ran.err)) == (2, [], 1)
    assert f"dist/{name} is a development build" in ran.err[0]
    assert ran.err[0].endswith(f"; to publish the older dist/{other}, delete it")


@pytest.mark.usefixtures("dist")
@pytest.mark.parametrize(
    "rows", ["{", "{}", '[{"region": "eu-west-1"}]', '[{"region": 1, "architecture": "x", "arn": 2}]']
)
def test_a_file_of_arns_that_is_something_else_is_not_overwritten(
    front: Between, dist: Path, capsys: pytest.CaptureFixture[str], rows: str
) -> None:
    (dist / "layers.json").write_text(rows)
    ran = Ran(capsys, front, "--regions", "eu-west-1")
    assert (ran.code, "layers.json is not a list of layers" in ran.err[0], front.asked) == (2, True, [])
    assert (dist / "layers.json").read_text() == rows


def test_a_folder_that_takes_no_file_is_refused_before_anything_is_asked(
    front: Between, dist: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (dist / "layers.json.part").mkdir()
    ran = Ran(capsys, front, "--regions", "eu-west-1")
    assert (ran.code, len(ran.err), "layers.json cannot be written" in ran.err[0], front.asked) == (2, 1, True, [])


def test_where_the_file_cannot_be_written_any_more_every_region_is_published_and_the_arns_are_printed(
    front: Between, dist: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def answer(_asked: Asked) -> None:
        (dist / "layers.json.part").mkdir(exist_ok=True)

    front.answer = answer
    ran = Ran(capsys, front, "--regions", "eu-west-1,us-east-1", "--arch", "arm64")
    assert [row[-1] for row in ran.rows] == [arn(region, "arm64", 1) for region in ("eu-west-1", "us-east-1")]
    assert (ran.code, "cannot be written" in ran.err[-1], (dist / "layers.json").exists()) == (1, True, False)


@pytest.mark.usefixtures("dist")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--regions", "eu-west-1,Ireland"), "--regions 'eu-west-1,Ireland': 'Ireland' is not a region"),
        (("--arch", "mips"), "'mips' is not one of x86_64 and arm64"),
        (("--accounts", "12"), "'12' is not the number of an account, 12 digits"),
        (("--organization", "mine"), "'mine' is not the id of an organization"),
        (("--public", "--accounts", "111122223333"), "--public shares the layer with everybody"),
        (("--profile", "absent"), "(absent)"),
    ],
)
def test_a_bad_word_is_one_sentence(
    front: Between, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    ran = Ran(capsys, front, *words)
    assert (ran.code, ran.out) == (2, [])
    assert said in ran.err[-1]


@pytest.mark.usefixtures("dist")
def test_if_aws_cannot_be_asked_at_all_it_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    endpoint = f"http://127.0.0.1:{free_port()}"
    assert main(["publish", "--regions", "eu-west-1,us-east-1", "--endpoint-url", endpoint]) == 2
    assert "cannot be reached" in capsys.readouterr().err.splitlines()[-1]
    assert main(["publish", "--regions", "eu-west-1"]) == 2
    assert "no AWS credentials" in capsys.readouterr().err.splitlines()[-1]
    assert main(["publish"]) == 2
    assert "no region is configured" in capsys.readouterr().err.splitlines()[-1]
