"""Compaction, stopped or killed anywhere, beside another one or while it is read: the same lines are read."""

from __future__ import annotations

import itertools
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from adaptive_batching.cli import main
from adaptive_batching.logs.reading import Reading
from tests.edge.logs.compacting import SECONDS, Meanwhile, Stopping, files, rows, run, ship
from tests.fakes.aws.between import between
from tests.fakes.s3 import Moto, clean_environ, moto

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from adaptive_batching.logs.compaction.run import Done
    from tests.fakes.aws.between import Asked


@pytest.mark.parametrize("when", ["before", "after"])
def test_stopped_at_any_change_the_same_is_read_and_the_next_run_ends_it(when: str, tmp_path: Path) -> None:
    ship(tmp_path / "logs", 4, hours=16)  # two of one function's day
    first = rows(tmp_path / "logs", tmp_path / "cache")
    for number in itertools.count(1):
        folder = tmp_path / f"logs{number}"
        shutil.copytree(tmp_path / "logs", folder)
        try:
            run(folder, delete=True, put_between=lambda source, n=number: Stopping(source, n, made=when == "after"))
        except KeyboardInterrupt:
            assert rows(folder, tmp_path / "cache") == first
            run(folder, delete=True)
        else:
            break
        assert rows(folder, tmp_path / "cache") == first
        assert files(folder, "gz") == []
    assert number == 4 + len(files(tmp_path / f"logs{number}", "parquet")) + 1


#: When it begins, and before which of its requests the other one runs. What was compacted before is not put again.
MOMENTS = [
    *((begun, *asked) for begun in ("at once", "when all was compacted") for asked in (("read", 1), ("delete", 1))),
    *((begun, "read", 3) for begun in ("at once", "when half was deleted")),
    ("at once", "put", 1),
    ("at once", "read", 5),
    ("when half was deleted", "delete", 1),
]


@pytest.mark.parametrize(("begun", "kind", "number"), MOMENTS)
def test_what_another_compaction_deletes_meanwhile_is_no_damage(
    begun: str, kind: str, number: int, tmp_path: Path
) -> None:
    ship(tmp_path / "logs", 6, hours=20)
    first = rows(tmp_path / "logs")
    if begun != "at once":
        run(tmp_path / "logs")
    for file in files(tmp_path / "logs", "gz")[::2] if "half" in begun else ():
        file.unlink()
    before = len(files(tmp_path / "logs", "parquet"))
    others: list[Done] = []

    def another() -> None:
        others.append(run(tmp_path / "logs", delete=True))

    done = run(tmp_path / "logs", delete=True, put_between=lambda source: Meanwhile(source, kind, number, another))
    assert others
    for one in (done, *others):
        assert (one.left, one.unfit, one.damaged) == ({}, 0, False)
    assert files(tmp_path / "logs", "gz") == []
    assert len(files(tmp_path / "logs", "parquet")) == 4  # one for each day of a function: nothing is stored twice
    assert before + sum(one.made for one in (done, *others)) == 4
    assert sum(one.days for one in (done, *others)) == 4 - before
    assert rows(tmp_path / "logs") == first


def test_a_damaged_object_beside_those_that_another_compaction_deletes_is_left(tmp_path: Path) -> None:
    ship(tmp_path / "logs", 12)
    (damaged, *_) = files(tmp_path / "logs", "gz")
    damaged.write_bytes(damaged.read_bytes()[:-9])
    first = rows(tmp_path / "logs")
    done = run(
        tmp_path / "logs",
        delete=True,
        put_between=lambda source: Meanwhile(source, "read", 2, lambda: run(tmp_path / "logs", delete=True)),
    )
    assert (done.left, done.unfit, done.damaged) == ({}, 1, True)
    assert files(tmp_path / "logs", "gz") == [damaged]
    assert rows(tmp_path / "logs") == first


def test_two_that_compacted_different_listings_have_no_line_twice(tmp_path: Path) -> None:
    ship(tmp_path / "a")
    first = rows(tmp_path / "a")
    kept = files(tmp_path / "a", "gz")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    for file in files(tmp_path / "b", "gz")[::2]:
        file.unlink()
    run(tmp_path / "a")
    run(tmp_path / "b")
    shutil.copytree(tmp_path / "b" / "compacted", tmp_path / "a" / "compacted", dirs_exist_ok=True)
    assert rows(tmp_path / "a", tmp_path / "cache") == first
    done = run(tmp_path / "a", delete=True)
    assert (done.deleted, done.left) == (len(kept), {})
    assert rows(tmp_path / "a", tmp_path / "cache") == first == rows(tmp_path / "a")


@pytest.fixture(scope="module")
def s3() -> Iterator[Moto]:
    with moto() as server:
        yield server


OBJECTS = 18


