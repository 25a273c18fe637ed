"""The commands on a folder of shipped objects, as a shell runs them: output, exit codes, what is said on stderr."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from adaptive_batching.cli import main
from tests.documents.conference import REFUSED, ident, write
from tests.fakes.lambda_api import wait_until
from tests.fakes.s3 import clean_environ
from tests.fakes.shipped import BEGIN, Shipped, report, started, text

if TYPE_CHECKING:
    from pathlib import Path

SECONDS = 60
TRACE = ident(f"trace {REFUSED}")


@pytest.fixture(scope="module")
def conference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("conference")
    write(folder)
    return folder


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = main(["logs", *map(str, words)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def parsed(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


WORDS: dict[str, list[str]] = {
    "fetch": ["--into", "fetched"],
    "invocations": [],
    "query": ["fields @message"],
    "search": [],
    "sql": ["from logs"],
    "tail": [],
    "trace": [TRACE],
}


@pytest.mark.parametrize("verb", WORDS)
def test_each_command_ends_with_what_is_complete(
    verb: str, conference: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = run(capsys, verb, *WORDS[verb], conference)
    assert code == 0
    assert out
    assert err.splitlines()[-1].startswith("complete: 181 lines of 3 environments, none missing")


@pytest.mark.parametrize("verb", WORDS)
def test_a_damaged_object_is_exit_code_3(
    verb: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ship = Shipped(tmp_path / "logs", "f")
    ship(started("r"), text({"traceId": TRACE}, request="r"), report("r"))
    file = tmp_path / "logs" / ship(text("more", request="r"))
    file.write_bytes(file.read_bytes()[:-4])
    code, _, err = run(capsys, verb, *WORDS[verb], tmp_path / "logs")
    assert code == 3
    assert "incomplete: " in err


NOTHING: dict[str, list[str]] = {
    "cost": ["--until", "2020-01-01"],
    "fetch": ["--into", "fetched", "--function", "absent"],
    "invocations": ["--failed"],
    "query": ["filter a = 1"],
    "report": ["--until", "2020-01-01"],
    "search": ["--grep", "^nothing$"],
    "sql": ["from logs where false"],
    "tail": ["--level", "fatal"],
    "trace": ["no-such-id"],
}


@pytest.mark.parametrize("verb", NOTHING)
def test_nothing_found_is_exit_code_1_and_a_sentence(
    verb: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The last line is what is complete, as where something was found."""
    Shipped(tmp_path, "f")(text("hello", request="r"))
    code, out, err = run(capsys, verb, *NOTHING[verb], tmp_path)
    assert (code, out) == (1, "")
    first, last = err.splitlines()
    assert first.startswith(("no ", "the query found nothing", "the statement found nothing"))
    assert last.startswith(("complete: ", "incomplete: "))


