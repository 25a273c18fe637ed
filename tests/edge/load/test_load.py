"""Scripts sent to real servers: what is measured of one that stalls, fails, closes or never answers."""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from adaptive_batching.cli import main
from adaptive_batching.console import Console
from adaptive_batching.load.destinations import Access
from adaptive_batching.load.generator import Clock
from adaptive_batching.load.run import Wanted, carry_out
from adaptive_batching.sandbox.s3.embedded import clean_environment
from tests.edge.load.conference import SENT, WORK, conference
from tests.edge.load.web import application
from tests.fakes.invoke_api import FAILED, GARBLED, lambda_api

if TYPE_CHECKING:
    from tests.edge.load.web import Seen

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
#: How much faster the schedule of the article's script runs here.
FAST = 40


def script(folder: Path, phases: str, more: str = "", flow: str = "- get: {url: /}") -> Path:
    file = folder / "load.yaml"
    file.write_text(f"config:\n  phases: [{phases}]\n{more}\nscenarios:\n  - flow:\n      {flow}\n")
    return file


def load(capsys: pytest.CaptureFixture[str], file: Path, target: str, *words: str) -> tuple[int, dict[str, Any], str]:
    """Run the command in this process. Return its exit code, its JSON, and what it said on stderr."""
    code = main(["load", str(file), "--target", target, "--seed", "7", "--format", "json", *words])
    said = capsys.readouterr()
    return code, json.loads(said.out) if said.out else {}, said.err


def test_the_articles_script_runs_unchanged_but_for_the_target(tmp_path: Path) -> None:
    """Its two minutes take three seconds here, by a faster clock. No request comes before its moment."""
    shutil.copy(HERE / "article.yaml", tmp_path)
    (tmp_path / "sessions.csv").write_text("Serverless,Ada,L,ACME,Ghent\nEvents,Bob,M,B Inc,Paris\n")
    fast = Clock(lambda: time.monotonic() * FAST, lambda seconds: time.sleep(seconds / FAST))
    with application(lambda _: (202, b'{"traceId": "t"}')) as web, (tmp_path / "out").open("w+") as out:
        wanted = Wanted(tmp_path / "article.yaml", web.url, 200, 7, None, None, 0, "json", Access())
        with (tmp_path / "err").open("w+") as err:
            begin = time.monotonic()
            assert carry_out(wanted, Console(out), Console(err), fast) == 0
        out.seek(0)
        found = json.load(out)
    assert "line 30: {{ question }} is no field and no variable" in (tmp_path / "err").read_text()
    assert (found["all"]["arrivals"], found["phases"][0]["name"]) == (660, "Ramp up to warm up the application")
    assert found["all"]["codes"] == {"202": len(web.seen)}
    assert len(web.seen) + found["all"]["notSent"] == 660
    for second in range(10, 121, 10):
        integral = second + 9 * second * second / 240
        assert sum((one.at - begin) * FAST < second for one in web.seen) <= math.ceil(integral)
    bodies = [json.loads(one.body) for one in web.seen]
    assert {one["subject"] for one in bodies} == {"Serverless", "Events"}
    assert bodies[0] | {"subject": "", "speaker": {}} == {
        "subject": "",
        "duration": 20,
        "timestamp": "1570202335000",
        "speaker": {},
    }
    assert {json.dumps(one["speaker"], sort_keys=True) for one in bodies if one["subject"] == "Events"} == {
        '{"company": {"companyCity": "Paris", "companyName": "B Inc"}, "firstName": "Bob", "lastName": "M"}'
    }
    assert {one.headers["Content-Type"] for one in web.seen} == {"application/json"}