@pytest.fixture
def bucket(s3: Moto, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[Moto, str]:
    for name, value in clean_environ(**s3.environ()).items():
        monkeypatch.setenv(name, value)
    prefix = tmp_path.name
    for key, metadata in ship(tmp_path / "made", OBJECTS).items():
        body = (tmp_path / "made" / key).read_bytes()
        s3.client().put_object(Bucket=s3.bucket, Key=f"{prefix}/{key}", Body=body, Metadata=metadata)
    return s3, f"s3://{s3.bucket}/{prefix}/"


def test_a_bucket(bucket: tuple[Moto, str], tmp_path: Path) -> None:
    source = bucket[1]
    first = rows(source, tmp_path / "cache")
    assert first[1].whole
    assert (run(source).made, rows(source, tmp_path / "cache") == first) == (6, True)
    again = Reading(source, no_cache=True, since="all")
    (key, *_) = [one.key for one in again.listed().compacted]
    (tmp_path / "x").write_bytes(b"another")
    assert again.source.put(key, tmp_path / "x") is False  # If-None-Match: nobody writes over another's
    done = run(source, delete=True)
    assert (done.made, done.deleted) == (0, OBJECTS)
    assert again.listed().items == []
    assert rows(source, tmp_path / "cache") == first == rows(source)


@pytest.mark.parametrize("number", [1, OBJECTS, OBJECTS + 1, OBJECTS * 3 // 2, 2 * OBJECTS])
@pytest.mark.parametrize("deleted", ["after it was compacted", "half of it", "all"])
def test_fetch_beside_a_compaction_copies_all_there_is(
    number: int, deleted: str, bucket: tuple[Moto, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before a GET of one of the objects, to be read or to be copied, something is done to all."""
    server, source = bucket
    lines = rows(source)[1].lines
    client, prefix = server.client(), source.removeprefix(f"s3://{server.bucket}/")
    keys = [one["Key"] for one in client.list_objects_v2(Bucket=server.bucket, Prefix=prefix)["Contents"]]
    looked = itertools.count(1)

    def answer(asked: Asked) -> None:
        if asked.method == "GET" and asked.path.partition("?")[0].endswith(".gz") and next(looked) == number:
            if "compacted" in deleted:
                run(source, delete=True)
            for key in keys[:: 2 if "half" in deleted else 1]:
                client.delete_object(Bucket=server.bucket, Key=key)

    with between(server.endpoint) as front, pytest.MonkeyPatch.context() as patch:
        front.answer = answer
        patch.setenv("AWS_ENDPOINT_URL_S3", front.endpoint)
        words = ["--no-cache", "--since", "2025-01-01", "--into", str(tmp_path / "copy"), source]
        code = main(["logs", "fetch", *words])
    out = capsys.readouterr().out
    if "compacted" in deleted:
        assert (code, "could not be copied" in out) == (0, False), out
        complete = rows(tmp_path / "copy")[1]
        assert complete.whole
        assert complete.lines == lines
    else:
        there = len(files(tmp_path / "copy", "gz"))
        assert there < OBJECTS or number > OBJECTS  # what was asked for at the same time may have been answered
        missing = f"; {OBJECTS - there} could not be copied" if there < OBJECTS else ""
        assert (code, out.endswith(f"there already{missing}\n")) == (3 if missing else 0, True), out
        assert out.startswith(f"{there} object")
    assert next(looked) > number


COMPACT = """
import sys
from adaptive_batching.cli import main
sys.exit(main(["logs", "compact", "--delete-sources", sys.argv[1]]))
"""


@pytest.mark.parametrize("seed", range(2))
def test_killed_at_any_moment_and_run_again_the_same_is_read(
    seed: int, bucket: tuple[Moto, str], tmp_path: Path
) -> None:
    print(f"seed {seed}")
    chance = random.Random(seed)
    server, source = bucket
    first = rows(source, tmp_path / "cache")
    client, prefix = server.client(), source.removeprefix(f"s3://{server.bucket}/")

    def keys() -> frozenset[str]:
        return frozenset(
            one["Key"] for one in client.list_objects_v2(Bucket=server.bucket, Prefix=prefix).get("Contents", [])
        )

    seen, killed = keys(), 0
    environ = {**os.environ, "TMPDIR": str(tmp_path)}  # who is killed leaves what it set aside
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", COMPACT, source], env=environ, stdout=subprocess.DEVNULL)
        changes, deadline = chance.randrange(1, 5), time.monotonic() + SECONDS
        while changes and process.poll() is None and time.monotonic() < deadline:
            now = keys()
            changes -= now != seen
            seen = now
        killed += process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait(SECONDS)
        assert rows(source, tmp_path / "cache") == first
    assert killed
    assert run(source, delete=True).left == {}
    assert not [key for key in keys() if key.endswith(".gz")]
    assert rows(source, tmp_path / "cache") == first == rows(source)


@pytest.mark.parametrize("changes", [0, 1, 3])
def test_two_compactions_at_once_end_well(changes: int, bucket: tuple[Moto, str], tmp_path: Path) -> None:
    """The second begins with the first, or once the first has changed something, while it does the other days."""
    server, source = bucket
    client, prefix = server.client(), source.removeprefix(f"s3://{server.bucket}/")
    for key, metadata in ship(tmp_path / "more", 40).items():
        body = (tmp_path / "more" / key).read_bytes()
        client.put_object(Bucket=server.bucket, Key=f"{prefix}{key}", Body=body, Metadata=metadata)
    first = rows(source, tmp_path / "cache")

    def keys() -> frozenset[str]:
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=server.bucket, Prefix=prefix)
        return frozenset(one["Key"] for page in pages for one in page.get("Contents", []))

    def begun() -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", COMPACT, source], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    seen, left, deadline = keys(), changes, time.monotonic() + SECONDS
    with begun() as one:
        while left and one.poll() is None and time.monotonic() < deadline:
            now = keys()
            left -= now != seen
            seen = now
        with begun() as two:
            said = [(process.communicate(timeout=SECONDS), process.returncode) for process in (one, two)]
    assert [(code, err) for (_, err), code in said] == [(0, ""), (0, "")]
    assert not [out for (out, _), _ in said if "left as they are" in out]
    assert not [key for key in keys() if key.endswith(".gz")]
    assert rows(source, tmp_path / "cache") == first == rows(source)
