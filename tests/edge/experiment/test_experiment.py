"""The whole experiment as a user runs it: the built layer in the real sandbox. Then losses are planted in copies."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import s3

ROOT = Path(__file__).parents[3]
RUNS = 24


def experiment(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "adaptive_batching", "experiment", *words]
    environ = s3.clean_environ(NO_COLOR="1")
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=120)


def analyze(*words: str) -> tuple[int, list[dict[str, Any]]]:
    done = experiment("analyze", *words, "--format", "json")
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("experiment") / "run"
    words = ("-n", str(RUNS), "-c", "3", "--sleep", "1-20", "--seed", "1", "--folder", str(folder))
    done = experiment("run", *words)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{folder}/ledger.jsonl\n"
    assert f"{RUNS} accepted, 0 refused" in done.stderr
    return folder


@pytest.fixture
def copy(run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(run, tmp_path / "copy"))


def test_nothing_is_lost_on_s3_nor_in_the_log_streams(run: Path) -> None:
    code, found = analyze(str(run))
    assert (code, len(found)) == (0, 2)
    for source in found:
        assert source["classes"]["ok"] == source["requests"] == RUNS, source["ids"]
        assert (source["lost"], source["not_in_ledger"], source["read"]["unreadable"]) == (0, 0, 0)


def test_a_run_does_not_overwrite_another(run: Path) -> None:
    before = (run / "ledger.jsonl").read_bytes()
    done = experiment("run", "-n", "1", "--folder", str(run))
    assert (done.returncode, (run / "ledger.jsonl").read_bytes()) == (2, before)
    assert "is not empty; choose another with --folder" in done.stderr


def ran_in(stream: Path) -> list[str]:
    """The requests of a stream, in their order."""
    return [line.split()[2] for line in stream.read_text().splitlines() if line.startswith("START ")]


def without(text: str, request: str, *messages: str) -> str:
    """A stream or object without a request's lines; with no messages without every line that names it."""
    kept = []
    for line in text.splitlines(keepends=True):
        about = request in line and any(f'"message": "{one}"' in line.replace("\\", "") for one in messages)
        if not (about if messages else request in line):
            kept.append(line)
    assert len(kept) < len(text.splitlines())
    return "".join(kept)


def test_lines_taken_out_of_the_log_streams_are_found_exactly(copy: Path) -> None:
    stream = max((copy / "streams").iterdir(), key=lambda file: len(ran_in(file)))
    first, second, *_, vanished, last = ran_in(stream)
    text = without(stream.read_text(), last, "end")
    text = without(text, first, "begin")
    text = without(text, second, "begin", "end")
    stream.write_text("{torn\n" + without(text, vanished))
    code, found = analyze(str(copy), "--log-folder", str(copy / "streams"))
    assert (code, len(found)) == (1, 1)
    assert {one["id"]: (one["class"], one["lost"], one["last_of_stream"]) for one in found[0]["ids"]} == {
        last: ("no end", True, True),
        first: ("no begin", True, False),
        second: ("none", True, False),
        vanished: ("none", True, None),
    }
    assert (found[0]["classes"]["ok"], found[0]["read"]["unreadable"]) == (RUNS - 4, 1)


def test_without_the_ledger_the_same_losses_are_found_but_for_what_left_no_trace(copy: Path) -> None:
    stream = max((copy / "streams").iterdir(), key=lambda file: len(ran_in(file)))
    first, *_, vanished, last = ran_in(stream)
    stream.write_text(without(without(without(stream.read_text(), last, "end"), vanished), first, "begin"))
    code, found = analyze("--log-folder", str(copy / "streams"))
    assert (code, found[0]["requests"], found[0]["lost"]) == (1, RUNS - 1, 2)
    assert {one["id"] for one in found[0]["ids"]} == {first, last}
    assert any("without a ledger" in note for note in found[0]["blind"])


def test_lines_taken_out_of_objects_are_found_exactly_and_an_object_twice_is_no_loss(copy: Path) -> None:
    kept = [file for file in (copy / "objects").rglob("*.log") if '\\"end\\"' in file.read_text()]
    guilty = kept[0]
    request = next(
        json.loads(line["record"])["requestId"]
        for line in map(json.loads, guilty.read_text().splitlines())
        if line["type"] == "function" and '"end"' in line["record"]
    )
    guilty.write_text(without(guilty.read_text(), request, "end"))
    shutil.copy(kept[1], kept[1].with_name("shipped-again.log"))
    code, found = analyze(str(copy))
    shipped, streams = found
    assert code == 1
    assert [one["id"] for one in shipped["ids"] if one["lost"]] == [request]
    assert shipped["classes"]["duplicate"] >= 1
    assert (shipped["lost"], streams["lost"]) == (1, 0)


