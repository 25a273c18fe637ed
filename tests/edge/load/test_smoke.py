"""The four cases of a smoke test, over an application that ships its logs late; and what a mock saw."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from adaptive_batching.cli import main
from adaptive_batching.option_types import without_secrets
from adaptive_batching.sandbox.mock.service import Mock
from tests.edge.load.conference import ERROR, SAVING, SENT, conference
from tests.edge.load.web import application
from tests.fakes.invoke_api import FAILED, lambda_api

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.edge.load.conference import Conference


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Conference]:
    (tmp_path / "logs").mkdir()
    with Mock() as mock, conference(tmp_path / "logs", f"{mock.url}/hook") as found:
        yield found


def smoke(
    app: Conference, capsys: pytest.CaptureFixture[str], subject: str, *more: str, timeout: str = "60"
) -> tuple[int, str, str]:
    """One smoke test for the milestone. Return the exit code, stdout and stderr."""
    given = ["--target", app.url, "--json", json.dumps({"subject": subject}), "--expect", "202"]
    looked = ["--logs", str(app.folder), "--milestone", SENT, "--timeout", timeout]
    code = main(["smoke", *given, *looked, *more])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_success_prints_the_trace(app: Conference, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = smoke(app, capsys, "good")
    assert (code, err.splitlines()[-1]) == (0, "passed")
    trace = err.partition("trace ")[2].partition("\n")[0]
    assert out.startswith(f"trace {trace}  ")
    assert [word in out for word in ("conference-submit", "conference-save", "conference-notify", SENT)] == [True] * 4


def test_a_save_that_fails_is_named_with_its_exception(app: Conference, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = smoke(app, capsys, "bad", timeout="1")
    assert code == 1
    assert err.splitlines()[-1] == (
        f"failed: {SENT} was not reached within 1 s; the last milestone is {SAVING}; "
        f"conference-save: ValueError: {ERROR}"
    )
    assert f"ERROR ValueError: {ERROR}" in out


def test_a_notify_that_is_silent_is_a_failure_without_an_exception(
    app: Conference, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = smoke(app, capsys, "silent", timeout="1")
    assert code == 1
    assert err.splitlines()[-1].endswith(f"the last milestone is {SAVING}, and no line has an exception")


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("http://127.0.0.1:1/sessions", "does not answer: ECONNREFUSED"),
        ("http://", "the target 'http://' is not a URL"),
        ("hooks.example.org/T0/hush", "the target 'hooks.example.org/…' is not a URL"),
        ("gopher://x", "is not a URL, lambda:NAME or, for load, sandbox:TEMPLATE"),
        (
            "sandbox:t.yaml",
            "smoke takes a URL or lambda:NAME, not 'sandbox:t.yaml'; `adaptive-batching sandbox up t.yaml`",
        ),
    ],
)
def test_a_wrong_url_is_exit_code_2(
    target: str, sentence: str, app: Conference, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = smoke(app, capsys, "good", "--target", target)
    assert (code, out) == (2, "")
    assert sentence in err


def test_another_answer_than_the_expected_one_fails(app: Conference, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = smoke(app, capsys, "good", "--expect", "201")
    assert code == 1
    assert err.startswith('failed: the answer is 202, not 201: {"traceId": ')


def test_an_answer_that_names_no_trace_cannot_be_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with application(lambda _: (200, b"ok")) as web:
        code = main(["smoke", "--target", web.url, "--logs", str(tmp_path), "--milestone", SENT])
        assert code == 2
        assert "the answer names no trace" in capsys.readouterr().err
        assert main(["smoke", "--target", f"{web.url}/health", "--header", "X-Api-Key: abc"]) == 0
    assert (web.seen[1].method, web.seen[1].path, web.seen[1].headers["X-Api-Key"]) == ("GET", "/health", "abc")


def test_the_mock_of_a_webhook_is_asked(app: Conference, capsys: pytest.CaptureFixture[str]) -> None:
    assert smoke(app, capsys, "first", "--webhook-saw", f"{app.webhook}=new session: first")[0] == 0
    words = ["smoke", "--target", app.url, "--json", '{"subject": "silent"}', "--timeout", "1", "--webhook-saw"]
    assert main([*words, f"{app.webhook}=first"]) == 1  # that one was of an earlier test
    said = capsys.readouterr().err.splitlines()
    assert said[-1] == f"failed: {without_secrets(app.webhook)} did not see a request with 'first' within 1 s"
    assert app.web
    for other, sentence in (
        (app.web.url, "does not answer as WireMock does"),
        ("http://127.0.0.1:1", "cannot be asked"),
    ):
        assert main([*words, f"{other}/hook"]) == 2
        assert sentence in capsys.readouterr().err


def test_a_function_is_a_target_too(capsys: pytest.CaptureFixture[str]) -> None:
    with lambda_api(200, FAILED) as api:
        words = ["smoke", "--target", "lambda:myfunction", "--endpoint-url", api.endpoint]
        assert main(words) == 0
        assert main(words) == 1
    assert "lambda:myfunction failed: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--json", "{"], "--json '{' is not JSON"),
        (["--json", '{"a": NaN}'], "JSON has no NaN"),
        (["--json", "@absent"], "--json '@absent' cannot be read"),
        (["--milestone", "X"], "--logs and --milestone go together"),
        (["--webhook-saw", "hook"], "--webhook-saw 'hook' is not a URL such as"),
        (["--header", "X"], "is not a header such as"),
    ],
)
def test_a_mistake_is_one_sentence(words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["smoke", "--target", "http://127.0.0.1:1", *words]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert sentence in said.err
