"""Exports of CloudWatch as they are found: those of the experiment of 2019, other encodings, and whole streams kept."""

from __future__ import annotations

import json
import random
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from adaptive_batching.cli import main

if TYPE_CHECKING:
    from pathlib import Path

REQUESTS, STREAMS = 600, 50
FIRST = 1575908799528


def streams_of_2019(lost: int) -> dict[str, list[tuple[int, str]]]:
    """Streams with the lines that the function in Go wrote, and when; the last request of some has no `end`."""
    drawn = random.Random(2019)
    streams: dict[str, list[tuple[int, str]]] = {}
    for number in range(STREAMS):
        at, lines = FIRST + drawn.randrange(1000), []
        requests = [str(uuid.UUID(int=drawn.getrandbits(128), version=4)) for _ in range(REQUESTS // STREAMS)]
        for request in requests:
            lines.append((at, f"START RequestId: {request} Version: $LATEST\n"))
            lines.append((at, f'{{"reqID":"{request}","message":"begin"}}\n'))
            at += drawn.randrange(10, 600)
            if number >= lost or request != requests[-1]:
                lines.append((at, f'{{"reqID":"{request}","message":"end"}}\n'))
            lines.append((at, f"END RequestId: {request}\n"))
            report = (
                f"REPORT RequestId: {request}\tDuration: 31.14 ms\tBilled Duration: 100 ms\tMemory Size: 128 MB\t\n"
            )
            lines.append((at, report))
            at += drawn.randrange(0, 6000)
        streams[f"2019/12/09/[$LATEST]{drawn.getrandbits(128):032x}"] = lines
    return streams


def export(streams: dict[str, list[tuple[int, str]]]) -> str:
    """One page, as `aws logs filter-log-events` prints all of them: by time, indented."""
    events = [(at, name, text) for name, lines in streams.items() for at, text in lines]
    events.sort(key=lambda one: one[0])
    page: list[dict[str, Any]] = [
        {"logStreamName": name, "timestamp": at, "message": text, "ingestionTime": at + 15, "eventId": f"{at}{number}"}
        for number, (at, name, text) in enumerate(events)
    ]
    return json.dumps({"events": page, "searchedLogStreams": []}, indent=4)


@pytest.mark.parametrize(("lost", "rate"), [(5, "0.833 %"), (2, "0.333 %")])
def test_the_exports_of_2019_give_its_figures(
    lost: int, rate: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "complete-logs.json"
    file.write_text(export(streams_of_2019(lost)))
    assert main(["experiment", "analyze", "--cloudwatch", str(file)]) == 1
    assert f"lost {lost} of {REQUESTS}: {rate}" in capsys.readouterr().out
    assert main(["experiment", "analyze", "--cloudwatch", str(file), "--format", "json"]) == 1
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["requests"], found["lost"], found["lost_last"]) == (REQUESTS, lost, lost)
    assert (found["classes"]["no end"], found["read"]["unreadable"]) == (lost, 0)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_an_export_is_read_in_every_unicode_encoding(
    encoding: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text, reports = export(streams_of_2019(3)).replace("31.14 ms", "31.14 ms\\u00a0✓"), []
    for name in ("utf-8", encoding):
        file = tmp_path / "export.json"
        file.write_text(text, encoding=name)
        assert main(["experiment", "analyze", "--cloudwatch", str(file)]) == 1
        reports.append(capsys.readouterr().out)
    assert reports[0] == reports[1]


def test_whole_streams_of_lost_requests_are_kept_and_no_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    streams = streams_of_2019(2)
    (tmp_path / "export.json").write_text(export(streams))
    words = ["--cloudwatch", str(tmp_path / "export.json"), "--streams", str(tmp_path / "kept")]
    assert main(["experiment", "analyze", *words]) == 1
    assert "/kept: 2\n" in capsys.readouterr().err
    kept = {file.name: file.read_text() for file in (tmp_path / "kept" / "CloudWatch_export").iterdir()}
    expected = {}
    for name, lines in list(streams.items())[:2]:
        request = lines[-1][1].split()[2]
        expected[f"req_{request}_stream_{name.partition(']')[2]}.txt"] = "".join(text for _, text in lines)
    assert kept == expected


def test_streams_of_the_sandbox_and_of_objects_are_kept_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "streams").mkdir()
    (tmp_path / "objects").mkdir()
    texts = [
        "START RequestId: a Version: 1",
        '{"requestId": "a", "message": "begin"}',
        "REPORT RequestId: a\tStatus: x",
    ]
    (tmp_path / "streams" / "one.log").write_text("".join(f"{text}\n" for text in texts[:2]))
    lines = [
        {"time": "t", "type": "function", "record": texts[1] + "\n", "environment": "e", "sequence": 2},
        {"time": "t", "type": "platform.start", "record": {"requestId": "a"}, "environment": "e", "sequence": 1},
    ]
    (tmp_path / "objects" / "x.log").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert main(["experiment", "analyze", str(tmp_path), "--streams", str(tmp_path / "kept")]) == 1
    assert "/kept: 2\n" in capsys.readouterr().err
    kept = sorted(file.read_text() for file in (tmp_path / "kept").rglob("req_a_stream_*.txt"))
    assert "".join(f"{text}\n" for text in texts[:2]) in kept
    assert [json.loads(line) for line in kept[1].splitlines()] == [lines[1], lines[0]]


@pytest.mark.parametrize("name", ["../../escaped", "/etc/passwd", "..", ".", "", "a\\..\\b", "\x00", "x" * 5000])
def test_the_name_of_a_stream_or_request_is_not_a_path(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    request = name or "r"
    events = [{"logStreamName": name, "timestamp": 1, "message": json.dumps({"reqID": request, "message": "begin"})}]
    (tmp_path / "export.json").write_text(json.dumps({"events": events}))
    folder = tmp_path / "kept" / "here"
    words = ["--cloudwatch", str(tmp_path / "export.json"), "--streams", str(folder)]
    assert main(["experiment", "analyze", *words]) == 1
    assert "kept" in capsys.readouterr().err
    (file,) = (one for one in (tmp_path / "kept").rglob("*") if one.is_file())
    assert file.parent.parent == folder
    assert json.loads(file.read_text())["reqID"] == request


def test_a_folder_for_streams_that_cannot_be_written_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "export.json").write_text(export(streams_of_2019(1)))
    (tmp_path / "file").write_text("")
    words = ["--cloudwatch", str(tmp_path / "export.json"), "--streams", str(tmp_path / "file")]
    assert main(["experiment", "analyze", *words]) == 2
    said = capsys.readouterr().err.splitlines()
    assert [line for line in said if "Traceback" in line] == []
    assert "file" in said[-1]