def test_an_export_of_cloudwatch_is_judged_like_the_streams_that_it_was_made_of(copy: Path) -> None:
    events = [
        {"logStreamName": file.name, "timestamp": number, "message": line, "eventId": f"{file.name}{number}"}
        for file in (copy / "streams").iterdir()
        for number, line in enumerate(file.read_text().splitlines())
    ]
    export = copy / "export.json"
    export.write_text(json.dumps({"events": events[:20], "nextToken": "t"}) + json.dumps({"events": events[20:]}))
    assert analyze(str(copy), "--cloudwatch", str(export))[0] == 0
    lost = next(event for event in events if '"end"' in str(event["message"]))
    events.remove(lost)
    export.write_text(json.dumps({"events": events}))
    code, (found,) = analyze(str(copy), "--cloudwatch", str(export))
    assert (code, [one["id"] for one in found["ids"]]) == (1, [json.loads(str(lost["message"]))["requestId"]])
    export.write_text(json.dumps({"events": events, "nextToken": "more"}))
    assert analyze(str(copy), "--cloudwatch", str(export))[0] == 2


def test_in_json_format_the_log_streams_are_read_too(tmp_path: Path) -> None:
    done = experiment(
        "run", "-n", "4", "-c", "2", "--sleep", "1", "--folder", str(tmp_path / "run"), "--", "--log-format", "JSON"
    )
    assert done.returncode == 0, done.stderr
    code, found = analyze(str(tmp_path / "run"))
    assert (code, [source["classes"]["ok"] for source in found]) == (0, [4, 4])


MISTAKES = [
    (["--cloudwatch", "no-such-file.json"], "no-such-file.json cannot be read: No such file or directory"),
    (["--cloudwatch", "README.md", "tests"], "tests is a directory; --cloudwatch takes files"),
    (["/nope"], "/nope is not a directory"),
    (["README.md"], "README.md is not a directory"),
    (["--log-folder", "/nope"], "/nope is not a directory"),
]


@pytest.mark.parametrize(("words", "said"), MISTAKES)
def test_what_cannot_be_analyzed_is_said(words: list[str], said: str) -> None:
    done = experiment("analyze", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"experiment analyze: {said}" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("words", [words for words, said in MISTAKES if "a directory" in said])
def test_a_folder_in_the_wrong_place_is_said_before_anything_else(words: list[str]) -> None:
    assert len(experiment("analyze", *words).stderr.splitlines()) == 1


def test_queued_events_have_run_before_the_sandbox_is_shut_down(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    words = ("--type", "Event", "-n", "12", "-c", "12", "--environments", "2", "--sleep", "50", "--folder", str(folder))
    done = experiment("run", *words)
    assert "dropped" not in done.stderr
    code, (found,) = analyze("--log-folder", str(folder / "streams"))
    assert (code, found["classes"]["ok"]) == (0, 12)


def test_sigterm_ends_the_run_and_every_process_that_it_started(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    command = [sys.executable, "-m", "adaptive_batching", "experiment", "run", "-n", "10000", "-c", "2"]
    with (tmp_path / "said").open("wb") as said:
        process = subprocess.Popen([*command, "--folder", str(folder)], cwd=ROOT, stderr=said, env=s3.clean_environ())
    deadline = time.monotonic() + 40
    ledger = folder / "ledger.jsonl"
    while not (ledger.exists() and len(ledger.read_text().splitlines()) > 3):
        assert time.monotonic() < deadline, (tmp_path / "said").read_text()
        time.sleep(0.02)
    process.terminate()
    assert process.wait(60) == 130
    ports = re.findall(r"http://127\.0\.0\.1:(\d+)", (tmp_path / "said").read_text())
    assert len(ports) == 2
    for port in ports:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", int(port)), timeout=5)
    code, found = analyze(str(folder), "--log-folder", str(folder / "streams"))
    assert (code, found[0]["lost"]) == (0, 0)  # what was invoked until then is in the ledger, and in the streams