@pytest.mark.parametrize("places", [200, 1])
def test_a_target_that_stalls_shows_it_in_the_latency_of_all_that_came_meanwhile(
    places: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """For two seconds nothing is answered: what was due in the first one waits for more than a second.

    With one place the generator could hide it: it sends the rest when the stall is over.
    """
    begun: list[float] = []

    def stalling(seen: Seen) -> tuple[int, bytes]:
        begun.append(seen.at)
        time.sleep(max(0.0, begun[0] + 2 - time.monotonic()))
        return 200, b""

    with application(stalling) as web:
        file = script(tmp_path, "{duration: 2, arrivalRate: 20}")
        code, found, _ = load(capsys, file, web.url, "--max-in-flight", str(places))
    assert (code, found["all"]["requests"], found["all"]["codes"]) == (0, 40, {"200": 40})
    latency = found["all"]["latencyMs"]
    assert latency["max"] >= 1990
    assert latency["p50"] >= 990  # they came evenly
    assert found["generator"]["mostInFlight"] <= places
    if places == 1:
        assert "--max-in-flight" in found["generator"]["limit"]


def test_what_could_not_be_sent_in_time_is_counted_and_is_no_success(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = "  http: {timeout: 0.2}\n  ensure: {maxErrorRate: 50}"
    with application(lambda _: (web.ending.wait(60), (200, b""))[1]) as web:
        file = script(tmp_path, "{duration: 1, arrivalCount: 20}", more)
        code, found, _ = load(capsys, file, web.url, "--max-in-flight", "1")
    whole = found["all"]
    assert whole["requests"] + whole["notSent"] == whole["arrivals"] == whole["failed"] == 20
    assert whole["errors"] == {"ETIMEDOUT": whole["requests"]}
    assert whole["notSent"] > 0
    assert "all 1 places were taken" in found["generator"]["limit"]
    assert (code, found["ensure"][0]["ok"]) == (1, False)


def test_answers_and_errors_are_counted_by_kind_and_phase(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def mixed(seen: Seen) -> tuple[int, bytes] | None:
        return None if seen.path == "/close" else (int(seen.path[1:4]), b"")

    more = "  variables: {path: [/200, /503, /close]}"
    with application(mixed) as web:
        file = script(
            tmp_path,
            "{name: a, duration: 0.3, arrivalCount: 30}, {pause: 0.1}, {name: b, duration: 0.2, arrivalCount: 10}",
            more,
            "- get: {url: '{{ path }}'}",
        )
        code, found, _ = load(capsys, file, web.url)
    expected = Counter(one.path for one in web.seen)
    assert (code, found["all"]["codes"]) == (0, {"200": expected["/200"], "503": expected["/503"]})
    assert found["all"]["errors"] == {"ECONNRESET": expected["/close"]}
    assert [(one["name"], one["arrivals"]) for one in found["phases"]] == [("a", 30), ("b", 10)]
    code, found, err = load(capsys, file, "http://127.0.0.1:1")
    assert (code, err) == (2, "load: nothing was answered: ECONNREFUSED\n")
    assert found["all"]["errors"] == {"ECONNREFUSED": 40}


def test_a_flow_goes_on_step_by_step_and_ends_where_there_is_no_answer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flow = """- think: 0.1
      - post: {url: /a, headers: {X-City: '{{ city }}'}, body: 'hello {{ city }}'}
      - put: {url: '/b?x=1', json: ['{{ city }}']}
      - think: 0.1
      - delete: {url: /c}
      - get: {url: /never}"""
    with application(lambda seen: None if seen.path == "/prod/c" else (200, b"")) as web:
        file = script(tmp_path, "{duration: 0.1, arrivalCount: 1}", "  variables: {city: Ghent}", flow)
        load(capsys, file, f"{web.url}/prod/")
    assert [(one.method, one.path, one.body) for one in web.seen][:3] == [
        ("POST", "/prod/a", b"hello Ghent"),
        ("PUT", "/prod/b?x=1", b'["Ghent"]'),
        ("DELETE", "/prod/c", b""),
    ]
    assert web.seen[0].headers["X-City"] == "Ghent"
    assert not any("never" in one.path for one in web.seen)
    assert web.seen[2].at - web.seen[1].at >= 0.1


def test_a_function_is_invoked_with_the_body_as_its_event(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with lambda_api(200, FAILED, 429, 200, GARBLED) as api:
        file = script(tmp_path, "{duration: 0.2, arrivalCount: 5}", flow="- post: {json: {number: 5}}")
        code, found, _ = load(capsys, file, "lambda:myfunction", "--endpoint-url", api.endpoint)
    assert (code, sum(found["all"]["errors"].values())) == (0, 2)
    assert found["all"]["codes"] == {"200": 2, "429": 1}
    assert api.payloads[0] == {"number": 5}


def test_lead_times_are_told_by_second_and_what_never_came_is_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    more = "  variables: {subject: [good, good, silent]}\n  ensure: {thresholds: [lead_time.missing: 1]}"
    flow = "- post: {url: /sessions, json: {subject: '{{ subject }}'}}"
    with conference(folder) as app:
        assert app.web
        file = script(tmp_path, "{duration: 2, arrivalRate: 9}", more, flow)
        words = ["--logs", str(folder), "--until", SENT, "--drain", "5"]
        code, found, _ = load(capsys, file, app.web.url, *words)
        silent = sum(b"silent" in one.body for one in app.web.seen)
    lead = found["leadTime"]
    assert 0 < silent < 18
    assert (lead["answered"], len(lead["notReached"]), lead["withoutId"]) == (18, silent, 0)
    assert [one["second"] for one in lead["bySecond"]] == [0, 1]
    assert [one["arrived"] for one in lead["bySecond"]] == [9, 9]
    assert sum(one["reached"] for one in lead["bySecond"]) == 18 - silent
    assert lead["leadMs"]["min"] >= WORK * 1000 - 1
    assert (code, found["ensure"][0]["ok"]) == (1, False)


def test_without_objects_yet_it_waits_and_a_source_that_is_none_is_said_before_anything_is_sent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with application(lambda _: (200, b'{"traceId": "t"}')) as web:
        file = script(tmp_path, "{duration: 0.1, arrivalCount: 1}")
        (tmp_path / "logs").mkdir()
        words = ["--until", "X", "--drain", "0"]
        code, found, _ = load(capsys, file, web.url, "--logs", str(tmp_path / "logs"), *words)
        assert (code, found["leadTime"]["notReached"]) == (0, ["t"])
        code, found, err = load(capsys, file, web.url, "--logs", str(tmp_path / "absent"), *words)
        assert (code, found, len(web.seen)) == (2, {}, 1)
    assert "there is no folder" in err


def test_ctrl_c_in_the_middle_prints_what_was_measured(tmp_path: Path) -> None:
    with application(lambda seen: ((web.ending.wait(60) if seen.number == 3 else None), (200, b""))[1]) as web:
        file = script(tmp_path, "{duration: 600, arrivalRate: 10}")
        process = subprocess.Popen(
            [sys.executable, "-m", "adaptive_batching", "load", str(file), "--target", web.url, "--format", "json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=clean_environment(os.environ),
        )
        try:
            web.wait_for(8)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    found = json.loads(out)
    assert (process.returncode, err) == (130, "")
    assert found["interrupted"] is True
    assert found["all"]["requests"] > sum(found["all"]["codes"].values())  # those in flight were sent too
    assert found["all"]["codes"]["200"] >= 5
    assert found["all"]["withoutAnswerYet"] >= 1  # the fourth
    assert found["all"]["arrivals"] < 6000


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["absent.yaml"], "absent.yaml cannot be read: No such file or directory"),
        (["load.yaml"], "config.target is missing; give it there or with --target"),
        (
            ["load.yaml", "--target", "ftp://x"],
            "the target 'ftp://x' is not a URL, lambda:NAME or, for load, sandbox:TEMPLATE",
        ),
        (["load.yaml", "--target", "lambda:"], "the target 'lambda:' has no name of a function"),
        (["load.yaml", "--target", "lambda:a b"], "the target 'lambda:a b' has no name of a function"),
        *(
            (["load.yaml", "--target", one], f"the target {one!r} is not a URL")
            for one in ("http://", "http:///", "http://a b", "http://x:99999", "http://[::1", "sandbox", "://x")
        ),
        (["load.yaml", "--target", "sandbox:  "], "the target 'sandbox:  ' has no template"),
        (["load.yaml", "--target", "http://x", "--logs", "."], "--logs and --until go together"),
        (["load.yaml", "--target", "http://x", "--layer", "."], "--parameter and --layer are for a target sandbox:"),
        (["load.yaml", "--target", "sandbox:absent.yaml"], "absent.yaml"),
        (["load.yaml", "--target", "sandbox:x", "--parameter", "=a"], "--parameter '=a' is not NAME=VALUE"),
        (["load.yaml", "--target", "sandbox:"], "the target 'sandbox:' has no template"),
        (["payload.yaml", "--target", "http://x"], "absent.csv cannot be read"),
        (["ensure.yaml", "--target", "http://x"], "ensure.yaml: ensure: 'http.speed' is not measured here"),
    ],
)
def test_a_mistake_is_one_sentence(
    words: list[str],
    sentence: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    phases = "{duration: 1, arrivalRate: 1}"
    script(tmp_path, phases, "  payload: {path: absent.csv, fields: [a]}").rename(tmp_path / "payload.yaml")
    script(tmp_path, phases, "  ensure: {thresholds: [http.speed: 1]}").rename(tmp_path / "ensure.yaml")
    script(tmp_path, phases)
    assert main(["load", *words]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert sentence in said.err


TEMPLATE = """
Resources:
  Bucket: {Type: AWS::S3::Bucket}
  Other: {Type: AWS::S3::Bucket}
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: code
      Handler: app.handler
      Runtime: python3.13
      Events: {Api: {Type: Api, Properties: {Path: /hello, Method: get}}}
"""
CODE = "def handler(event, context):\n    return {'statusCode': 200, 'body': '{}'}\n"


def test_a_template_runs_in_the_sandbox_as_long_as_its_test(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code/app.py").write_text(CODE)
    template = tmp_path / "template.yaml"
    template.write_text(TEMPLATE)
    before = dict(os.environ)
    file = script(tmp_path, "{duration: 0.2, arrivalCount: 2}", flow="- get: {url: /hello}")
    code, found, err = load(capsys, file, f"sandbox:{template}")
    assert (code, found["all"]["codes"]) == (0, {"200": 2})
    assert err.splitlines()[-1].startswith("shutting down ")
    assert dict(os.environ) == before
    code, found, err = load(capsys, file, f"sandbox:{template}", "--until", "SENT")
    assert (code, found) == (2, {})
    assert err == "load: --logs is missing: the template has 2 buckets\n"  # and nothing was started
