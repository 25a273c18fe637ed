"""Objects on a real S3 server, read through a folder that keeps them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from adaptive_batching.experiment.core import ledger
from adaptive_batching.experiment.core.ledger import Entry
from adaptive_batching.logs import s3 as logs
from tests.fakes import s3
from tests.unit.experiment.planted import World, shipped

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
WORLD = World({"env-a": [("a", "ok"), ("b", "no end")], "env-b": [("c", "ok"), ("d", "end twice"), ("e", "vanished")]})


@pytest.fixture(scope="module")
def server() -> Iterator[s3.Moto]:
    with s3.moto() as server:
        lines = shipped(WORLD)
        for start in range(0, len(lines), 3):
            body = "".join(json.dumps(line) + "\n" for line in lines[start : start + 3])
            put(server, f"runs/function=f/f-{start}-x.log", body.encode())
        put(server, "elsewhere/../odd key=ä+.log", b"not of this run\n")
        yield server


def put(server: s3.Moto, key: str, body: bytes) -> None:
    server.client().put_object(Bucket=server.bucket, Key=key, Body=body)


def fetch(server: s3.Moto, prefix: str, folder: Path) -> tuple[list[Path], list[str]]:
    return logs.fetch(server.client(), server.bucket, prefix, folder, lambda _done, _total: None)


def experiment(server: s3.Moto, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "adaptive_batching", "experiment", *words, "--endpoint-url", server.endpoint]
    environ = s3.clean_environ(NO_COLOR="1")
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=60)


def test_what_is_kept_is_not_fetched_again(server: s3.Moto, tmp_path: Path) -> None:
    files, failed = fetch(server, "runs/", tmp_path)
    assert (len(files), failed) == (-(-len(shipped(WORLD)) // 3), [])
    kept = files[0].read_bytes()
    files[0].write_bytes(b"#" * len(kept))  # the size is right: it is taken as it is
    files[1].write_bytes(b"short")  # the size is wrong: a torn file is fetched again
    again, _ = fetch(server, "runs/", tmp_path)
    assert again == files
    assert files[0].read_bytes() == b"#" * len(kept)
    assert files[1].read_bytes() != b"short"
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in files}


def test_no_key_leaves_the_folder(server: s3.Moto, tmp_path: Path) -> None:
    files, failed = fetch(server, "elsewhere/", tmp_path / "kept")
    assert (len(files), failed) == (1, [])
    assert files[0].parent == tmp_path / "kept"
    assert files[0].read_bytes() == b"not of this run\n"


def test_an_object_that_cannot_be_had_is_said_and_the_others_are_read(server: s3.Moto, tmp_path: Path) -> None:
    class Forgetful:
        """A client whose listing knows an object that is gone: another program deleted it in between."""

        def get_paginator(self, _name: str) -> Any:  # noqa: ANN401
            return self

        def paginate(self, **_: str) -> list[dict[str, Any]]:
            return [
                {"Contents": [{"Key": "runs/gone.log", "Size": 1}, {"Key": "runs/function=f/f-0-x.log", "Size": 1}]}
            ]

        def get_object(self, **where: str) -> Any:  # noqa: ANN401
            return server.client().get_object(**where)

    files, failed = logs.fetch(Forgetful(), server.bucket, "runs/", tmp_path, lambda _d, _t: None)  # type: ignore[arg-type]
    assert (len(files), len(failed)) == (1, 1)
    assert failed[0].startswith("runs/gone.log could not be fetched")


def write_ledger(folder: Path) -> None:
    lines = [ledger.entry_line(Entry("", number, request, 200)) for number, request in enumerate(WORLD.fates)]
    (folder / "ledger.jsonl").write_text("".join(lines))


def test_analyze_finds_exactly_what_is_missing_on_s3(server: s3.Moto, tmp_path: Path) -> None:
    write_ledger(tmp_path)
    done = experiment(server, "analyze", str(tmp_path), "--s3", f"s3://{server.bucket}/runs/", "--format", "json")
    assert done.returncode == 1, done.stderr
    (found,) = json.loads(done.stdout)
    assert [(one["id"], one["class"], one["lost"], one["last_of_stream"]) for one in found["ids"]] == [
        ("b", "no end", True, True),
        ("d", "duplicate", False, True),
        ("e", "none", True, None),
    ]
    assert (found["requests"], found["lost"], found["lost_last"]) == (5, 2, 1)


def test_without_a_ledger_it_finds_what_left_a_trace_and_says_what_it_cannot_see(server: s3.Moto) -> None:
    done = experiment(server, "analyze", "--s3", f"s3://{server.bucket}/runs/")
    assert done.returncode == 1, done.stderr
    assert "lost 1 of 4" in done.stdout
    assert "without a ledger a request that left no line at all is not seen" in done.stdout
    assert "\x1b[" not in done.stdout


def test_an_empty_prefix_is_no_answer(server: s3.Moto, tmp_path: Path) -> None:
    write_ledger(tmp_path)
    done = experiment(server, "analyze", str(tmp_path), "--s3", f"s3://{server.bucket}/nothing/")
    assert done.returncode == 2
    assert "inconclusive" in done.stdout


def test_a_bucket_that_does_not_exist_is_one_sentence(server: s3.Moto) -> None:
    done = experiment(server, "analyze", "--s3", "s3://no-such-bucket/")
    assert (done.returncode, done.stdout) == (2, "")
    assert "experiment analyze: s3://no-such-bucket/ cannot be read" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_is_no_address_is_one_sentence(server: s3.Moto) -> None:
    done = experiment(server, "analyze", "--s3", "bucket/prefix")
    assert done.returncode == 2
    assert "'bucket/prefix' is not an address like s3://bucket/prefix" in done.stderr