MISTAKES = {
    "query": (
        ["parse @message '*'"],
        "logs query: the command 'parse' of Logs Insights is not known here; commands are",
    ),
    "sql": (["selct 1"], 'logs sql: Parser Error: syntax error at or near "selct"'),
    "sql, nothing": ([" ; "], "logs sql: one statement is run at a time, and there are 0"),
    "sql, two": (["select 1; select 2"], "logs sql: one statement is run at a time, and there are 2"),
    "sql, a download": (["install httpfs"], "logs sql: only SELECT, DESCRIBE, SUMMARIZE, EXPLAIN and COPY … TO"),
    "sql, a load": (["load httpfs"], "logs sql: only SELECT, DESCRIBE, SUMMARIZE, EXPLAIN and COPY … TO"),
    "sql, a view": (["drop view logs"], "logs sql: only SELECT, DESCRIBE, SUMMARIZE, EXPLAIN and COPY … TO"),
    "sql, lines": (["delete from objects"], "logs sql: only SELECT, DESCRIBE, SUMMARIZE, EXPLAIN and COPY … TO"),
    "search -q": (["-q", "level >= loud"], "logs search: 'loud' is not a level"),
    "search --grep": (
        ["--grep", "("],
        "logs search: a regular expression cannot be read (its language is RE2): missing )",
    ),
    "search --field": (["--field", "price"], "logs search: 'price' is not name=value"),
    "search --level": (["--level", "loud"], "logs search: 'loud' is not a level"),
    "tail -q": (["-q", "price >"], "logs tail: a value is expected where the end stands"),
    "tail --interval": (["--interval", "0"], "logs tail: --interval 0.0 is out of bounds"),
    "fetch": ([], "logs fetch: missing option"),
    "trace": ([""], "logs trace: id is empty"),
    "cost --assume": (["--assume", "gb=1"], "logs cost: --assume reads nothing, so it goes without SOURCE; leave out"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_one_sentence_and_exit_code_2(
    case: str, conference: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words, said = MISTAKES[case]
    code, out, err = run(capsys, case.replace(",", " ").split(maxsplit=1)[0], *words, conference)
    assert (code, out) == (2, "")
    assert err.splitlines()[-1].startswith(said)
    assert "Traceback" not in err


def test_raw_gives_the_bytes_that_were_shipped(capfdbinary: pytest.CaptureFixture[bytes], tmp_path: Path) -> None:
    ship = Shipped(tmp_path, "f")
    odd = b'{"time":"2026-11-20T09:15:01.000Z" , "type":"function","record":"\\ud800 \xc3\xa4","sequence":1}\n'
    ship.put(odd + b"not json \xff\n\n", BEGIN)
    ship(text("two\n", request="r"), text({"b": 1, "a": [1.50]}, request="r"))
    assert main(["logs", "search", "--format", "raw", str(tmp_path)]) == 3  # one line is not JSON
    shipped = capfdbinary.readouterr().out.splitlines()
    assert odd.rstrip(b"\n") in shipped
    assert shipped[-1] == b"not json \xff"
    assert len(shipped) == 4


def test_search_by_request_trace_level_field_and_expression(
    conference: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def found(*words: object) -> list[dict[str, Any]]:
        return parsed(run(capsys, "search", *words, "--format", "json", conference)[1])

    assert {line["trace_id"] for line in found("--trace", TRACE)} == {TRACE}
    assert len(found("--request-id", ident(f"save {REFUSED}"))) == 10
    assert {line["level"] for line in found("--level", "warn")} == {"WARN", "ERROR"}
    assert len(found("--field", "price=7")) == len(found("--field", "price=7.0")) == 1
    assert len(found("-q", "level >= info and price > 3 and price <= 8")) == 5
    assert len(found("--grep", "(?i)SLOW", "--grep", "mail")) == 1
    newest = found("-n", 2)
    assert [line["ts"] for line in newest] == sorted(line["ts"] for line in found())[-2:]


def test_search_around_a_moment(conference: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def found(*words: object) -> list[dict[str, Any]]:
        return parsed(run(capsys, "search", *words, "--format", "json", conference)[1])

    moment = "2026-11-20T17:43:01.944Z"
    times = [line["ts"] for line in found()]
    before, after = [one for one in times if one < moment], [one for one in times if one >= moment]
    assert [line["ts"] for line in found("--around", moment, "-n", 6)] == before[-3:] + after[:3]
    assert len(found("--around", moment)) == 20
    assert [line["level"] for line in found("--around", moment, "--level", "warn")] == ["ERROR", "ERROR", "WARN"]
    assert found("--around", "2026-11-20T18:43Z") == []
    code, _, err = run(capsys, "search", "--around", "soon", conference)
    assert (code, err.startswith("logs search: 'soon' is not a ")) == (2, True)


def test_search_as_csv(conference: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "search", "--level", "error", "--format", "csv", conference)
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["message"] for row in rows] == ["this subject cannot be saved"] * 2
    assert rows[0]["ts"] == "2026-11-20T17:43:01.944Z"


def test_invocations(conference: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def found(*words: object) -> list[dict[str, Any]]:
        return parsed(run(capsys, "invocations", *words, "--format", "json", conference)[1])

    everything = found()
    assert len(everything) == 36
    assert [one["attempt"] for one in found("--failed")] == [1, 2]
    assert {one["error"] for one in found("--failed")} == {"ValueError: this subject cannot be saved"}
    assert [one["function"] for one in found("--cold")] == ["conference-submit", "conference-save", "conference-mail"]
    slowest = [one["duration_ms"] for one in found("--slowest", 3)]
    assert slowest == sorted((one["duration_ms"] for one in everything), reverse=True)[:3]
    assert found("--price-gb-second", 1)[0]["cost"] == pytest.approx(1.521 * 256 / 1024 + 0.0000002)
    head, first = run(capsys, "invocations", "--failed", conference)[1].splitlines()[:2]
    assert head.split() == ["time", "function", "duration", "init", "memory", "status", "cost", "error", "request"]
    assert "72 ms" in first
    assert "81 of 256 MB  error " in first


def test_a_trace_as_text_json_and_otlp(conference: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, drawn, _ = run(capsys, "trace", TRACE, conference)
    assert drawn.startswith(f"trace {TRACE}  2026-11-20 17:43:01.211  58.82 s  2 functions, 3 invocations  $0.000001")
    assert "never reached      SAVED (92 % of these traces do)" in drawn
    _, out, _ = run(capsys, "trace", TRACE, "--format", "json", conference)
    (found,) = parsed(out)
    assert [row.get("function", "waiting") for row in found["rows"]] == [
        *("conference-submit", "waiting", "conference-save", "waiting", "conference-save")
    ]
    _, out, _ = run(capsys, "trace", TRACE, "--format", "otlp", conference)
    assert len(parsed(out)[0]["resourceSpans"]) == 3


def test_a_query_as_table_json_and_csv(conference: Path, capsys: pytest.CaptureFixture[str]) -> None:
    query = "filter @type = 'REPORT' | stats count(*) as n, max(@duration) as slowest by @log | sort n desc, @log"
    _, out, _ = run(capsys, "query", query, conference)
    assert [row.split() for row in out.splitlines()] == [
        ["@log", "n", "slowest"],
        ["conference-save", "13", "310.75"],
        ["conference-submit", "12", "51.25"],
        ["conference-mail", "11", "905"],
    ]
    _, out, _ = run(capsys, "query", query, "--format", "json", conference)
    assert parsed(out)[0] == {"@log": "conference-save", "n": 13, "slowest": 310.75}
    _, out, _ = run(capsys, "query", query, "--format", "csv", conference)
    assert out.splitlines()[:2] == ["@log,n,slowest", "conference-save,13,310.75"]


def test_a_query_without_a_limit_shows_ten_thousand_rows_and_says_so(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    Shipped(tmp_path, "f")(*(text("x") for _ in range(10_001)))
    code, out, err = run(capsys, "query", "fields @message", "--format", "csv", tmp_path)
    assert (code, len(out.splitlines())) == (0, 10_001)  # with the head
    assert "only 10,000 rows are shown; `| limit N` shows more" in err
    code, out, err = run(capsys, "query", "fields @message | limit 20000", "--format", "csv", tmp_path)
    assert (code, len(out.splitlines()), "only" in err) == (0, 10_002, False)


def test_sql_reads_both_views(conference: Path, capsys: pytest.CaptureFixture[str]) -> None:
    statement = "select o.function, count(*) as lines, count(distinct o.key) as objects from logs l join objects o"
    _, out, _ = run(capsys, "sql", f"{statement} on o.key = l.object group by all order by all", conference)
    assert [row.split() for row in out.splitlines()] == [
        ["function", "lines", "objects"],
        ["conference-mail", "45", "3"],
        ["conference-save", "76", "4"],
        ["conference-submit", "60", "3"],
    ]


def test_fetch_copies_the_objects_as_they_are_and_each_once(
    conference: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, out, _ = run(capsys, "fetch", "--into", tmp_path / "copy", conference)
    assert (code, out.split(",")[0]) == (0, "10 objects")

    def files(folder: Path) -> dict[str, bytes]:
        return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}

    assert files(tmp_path / "copy") == files(conference)
    _, out, _ = run(capsys, "fetch", "--into", tmp_path / "copy", conference)
    assert out == "0 objects, 0 bytes; 10 were there already\n"
    next(file for file in (tmp_path / "copy").rglob("*") if file.is_file()).unlink()
    _, out, err = run(capsys, "fetch", "--into", tmp_path / "copy", conference)
    assert out.startswith("1 object, ")
    assert out.endswith(" bytes; 9 were there already\n")
    assert err.splitlines()[-1].startswith("complete: ")
    (tmp_path / "file").write_text("")
    for into, why in ((tmp_path / "file", "is in the way"), ("/proc/x", "cannot be written: ")):
        code, out, err = run(capsys, "fetch", "--into", into, conference)
        assert (code, out) == (2, "")
        assert err.startswith("logs fetch: --into ")
        assert why in err


def command(*words: object) -> list[str]:
    return [sys.executable, "-m", "adaptive_batching", "logs", *map(str, words)]


def test_a_reader_that_leaves_ends_the_command_quietly(tmp_path: Path) -> None:
    Shipped(tmp_path, "f")(*(text("x" * 200) for _ in range(5000)))
    for words in (["search"], ["search", "--format", "raw"], ["query", "fields @message", "--format", "csv"]):
        process = subprocess.Popen(
            command(*words, tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_environ()
        )
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline()
        process.stdout.close()
        assert process.wait(SECONDS) == 141
        assert b"Traceback" not in process.stderr.read()
        process.stderr.close()


def on_a_terminal(*words: object, **environ: str) -> str:
    """What the command writes to a terminal."""
    parent, child = pty.openpty()
    process = subprocess.Popen(
        command(*words), stdout=child, stderr=subprocess.DEVNULL, env={**clean_environ(), "TERM": "xterm", **environ}
    )
    os.close(child)
    written = b""
    try:
        while piece := os.read(parent, 65536):
            written += piece
    except OSError:  # Linux says so when the other end is closed
        pass
    os.close(parent)
    assert process.wait(SECONDS) == 0
    return written.decode()


HOSTILE = "\x1b]0;title\x07\x1b[2Jgone [bold]x[/bold] \u202e"


@pytest.mark.parametrize(
    "words",
    [
        ["search"],
        ["search", "--format", "csv"],
        ["search", "--format", "raw"],
        ["tail"],
        ["query", "fields @message"],
        ["sql", "select record from logs"],
        ["trace", "r"],
    ],
)
def test_on_a_terminal_control_characters_are_text(words: list[str], tmp_path: Path) -> None:
    Shipped(tmp_path, "f")(started("r"), text(HOSTILE, request="r"))
    written = on_a_terminal(*words, tmp_path, NO_COLOR="1")
    assert "gone [bold]x[/bold]" in written
    assert all(one.isprintable() or one in "\r\n\t" for one in written)


def test_in_a_pipe_a_record_is_as_it_was_logged(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    Shipped(tmp_path, "f")(text(HOSTILE + "x" * 500, request="r"))
    _, out, _ = run(capsys, "search", tmp_path)
    assert out.endswith(f"{HOSTILE}{'x' * 500}\n")


def test_a_long_error_is_shortened_on_a_terminal_and_nowhere_else(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    error = {"errorType": "ValueError", "errorMessage": "x" * 100, "stackTrace": []}
    Shipped(tmp_path, "f")(started("r"), text(error, request="r"), report("r"))
    assert f"ValueError: {'x' * 47}…  r" in on_a_terminal("invocations", tmp_path)
    assert f"ValueError: {'x' * 100}  r" in run(capsys, "invocations", tmp_path)[1]


def test_times_are_utc_and_those_of_this_machine_with_local(tmp_path: Path) -> None:
    Shipped(tmp_path, "f")(text("hello", request="r", time=BEGIN))
    environ = {**clean_environ(), "TZ": "Asia/Tokyo"}

    def printed(*words: object) -> str:
        return subprocess.run(
            command(*words, tmp_path), capture_output=True, text=True, check=True, env=environ, timeout=SECONDS
        ).stdout

    assert printed("search").startswith("2026-11-20 09:15:00.000  f")
    assert printed("search", "--local").startswith("2026-11-20 18:15:00.000  f")
    assert printed("query", "fields @timestamp", "--local", "--format", "csv").endswith(
        "2026-11-20T18:15:00.000+09:00\n"
    )
    assert (
        printed("invocations", "--local", "--format", "csv")
        .splitlines()[1]
        .startswith("2026-11-20T18:15:00.000+09:00,")
    )


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_query_without_a_traceback_and_without_a_trace(
    number: signal.Signals, code: int, conference: Path, tmp_path: Path
) -> None:
    """The statement opens a file first, so that it is known to run, and then takes for ever."""
    started_ = conference / "started"
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    endless = "select sum(a.range * b.range) from range(1000000) a, range(100000000) b"
    process = subprocess.Popen(
        command("sql", f"copy ({endless}) to '{started_}' (format csv, use_tmp_file false)", conference),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=clean_environ(TMPDIR=str(temporary)),
    )
    wait_until(started_.exists, "the statement to run", SECONDS)
    process.send_signal(number)
    _, err = process.communicate(timeout=SECONDS)
    started_.unlink(missing_ok=True)  # DuckDB takes it away itself
    assert process.returncode == code
    assert b"Traceback" not in err
    assert list(temporary.iterdir()) == []
