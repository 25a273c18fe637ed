"""`sandbox mock`: WireMock's administration over HTTP, delays, and the command until Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
import requests

from adaptive_batching.cli import main
from adaptive_batching.sandbox.mock import stubs
from adaptive_batching.sandbox.mock.service import Mock
from adaptive_batching.sandbox.s3.embedded import clean_environment
from tests.edge.sandbox.world import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def mock() -> Iterator[Mock]:
    mappings = stubs.read(
        json.dumps(
            {
                "mappings": [
                    {"request": {"urlPathPattern": "/.*"}, "response": {"status": 503}, "priority": 9},
                    {
                        "request": {"method": "POST", "urlPath": "/hook"},
                        "response": {
                            "status": 201,
                            "jsonBody": {"ok": True},
                            "headers": {"X-A": "b", "Set-Cookie": ["a=1", "b=2"]},
                        },
                    },
                    {"request": {"url": "/empty"}, "response": {"status": 204, "body": "not sent"}},
                ]
            }
        )
    )
    with Mock(mappings) as found:
        yield found


def test_mappings_are_answered_and_requests_are_kept_newest_first(mock: Mock) -> None:
    before = datetime.now(UTC).timestamp() * 1000 - 1
    answer = requests.post(f"{mock.url}/hook?x=1", data="hé".encode(), headers={"X-B": "c"}, timeout=30)
    assert (answer.status_code, answer.json(), answer.headers["X-A"]) == (201, {"ok": True}, "b")
    assert answer.raw.headers.getlist("Set-Cookie") == ["a=1", "b=2"]
    assert requests.get(f"{mock.url}/hook", timeout=30).status_code == 503
    assert requests.get(f"{mock.url}/empty", timeout=30).content == b""
    assert requests.head(f"{mock.url}/hook", timeout=30).status_code == 503
    journal = requests.get(f"{mock.url}/__admin/requests", timeout=30).json()
    assert journal["meta"] == {"total": 4}
    assert [one["request"]["url"] for one in journal["requests"]] == ["/hook", "/empty", "/hook", "/hook?x=1"]
    last = journal["requests"][-1]
    assert (last["wasMatched"], last["responseDefinition"]["status"]) == (True, 201)
    assert (last["request"]["body"], last["request"]["bodyAsBase64"]) == ("hé", "aMOp")
    assert last["request"]["headers"]["X-B"] == "c"
    assert last["request"]["absoluteUrl"] == f"{mock.url}/hook?x=1"
    assert before <= last["request"]["loggedDate"] <= datetime.now(UTC).timestamp() * 1000
    assert mock.requests[0]["url"] == "/hook?x=1"


def test_mappings_come_and_go_by_http(mock: Mock) -> None:
    admin = f"{mock.url}/__admin"
    made = requests.post(
        f"{admin}/mappings", json={"request": {"url": "/hook"}, "response": {"body": "new"}}, timeout=30
    )
    assert made.status_code == 201
    assert requests.get(f"{mock.url}/hook", timeout=30).text == "new"
    listed = requests.get(f"{admin}/mappings", timeout=30).json()
    assert (listed["meta"]["total"], listed["mappings"][0]["id"]) == (4, made.json()["id"])
    refused = requests.post(f"{admin}/mappings", json={}, timeout=30)
    assert (refused.status_code, "this one has neither" in refused.json()["errors"][0]["title"]) == (422, True)
    requests.delete(f"{admin}/mappings/{made.json()['id']}", timeout=30)
    assert requests.get(f"{mock.url}/hook", timeout=30).status_code == 503
    requests.delete(f"{admin}/mappings", timeout=30)
    nothing = requests.get(f"{mock.url}/hook", timeout=30)
    assert (nothing.status_code, nothing.text) == (404, "No mapping matches the request\n")
    assert mock.unmatched == 1
    requests.post(f"{admin}/reset", timeout=30)
    assert requests.get(f"{mock.url}/hook", timeout=30).status_code == 503
    assert requests.get(f"{admin}/requests", timeout=30).json()["meta"]["total"] == 1
    requests.delete(f"{admin}/requests", timeout=30)
    assert requests.get(f"{admin}/requests", timeout=30).json()["requests"] == []
    bad = requests.post(f"{admin}/mappings", json={"request": {"cookies": {}}}, timeout=30)
    assert (bad.status_code, bad.json()["errors"][0]["title"]) == (422, "'request.cookies' is not known here")
    assert requests.get(f"{admin}/scenarios", timeout=30).status_code == 404


def test_an_answer_comes_after_its_delay_and_others_do_not_wait_for_it() -> None:
    given = {"request": {"url": "/slow"}, "response": {"fixedDelayMilliseconds": 600}}
    with Mock(stubs.read(json.dumps({"mappings": [given, {"request": {"url": "/fast"}}]}))) as mock:
        begin = time.monotonic()
        slow = subprocess.Popen(
            [sys.executable, "-c", f"import urllib.request as u; print(u.urlopen('{mock.url}/slow').status)"],
            stdout=subprocess.PIPE,
            text=True,
        )
        while not mock.requests:
            assert time.monotonic() < begin + 60
            time.sleep(0.01)
        came = time.monotonic()
        assert requests.get(f"{mock.url}/fast", timeout=30).status_code == 200
        assert slow.poll() is None or time.monotonic() - came >= 0.6
        assert slow.communicate(timeout=60)[0] == "200\n"
        assert time.monotonic() - came >= 0.55  # it was kept before the answer


def test_old_requests_are_dropped_and_all_are_counted() -> None:
    with Mock(kept=3) as small, requests.Session() as session:
        for number in range(5):
            session.get(f"{small.url}/{number}", timeout=30)
        journal = session.get(f"{small.url}/__admin/requests", timeout=30).json()
    assert ([one["request"]["url"] for one in journal["requests"]], journal["meta"]["total"]) == (["/4", "/3", "/2"], 5)


def test_a_web_page_of_another_server_is_refused(mock: Mock) -> None:
    headers = {"Origin": "http://evil.example"}
    assert requests.post(f"{mock.url}/__admin/mappings", json={}, headers=headers, timeout=30).status_code == 403
    assert requests.get(f"{mock.url}/hook", headers={"Host": "evil.example"}, timeout=30).status_code == 403


def test_the_command_serves_until_ctrl_c(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"request": {"url": "/a"}, "response": {"body": "first"}}')
    (tmp_path / "b.json").write_text('{"mappings": [{"request": {"url": "/a"}, "response": {"body": "second"}}]}')
    files = [str(tmp_path / name) for name in ("a.json", "b.json")]
    process = subprocess.Popen(
        [sys.executable, "-m", "adaptive_batching", "sandbox", "mock", *files, "--port", "0"],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=clean_environment(os.environ),
    )
    try:
        assert process.stderr
        said = process.stderr.readline()
        url = next(word.rstrip(",") for word in said.split() if word.startswith("http://"))
        assert said == f"the mock is at {url}, with 2 mappings; Ctrl-C ends it\n"
        assert requests.get(f"{url}/a", timeout=30).text == "second"
        assert requests.get(f"{url}/b", timeout=30).status_code == 404
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, out) == (0, "")
    assert err.splitlines() == [
        "GET /a  200",
        "GET /b  404  no mapping matches",
        "2 requests, 1 without a mapping",
    ]


def test_a_mistake_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.json").write_text('{"request": {"url": "/a", "headers": {}}}')
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for words, sentence in (
            ([str(tmp_path / "absent.json")], "absent.json cannot be read: No such file or directory"),
            ([str(tmp_path / "bad.json")], "bad.json: 'request.headers' is not known here"),
            (["--port", port], f"port {port} is in use; choose another with --port"),
        ):
            assert main(["sandbox", "mock", *words]) == 2
            said = capsys.readouterr()
            assert (said.out, said.err.count("\n")) == ("", 1)
            assert sentence in said.err
