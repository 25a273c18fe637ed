"""`logs report` as it is run: what it prints, writes, posts, serves and exits with; and the page, parsed."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from adaptive_batching.logs.report.page.page import UPLOT
from tests.edge.logs.report.conference import HOSTILE, TRACES, conference, queueing
from tests.fakes.network.serving import serving
from tests.fakes.shipped import BEGIN, Shipped, report, started, text

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[4]
LARGEST_PAGE = 400_000  # bytes
#: What `npm pack uplot@1.6.32` has.
HASHES = {
    "uPlot.iife.min.js": "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
    "uPlot.min.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
}


@pytest.fixture(scope="module")
def queue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("queue")
    queueing(folder)
    return folder


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shipped")
    conference(folder)
    return folder


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "adaptive_batching", "logs", "report", *words]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "COLUMNS": "200"}
    environ.pop("ADAPTIVE_BATCHING_LOGS", None)
    return subprocess.run(
        command(*words), capture_output=True, text=True, timeout=120, check=False, cwd=ROOT, env=environ
    )


# text, JSON, CSV


def test_the_text_says_what_failed_what_it_cost_and_whether_anything_is_missing(shipped: Path) -> None:
    done = run(str(shipped), "--timeout", "save=3", "--short", "0.9")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == f"{shipped}  2026-11-20 09:15:00 to 2026-11-20 09:20:05 UTC"
    assert lines[1].startswith("16 invocations  2 failed (12.5 %)  1 timeout  1 cold start  1 at once  p50 300 ms")
    first = lines.index("look at first")
    assert lines[first + 1].startswith("  save failed in 2 of 6 invocations (33.3 %): ")
    assert lines[first + 1].endswith("; 2 traces never reached SAVED")
    save = next(line.split() for line in lines[lines.index("functions") :] if line.startswith("  save "))
    assert save[:4] == ["save", "6", "2", "1"]
    for expected in (
        "near the timeout, 80 % of it and more: smaller chunks of work",
        "short, less than 90 % of the timeout: larger chunks of work",
        "lead time from RECEIVED to SENT: 4 traces, p50 4.18 s, p95 28.83 s, max 33.18 s",
        "traces that did not reach SENT",
        "waits from function to function",
        "patterns; at most: within 5 s",
        "Throttled requests leave no log: they are not in these figures (CloudWatch's metric Throttles counts them).",
    ):
        assert any(line.startswith(expected) for line in lines), expected
    assert "\x1b" not in done.stdout
    assert "\u202e" not in done.stdout
    assert done.stderr.splitlines()[-1] == "complete: 71 lines of 3 environments, none missing"


FOUND = (
    "save failed in 3 of 12 invocations (25.0 %): ValueError: poison; 3 traces never reached SAVED",
    "Save in save takes 3.00 s (median of 9): PutItem 8.0 ms, 2.99 s of it in no other span",
    "requests from save queue in front of mail: they wait 1.05 s at the start and 5.55 s at the end",
)


def test_what_fails_what_is_slow_and_where_requests_queue_is_said_first(queue: Path, tmp_path: Path) -> None:
    done = run(str(queue), "--html", str(tmp_path / "page.html"))
    lines = done.stdout.splitlines()
    assert [line.strip() for line in lines[lines.index("look at first") + 1 :][:4]] == [*FOUND, ""]
    first = re.findall(r"<li><a href=\"#(\w+)\">(.*?)</a></li>", (tmp_path / "page.html").read_text())
    assert first[:3] == list(zip(("errors", "traces", "lead"), FOUND, strict=True))


def test_the_json_has_the_members_that_its_page_describes(shipped: Path, queue: Path) -> None:
    done = run(str(shipped), "--format", "json", "--timeout", "save=3")
    found = json.loads(done.stdout)
    page = (ROOT / "docs/logs/report.md").read_text()
    table = page.partition("<!-- members -->")[2].partition("<!-- end -->")[0]
    cells = [row.split("|")[1] for row in table.splitlines() if row.startswith("|")]
    described = {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}
    queued = json.loads(run(str(queue), "--format", "json").stdout)
    assert {one["kind"] for one in queued["findings"]} == {"failing", "slow", "queue"}
    assert described == {shared(name) for name in members(found) | members(queued["findings"], "findings")}
    assert found["total"]["invocations"] == 16
    assert [one["function"] for one in found["functions"]] == ["mail", "save", "submit"]


def shared(name: str) -> str:
    """What has the members of something else is described once; what `complete` counts is described with reading."""
    name = name.replace("traces.failures[]", "traces.slowest[]")
    name = re.sub(r"^total\..*", "total", name)
    return re.sub(r"^complete\.(?!whole|sentence).*", "complete", name)


def members(value: Any, path: str = "") -> set[str]:  # noqa: ANN401 - any JSON
    """The dotted paths of a document; `[]` for the entries of a list."""
    if isinstance(value, dict):
        inner = [members(one, f"{path}.{name}" if path else name) for name, one in value.items()]
        return ({path} if path else set()) | set().union(*inner)
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return {path} | set().union(*(members(one, f"{path}[]") for one in value)) - {f"{path}[]"}
    return {path}


def test_the_csv_has_a_row_for_each_function(shipped: Path) -> None:
    done = run(str(shipped), "--format", "csv", "--function", "s*")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [(one["function"], one["invocations"], one["failed"], one["timeout_ms"]) for one in rows] == [
        ("save", "6", "2", ""),
        ("submit", "6", "0", ""),
    ]


# exit codes


@pytest.mark.parametrize(
    ("condition", "code", "said"),
    [
        (
            "timeouts > 0 or p95_ms > 10000",
            1,
            "fail-if: save: timeouts > 0 or p95_ms > 10000 (timeouts 1, p95_ms 2,875)",
        ),
        ("timeouts > 1", 0, "complete: "),
        ("near_timeout > 0", 0, "complete: "),
    ],
)
def test_a_condition_decides_the_exit_code(shipped: Path, condition: str, code: int, said: str) -> None:
    done = run(str(shipped), "--fail-if", condition)
    assert done.returncode == code
    assert any(line.startswith(said) for line in done.stderr.splitlines()), done.stderr


def test_nothing_in_the_window_is_exit_code_1(shipped: Path) -> None:
    done = run(str(shipped), "--since", "2026-11-21")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"no lines in {shipped} in this window" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--fail-if", "p95 > 1"], "'p95 > 1' is not a condition"),
        (["--timeout", "orders"], "--timeout 'orders' has no seconds; write it as orders=30"),
        (["--timeout", "a b=3"], "--timeout 'a b' is not NAME=SECONDS"),
        (["--near", "80"], "--near 80.0 is out of bounds; it must be above 0 and at most 1"),
        (["--patterns", "absent.toml"], "--patterns 'absent.toml' cannot be read: No such file or directory"),
        (["--html", "/proc/absent/x"], "--html '/proc/absent/x' cannot be written: No such file or directory"),
        (["--post", "http://127.0.0.1:1/secret"], "--post: 127.0.0.1:1 did not take the report: ConnectionError"),
        (["--serve", "--html", "x"], "--serve shows the report; --fail-if, --post and --html go with a report"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(shipped: Path, words: list[str], said: str) -> None:
    done = run(str(shipped), *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_own_patterns_are_counted_and_a_wrong_one_is_refused(shipped: Path, tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text('[[pattern]]\nname = "slow"\nregex = "a.line"\nfunctions = ["s*"]\n')
    found = json.loads(run(str(shipped), "--patterns", str(file), "--format", "json").stdout)
    (slow,) = [one for one in found["patterns"] if one["name"] == "slow"]
    assert (slow["lines"], slow["functions"]) == (11, ["save", "submit"])
    file.write_text('[[pattern]]\nname = "slow"\nregex = "("\n')
    done = run(str(shipped), "--patterns", str(file))
    assert done.returncode == 2
    assert "the regex '(' of 'slow' is not one of RE2: missing )" in done.stderr


# the page


class Parsed(HTMLParser):
    """What a browser would make of the page, as far as these tests ask."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inside: list[tuple[str, str]] = []
        self.text = ""
        self._open = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self._open = tag

    def handle_endtag(self, tag: str) -> None:
        if tag == self._open:
            self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open:
            self.inside.append((self._open, data))
        else:
            self.text += data

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def page(shipped: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("page") / "report.html"
    done = run(str(shipped), "--timeout", "save=3", "--html", str(file))
    assert done.returncode == 0, done.stderr
    return file.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def parsed(page: str) -> Parsed:
    return Parsed(page)


def test_a_hostile_line_stays_text(page: str, parsed: Parsed) -> None:
    assert '</script><img src=x onerror="alert(1)">\\x1b[31m\\u202e&amp;' in parsed.text
    assert parsed.of("img") == []
    assert not [
        name for _, attributes in parsed.tags for name in attributes if name.startswith("on") or name == "style"
    ]
    assert HOSTILE not in page
    assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e]", page)


