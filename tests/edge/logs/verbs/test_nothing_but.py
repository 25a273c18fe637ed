"""Every command that reads, on every source that holds nothing but one kind of thing: exit code, and what is said."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest

from adaptive_batching.cli import main
from adaptive_batching.logs.cli import COMMANDS
from tests.fakes.shipped import BEGIN, Shipped, report, started, text
from tests.fakes.webhook import webhook

if TYPE_CHECKING:
    from pathlib import Path

#: What each command is run with. A command that is not here is one that reads no source.
WORDS: dict[str, list[str]] = {
    "cost": [],
    "fetch": ["--into", "fetched"],
    "invocations": [],
    "query": ["fields @message"],
    "report": [],
    "search": [],
    "sql": ["from logs"],
    "tail": [],
    "trace": ["r"],
}
_WITHOUT_SOURCE = {"athena", "match"}
#: `compact` tells what it did instead of what is complete.
_TELLS_OTHERWISE = {"compact": ["--delete-sources"]}
_HEADLESS = "incomplete: 0 lines of 0 environments, "
_COMPACTED = f"compacted/function=orders/date={BEGIN:%Y-%m-%d}/{'0' * 32}.parquet"
#: name: the body of the only object, and how the completeness ends.
DAMAGE: dict[str, tuple[bytes, str]] = {
    "an empty object": (b"", "1 object cannot be read whole"),
    "a gz cut to 5 bytes": (gzip.compress(b"x" * 100)[:5], "1 object cannot be read whole"),
    "a damaged gz": (gzip.compress(b"x" * 100)[:14] + b"\xff" * 20, "1 object cannot be read whole"),
    "a gz of nothing": (gzip.compress(b""), "1 object cannot be read whole"),
    "lines that are none": (b"42\nno line\n", "2 unreadable"),
    "a compacted object that is none": (b"no Parquet", "1 object cannot be read whole"),
}
#: Nothing, and nothing wrong with it.
NOTHING: dict[str, bytes] = {"blank lines": b"\n \n\n"}
_COMPLETE = "complete: 0 lines of 0 environments, none missing"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(capsys: pytest.CaptureFixture[str], verb: str, *words: object) -> tuple[int, str, list[str]]:
    code = main(["logs", verb, *map(str, words)])
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return code, captured.out, captured.err.splitlines()


def source(folder: Path, kind: str, body: bytes) -> Path:
    if "compacted" in kind:
        file = folder / _COMPACTED
        file.parent.mkdir(parents=True)
        file.write_bytes(body)
    else:
        Shipped(folder, compressed=False).put(body, BEGIN)
    return folder


def test_every_command_is_in_this_grid() -> None:
    assert {*WORDS, *_TELLS_OTHERWISE} | _WITHOUT_SOURCE == set(COMMANDS)


@pytest.mark.parametrize("kind", DAMAGE)
@pytest.mark.parametrize("verb", WORDS)
def test_nothing_but_damage_is_incomplete(
    verb: str, kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    body, wrong = DAMAGE[kind]
    code, _, said = run(capsys, verb, *WORDS[verb], source(tmp_path / "logs", kind, body))
    assert code == 3
    assert f"{_HEADLESS}{wrong}" in said


@pytest.mark.parametrize("kind", [*NOTHING, "nothing in the window"])
@pytest.mark.parametrize("verb", WORDS)
def test_nothing_is_complete_and_said(verb: str, kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    window = ["--since", "2020-01-01", "--until", "2020-01-02"] if kind not in NOTHING else []
    if window:
        Shipped(tmp_path / "logs")(started("r"), text("a", request="r"), report("r"))
    else:
        source(tmp_path / "logs", kind, NOTHING[kind])
    code, out, said = run(capsys, verb, *WORDS[verb], *window, tmp_path / "logs")
    there = verb == "fetch" and not window  # an object without a line is one, too
    assert (code, bool(out)) == ((0, True) if there else (1, False))
    assert said[-1] == _COMPLETE
    assert len(said) == (1 if there else 2)


@pytest.mark.parametrize("files", [[], ["notes.txt", "data/a.gz"]])
@pytest.mark.parametrize("verb", [*WORDS, *_TELLS_OTHERWISE])
def test_no_object_of_the_extension_is_exit_code_2(
    verb: str, files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "logs" / "data").mkdir(parents=True)
    for name in files:
        (tmp_path / "logs" / name).write_text("x")
    words = (WORDS | _TELLS_OTHERWISE)[verb]
    code, out, said = run(capsys, verb, *words, tmp_path / "logs")
    assert (code, out, len(said)) == (2, "", 1)
    assert "has no objects of the extension's" in said[0]
    assert ("none has a name of theirs" in said[0]) == bool(files)


@pytest.mark.parametrize("kind", [*DAMAGE, *NOTHING])
def test_compaction_leaves_what_it_cannot_put_together(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = source(tmp_path / "logs", kind, DAMAGE[kind][0] if kind in DAMAGE else NOTHING[kind])
    before = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    code, out, said = run(capsys, "compact", "--delete-sources", folder)
    assert {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()} == before
    assert out.startswith("nothing is to be compacted; 0 sources deleted")
    # A compacted object is read only if its day has something that is not in one yet.
    alone = "compacted" in kind
    assert (code, said) == (3 if kind in DAMAGE and not alone else 0, [])
    assert ("1 left as they are" in out) == (not alone)


@pytest.mark.parametrize("kind", [*DAMAGE, *NOTHING])
def test_a_report_of_damage_alone_is_written_and_posted_and_one_of_nothing_is_not(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = source(tmp_path / "logs", kind, DAMAGE[kind][0] if kind in DAMAGE else NOTHING[kind])
    page = tmp_path / "report.html"
    with webhook() as hook:
        code, out, _ = run(capsys, "report", "--format", "json", "--html", page, "--post", hook.url, folder)
    if kind in NOTHING:
        assert (code, out, page.exists(), hook.texts) == (1, "", False, [])
        return
    sentence = f"{_HEADLESS}{DAMAGE[kind][1]}"
    assert code == 3
    assert strict(out)["complete"]["sentence"] == sentence
    assert DAMAGE[kind][1] in page.read_text()
    assert [one.splitlines()[-1] for one in hook.texts] == [sentence]


def test_a_report_of_lines_that_no_invocation_wrote(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Shipped(tmp_path / "logs")(text("between invocations"))
    with webhook() as hook:
        code, out, _ = run(capsys, "report", "--format", "json", "--post", hook.url, tmp_path / "logs")
    assert (code, len(hook.texts)) == (0, 1)
    assert strict(out)["total"]["failed_rate"] is None


def strict(text_: str) -> dict[str, Any]:
    """Read JSON as every other reader does: NaN is none of it."""

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    found: dict[str, Any] = json.loads(text_, parse_constant=refuse)
    return found
