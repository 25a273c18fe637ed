"""The extension's own lines on stderr: each is one JSON object, whatever is told in it."""

import json
import math
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from extension.messages import say
from tests.fakes.lambda_api import REGISTERED, LambdaApi
from tests.fakes.s3 import clean_environ

ROOT = Path(__file__).parents[3]


def test_numbers_texts_truths_and_members_of_members_come_back(capfd: pytest.CaptureFixture[str]) -> None:
    told: dict[str, object] = {"records": 3, "share": 0.5, "why": 'a "quote"\n\\', "sure": True, "keys": {"a/b.log": 2}}
    say("error", "something happened", told)
    text = capfd.readouterr().err
    assert text.count("\n") == 1
    line = json.loads(text)
    assert (line["level"], line["message"]) == ("error", "something happened")
    assert {name: line[name] for name in told} == told


def test_what_is_neither_is_told_as_text(capfd: pytest.CaptureFixture[str]) -> None:
    say("info", "odd", {"path": None, "lone": "\ud800"})
    line = json.loads(capfd.readouterr().err)
    assert (line["path"], line["lone"]) == ("None", "\ud800")


ALL = "".join(map(chr, range(0x3100)))


def test_whatever_a_text_holds_the_line_is_one_and_shows_no_control_character(
    capfd: pytest.CaptureFixture[str],
) -> None:
    say("error", ALL, {ALL: ALL, "lone": "\ud800 \udfff"})
    text = capfd.readouterr().err
    assert [one for one in text[:-1] if unicodedata.category(one) in ("Cc", "Zl", "Zp", "Cs")] == []
    assert len(text.splitlines()) == 1
    line = json.loads(text)
    assert (line["message"], line[ALL], line["lone"]) == (ALL, ALL, "\ud800 \udfff")


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_json_has_no_number_for_is_a_text(capfd: pytest.CaptureFixture[str], number: float) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    say("info", "odd", {"number": number, "big": 10**400})
    line = json.loads(capfd.readouterr().err, parse_constant=refuse)
    assert (line["number"], line["big"]) == (str(number), 10**400)


MINIMAL = "import sys; from extension import minimal; minimal.ATTEMPTS = 0; minimal.run(sys.argv[1])"


def test_the_loop_of_last_resort_says_it_as_well() -> None:
    text = ALL[1:] + "\ud800"
    done = subprocess.run(
        [sys.executable, "-c", MINIMAL, text.replace("\ud800", "\udcff")], capture_output=True, check=True, cwd=ROOT
    )
    assert len(done.stderr.decode().splitlines()) == 1
    line = json.loads(done.stderr)
    assert line["message"] == f"nothing is shipped any more, the function continues: {ALL[1:]}\udcff"
    assert line["extension"] == "adaptive-batching-extension"  # by which operators find the lines of the extension


THREADS = """
import _thread, sys, time
import extension.__main__ as root
def fail():
    time.sleep(0.3)  # while it registers
    raise ValueError("a secret")
_thread.start_new_thread(fail, ())
root.main()
"""


@pytest.mark.holds("faults: what ends a thread is one line like all others")
def test_a_thread_that_ends_with_an_exception_is_one_line_without_its_text(api: LambdaApi) -> None:
    api.script["register"] = [REGISTERED._replace(wait=1.0)]
    api.shut_down()
    environ = clean_environ(AWS_LAMBDA_RUNTIME_API=api.address)
    command = [sys.executable, "-c", THREADS]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, env=environ)
    line, no_bucket = (json.loads(one) for one in done.stderr.splitlines())
    assert "S3_BUCKET is not set" in no_bucket["message"]
    assert line["message"] == "internal error: a helper thread failed"
    assert line["why"].startswith("ValueError at __main__:")
    assert "a secret" not in done.stderr