def test_the_page_loads_nothing_and_its_policy_names_its_own_scripts_and_style_alone(parsed: Parsed) -> None:
    linked = [value for _, attributes in parsed.tags for name, value in attributes.items() if name in ("src", "href")]
    assert all(value and value.startswith("#") for value in linked)
    assert [attributes.get("type") for attributes in parsed.of("script")] == ["application/json", None, None]
    (policy,) = [one["content"] for one in parsed.of("meta") if one.get("http-equiv") == "Content-Security-Policy"]
    texts = [(tag, text) for tag, text in parsed.inside if not text.startswith("{")]
    hashed = {
        tag: [
            f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
            for kind, text in texts
            if kind == tag
        ]
        for tag in ("script", "style")
    }
    assert policy == (
        f"default-src 'none'; script-src {' '.join(hashed['script'])}; style-src {' '.join(hashed['style'])};"
        " base-uri 'none'; form-action 'none'"
    )


def test_the_data_of_the_charts_is_json_and_agrees_with_the_tables(parsed: Parsed) -> None:
    (data,) = [json.loads(text) for _, text in parsed.inside if text.startswith("{")]
    assert sum(data["invocations"]) == 16
    assert len(data["lead"][0]) == 4
    assert sum(sum(one["cells"][2::3]) for one in data["maps"]) == 16
    assert [one["name"] for one in data["patterns"]] == ["Too many connections", "ERROR"]


