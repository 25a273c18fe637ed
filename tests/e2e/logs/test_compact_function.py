"""CompactFunction of template.yaml in the sandbox: what `sam build` packs for it, and a bucket that checks policies."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from adaptive_batching.cli import main
from adaptive_batching.sandbox.function import Credentials, Function
from adaptive_batching.sandbox.lifecycle.environment import Environment
from adaptive_batching.sandbox.options import Options
from tests.e2e.conftest import ROOT
from tests.fakes import s3
from tests.fakes.shipped import Shipped, report, started, text
from tests.template.stack import Stack
from tests.template.template import template

if TYPE_CHECKING:
    from collections.abc import Iterator

BUCKET = "logbucket"  # as tests/template/stack.py names it
STACK = Stack(template(), Monitoring="on", Compact="daily")
COMPACT = STACK.resources["CompactFunction"]["Properties"]
(POLICY,) = COMPACT["Policies"]
READER = STACK.resources["LogReaderPolicy"]["Properties"]["PolicyDocument"]
DAYS = 3


@pytest.fixture(scope="module")
def moto() -> Iterator[s3.Moto]:
    with s3.moto(bucket=BUCKET) as server:
        server.only_user(POLICY)
        yield server


@pytest.fixture(scope="module")
def shipped(moto: s3.Moto, tmp_path_factory: pytest.TempPathFactory) -> int:
    """Objects of two functions, on each of some days. Returns how many."""
    folder = tmp_path_factory.mktemp("shipped")
    today = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
    ships = [Shipped(folder, name) for name in ("orders", "stock")]
    for day in range(2, 2 + DAYS):
        at = today - timedelta(days=day)
        for number in range(4):
            request = f"r{day}-{number}"
            lines = [text(f"line of {request}", request=request, time=at)]
            ships[number % 2](started(request, time=at), *lines, report(request, time=at))
    objects = {key: metadata for one in ships for key, metadata in one.metadata.items()}
    with moto.everybody() as client:
        for key, metadata in objects.items():
            client.put_object(Bucket=BUCKET, Key=key, Body=(folder / key).read_bytes(), Metadata=metadata)
    return len(objects)


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the make target packs."""
    folder = tmp_path_factory.mktemp("artifact")
    command = ["make", "build-CompactFunction", f"ARTIFACTS_DIR={folder}"]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    return folder


@pytest.fixture(scope="module")
def environment(moto: s3.Moto, artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """The function as it is packed, but for what is compiled: that of this interpreter is used, from a layer."""
    code, layer = tmp_path_factory.mktemp("code"), tmp_path_factory.mktemp("layer")
    shutil.copytree(artifact / "adaptive_batching", code / "adaptive_batching")
    (metadata,) = artifact.glob("duckdb-*.dist-info")  # which the module reads
    shutil.copytree(metadata, layer / "python" / metadata.name)
    for name in ("duckdb", "_duckdb", "isal"):
        spec = find_spec(name)
        assert spec
        assert spec.origin
        origin = Path(spec.origin)
        if spec.submodule_search_locations:
            shutil.copytree(origin.parent, layer / "python" / name)
        else:
            shutil.copy(origin, layer / "python" / origin.name)
    variables = {
        "ADAPTIVE_BATCHING_EXTENSION_S3_BUCKET": BUCKET,
        "ADAPTIVE_BATCHING_EXTENSION_S3_PREFIX": "function={function}/date={date}/hour={hour}/",
        "AWS_ENDPOINT_URL_S3": moto.endpoint,
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:9/",
    }
    function = Function(
        code,
        COMPACT["Handler"],
        "compact",
        variables=variables,
        layers=(layer,),
        region=moto.region,
        credentials=Credentials(moto.access_key, moto.secret_key, ""),
        memory=COMPACT["MemorySize"],
        timeout=COMPACT["Timeout"],
    )
    with Environment(function, Options(awslambdaric=ROOT / "build/runtime/awslambdaric")) as made:
        yield made


def test_what_is_packed_is_small_enough_and_for_the_python_of_lambda(artifact: Path) -> None:
    assert COMPACT["Runtime"] == "python3.13"
    assert sum(path.stat().st_size for path in artifact.rglob("*")) < 250_000_000  # Lambda's limit, unpacked
    compiled = [file.name.partition(".")[0::2] for file in artifact.rglob("*.so")]
    assert {"_duckdb", "isal_zlib"} <= {name for name, _ in compiled}
    assert {end for _, end in compiled} <= {"abi3.so", f"cpython-313-{os.uname().machine}-linux-gnu.so"}
    for wheel in artifact.glob("*.dist-info/WHEEL"):
        assert f"manylinux_2_28_{os.uname().machine}" in wheel.read_text()  # Amazon Linux 2023 has glibc 2.34


def allow(moto: s3.Moto, policy: dict[str, Any], without: str = "") -> None:
    """From now on the user may do what a policy says, less one of its statements."""
    left = [one for one in policy["Statement"] if one["Sid"] != without]
    assert (len(left) < len(policy["Statement"])) == bool(without)
    document = json.dumps({**policy, "Statement": left})
    with moto.everybody():
        moto.client("iam").put_user_policy(UserName="extension", PolicyName="ship", PolicyDocument=document)


def test_an_empty_bucket_is_not_a_failure(environment: Environment, moto: s3.Moto) -> None:
    allow(moto, POLICY)
    assert json.loads(environment.invoke({}).payload) == {"days": 0, "objects": 0, "made": 0, "unfit": 0}


def test_it_runs_in_lambda_and_both_policies_hold_what_is_needed_and_nothing_more(
    environment: Environment,
    moto: s3.Moto,
    shipped: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in {**s3.clean_environ(), **moto.environ(), "XDG_CACHE_HOME": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)

    def read(without: str = "") -> tuple[int, list[str]]:
        allow(moto, READER, without)
        code = main(["logs", "search", f"s3://{BUCKET}", "--since", "all", "--no-cache", "--format", "json"])
        return code, sorted(capsys.readouterr().out.splitlines())

    def compacted(without: str = "") -> dict[str, Any]:
        allow(moto, POLICY, without)
        found: dict[str, Any] = json.loads(environment.invoke({}).payload)
        return found

    code, before = read()
    assert (code, len(before)) == (0, 3 * shipped)
    assert [read(one["Sid"])[0] for one in READER["Statement"]] == [2, 2]
    refused = [compacted(one["Sid"]).get("errorType") for one in POLICY["Statement"]]
    assert refused == ["SourceError"] * 3
    assert compacted() == {"days": 2 * DAYS, "objects": shipped, "made": 2 * DAYS, "unfit": 0}
    assert sum(key.startswith("compacted/") for key in moto.keys()) == 2 * DAYS  # noqa: SIM118 - of objects
    assert read() == (0, before)
    assert compacted() == {"days": 0, "objects": 0, "made": 0, "unfit": 0}