def test_each_section_is_there_and_linked(parsed: Parsed) -> None:
    sections = [one["id"] for one in parsed.of("section")]
    assert sections == ["first", "time", "durations", "functions", "errors", "patterns", "limits", "lead", "traces"]
    assert_links_lead_somewhere(parsed)
    for heading in parsed.of("th"):
        assert heading.get("scope") in ("col", "row") or "class" not in heading


def test_a_section_that_is_not_there_is_not_linked(shipped: Path, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    run(str(shipped), "--function", "s*", "--html", str(file))
    page = Parsed(file.read_text(encoding="utf-8"))
    assert "limits" not in [one["id"] for one in page.of("section")]
    assert "save: 1 timeout" in page.text
    assert_links_lead_somewhere(page)


def assert_links_lead_somewhere(page: Parsed) -> None:
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert {str(one["href"])[1:] for one in page.of("a")} <= set(ids)
    assert len(ids) == len(set(ids))


def test_a_trace_shows_its_init_its_breaks_its_spans_and_what_it_never_reached(parsed: Parsed) -> None:
    bars = [one["class"] for one in parsed.of("rect")]
    assert {"ran", "failed", "init", "span", "band"} <= set(bars)
    assert "never reached: SENT (66.7 % of the traces that begin like this do)" in parsed.text
    assert len([one for one in parsed.of("details") if one.get("class") == "trace"]) == TRACES


def test_the_page_stays_small_whatever_is_logged(tmp_path: Path) -> None:
    worst = "<\"&'>" * 100
    for number in range(120):
        lines = [started(f"{worst}{number}")]
        for place in range(6):
            record = {"traceId": f"{worst}{number % 20}", "message": worst, "milestone": f"{place}{worst}"}
            record |= {"errorType": f"{worst}{number}", "stackTrace": "at"}
            lines.append(text(record, request=f"{worst}{number}"))
        Shipped(tmp_path, f"f{number:03}-{'x' * 55}")(*lines, report(f"{worst}{number}", ms=3000.0, init_ms=1.0))
    conference(tmp_path)
    file = tmp_path / "report.html"
    done = run(str(tmp_path), "--html", str(file))
    assert done.returncode == 0, done.stderr
    assert file.stat().st_size <= LARGEST_PAGE


def test_what_is_vendored_is_as_published_and_its_licence_is_beside_it() -> None:
    static = files("adaptive_batching.logs.report.page").joinpath("static")
    for name, expected in HASHES.items():
        assert hashlib.sha256(static.joinpath(name).read_bytes()).hexdigest() == expected, name
    licence = static.joinpath("uPlot.LICENSE").read_text()
    assert licence.startswith("The MIT License (MIT)")
    assert "Leon Sorokin" in licence
    assert f"v{UPLOT}" in static.joinpath("uPlot.iife.min.js").read_text()[:200]
    for name in ("uPlot.iife.min.js", "page.js", "uPlot.min.css", "page.css"):
        assert not re.search(r"</(script|style)|<!--", static.joinpath(name).read_text(), re.IGNORECASE), name


# a webhook, a server


class Hook(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, json.loads(body)))  # type: ignore[attr-defined]
        self.send_response(self.server.status)  # type: ignore[attr-defined]
        self.send_header("Location", "http://127.0.0.1:1/")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hook() -> Iterator[Any]:
    server: Any = HTTPServer(("127.0.0.1", 0), Hook)
    server.got, server.status = [], 200
    with serving(server):
        yield server


def test_a_webhook_gets_a_text_and_the_figures(shipped: Path, hook: Any) -> None:  # noqa: ANN401 - see the fixture
    done = run(str(shipped), "--post", f"http://127.0.0.1:{hook.server_port}/hook?key=1")
    assert done.returncode == 0, done.stderr
    ((path, body),) = hook.got
    assert path == "/hook?key=1"
    assert body["text"].splitlines()[-1] == "complete: 71 lines of 3 environments, none missing"
    assert body["report"]["total"]["invocations"] == 16
    assert {"traces", "over_time", "durations", "patterns"} & set(body["report"]) == set()


def test_with_a_condition_a_webhook_hears_only_of_one_that_holds(shipped: Path, hook: Any) -> None:  # noqa: ANN401
    url = f"http://127.0.0.1:{hook.server_port}/"
    assert run(str(shipped), "--post", url, "--fail-if", "timeouts > 5").returncode == 0
    assert hook.got == []
    assert run(str(shipped), "--post", url, "--fail-if", "timeouts > 0").returncode == 1
    ((_, body),) = hook.got
    assert [(one["function"], one["condition"]) for one in body["conditions"]] == [("save", "timeouts > 0")]
    assert "save: timeouts > 0 (timeouts 1)" in body["text"].splitlines()


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_webhook_that_refuses_is_exit_code_2_and_its_path_stays_secret(shipped: Path, hook: Any, status: int) -> None:  # noqa: ANN401
    hook.status = status
    done = run(str(shipped), "--post", f"http://127.0.0.1:{hook.server_port}/secret")
    assert done.returncode == 2
    assert f"it answered {status}" in done.stderr
    assert "secret" not in done.stderr
    assert len(hook.got) == 1


def fetched(url: str, **headers: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60) as answer:  # noqa: S310
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_the_server_makes_the_page_anew_for_each_reload_and_answers_no_other_site(tmp_path: Path) -> None:
    conference(tmp_path)
    process = subprocess.Popen(
        command(str(tmp_path), "--serve"), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", url)
        status, before = fetched(url)
        assert status == 200
        Shipped(tmp_path, "added")(text("a line"))
        assert "complete</b> 72 lines of 4 environments" in fetched(url)[1]
        assert "complete</b> 71 lines of 3 environments" in before
        assert fetched(f"{url}other")[0] == 404
        assert fetched(url, Host="evil.example")[0] == 403
        assert fetched(url, Origin="http://evil.example")[0] == 403
        process.send_signal(signal.SIGINT)
        deadline = time.monotonic() + 30
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        assert process.returncode == 130
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_while_the_page_is_made_ends_the_server_at_once(number: int, code: int, tmp_path: Path) -> None:
    line = '{"time":"%s.000Z","type":"function","record":"x","requestId":"r","environment":"a","sequence":%d}\n'
    body = "".join(line % (f"{BEGIN:%FT%T}", one) for one in range(1, 400_001)).encode()
    Shipped(tmp_path / "logs", environment="a256ecd3d5c7").put(body, BEGIN)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    with subprocess.Popen(
        command(str(tmp_path / "logs"), "--serve", "--no-cache"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(temporary)},
    ) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline().strip().strip("/").rpartition(":")[2])
            with socket.create_connection(("127.0.0.1", port), 30) as client:
                client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
                deadline = time.monotonic() + 30
                while not list(temporary.rglob("*.part")) and time.monotonic() < deadline:
                    time.sleep(0.005)
                process.send_signal(number)
                _, said = process.communicate(timeout=30)
                assert client.recv(100) == b""  # there is no page, and no half of one
        finally:
            process.kill()
    assert (process.returncode, "Traceback" in said, list(temporary.iterdir())) == (code, False, [])
