"""What a user may get wrong on the command line: one sentence, exit status 2, nothing is started."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from adaptive_batching.cli import main
from adaptive_batching.sandbox.s3.embedded import clean_environment
from tests.edge.sandbox.world import ROOT, function

if TYPE_CHECKING:
    from pathlib import Path


def ran(*words: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "adaptive_batching", "sandbox", *words]
    environ = clean_environment(os.environ)
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environ, cwd=cwd)


RUN, SERVE = ["run", "functions/demo"], ["serve", "functions/demo", "--port", "0"]
ASYNC = [
    *("run", "template.yaml", "--function", "AsyncFunction", "--layer", "functions"),
    *("--parameter", "AsyncExample=true", "--parameter"),
]
MISTAKES = [
    ([*RUN, "-c", "0"], "--concurrency 0 is out of bounds; it must be 1 to 1,000"),
    ([*RUN, "-n", "0"], "--invocations 0 is"),
    ([*RUN, "-n", "-1"], "--invocations -1 is"),
    ([*ASYNC, "AsyncRetryAttempts=3"], "template.yaml: MaximumRetryAttempts is 3; it must be 0 to 2"),
    ([*ASYNC, "AsyncMaximumEventAge=59"], "template.yaml: MaximumEventAgeInSeconds is 59; it must be 60 to 21,600"),
    ([*ASYNC, "AsyncReservedConcurrency=-2"], "ReservedConcurrentExecutions is -2; it must be 0 to 900"),
    ([*RUN, "--timeout", "nan"], "--timeout nan is"),
    ([*RUN, "--timeout", "0"], "--timeout 0.0 is"),
    ([*RUN, "--pause", "-1"], "--pause -1.0 is"),
    ([*RUN, "--pause", "nan"], "--pause nan is"),
    ([*RUN, "--memory", "1"], "--memory 1 is out of bounds; it must be 128 to 10,240"),
    ([*RUN, "--log-folder", "/proc/nope"], "--log-folder /proc/nope cannot be created: No such file"),
    ([*RUN, "--log-folder", "README.md"], "--log-folder README.md cannot be created: File exists"),
    ([*RUN, "--fault", "s3-503x2"], "--fault s3-503 needs --s3 BUCKET"),
    ([*RUN, "--fault", "freeze-upload"], "--fault freeze-upload needs --s3 BUCKET"),
    ([*RUN, "--fault", "kill-runtime,kill-runtime=0.2"], "'kill-runtime=0.2': kill-runtime is given twice"),
    ([*RUN, "--fault", "late", "--fault", "late"], "--faults 'late' is given twice; give it once"),
    ([*RUN, "--s3", "s3://logs"], "--s3 's3://logs' is not a bucket name such as logs: 3 to 63 lower-case letters"),
    ([*RUN, "--s3", "Logs"], "--s3 'Logs' is not a bucket name"),
    ([*RUN, "--s3", "192.168.1.1"], "--s3 '192.168.1.1' is not a bucket name"),
    ([*RUN, "--s3", ""], "--s3 is empty; give it a value or leave it out"),
    ([*RUN, "--name", "x.y/z"], "--name 'x.y/z' is not a function name: 1 to 64 letters"),
    ([*RUN, "--runtime", "python9.9"], "runtime 'python9.9' is not supported; supported are python3.13"),
    ([*RUN, "--python", "/nonexist"], "--python /nonexist cannot be started: No such file"),
    ([*RUN, "--python", "/bin/ls"], "/bin/ls cannot load awslambdaric"),
    ([*RUN, "--function", "F"], "--function is for a template, a .yaml or .json file, and functions/demo is not one"),
    ([*RUN, "--parameter", "A=B"], "--parameter is for a template"),
    ([*RUN, "--lose-containing", "x"], "--lose-containing is for a fault that loses lines"),
    ([*RUN, "--payload", "NaN"], "the payload 'NaN' is not JSON: JSON has no NaN"),
    ([*RUN, "--payload", "{a: 1}"], "the payload '{a: 1}' is not JSON: Expecting property name"),
    ([*RUN, "--payload", "@/dev/zero"], "the payload /dev/zero cannot be read: it is a device, not a file"),
    ([*RUN, "--payload", "@"], "--payload @ names no file; write @event.json, or - for standard input"),
    ([*RUN, "--env", "AWS_REGION=x"], "--env 'AWS_REGION' is reserved: Lambda sets it"),
    ([*RUN, "--env", "_A=x"], "--env '_A' is not a variable name; Lambda accepts a letter"),
    ([*RUN, "--env", "A B=c"], "--env 'A B' is not a variable name"),
    (
        [*RUN, "--awslambdaric", "tests"],
        f"{ROOT / 'tests'} does not contain awslambdaric; name a folder that does with --awslambdaric",
    ),
    ([*SERVE, "--port", "99999"], "--port 99999 is out of bounds; it must be 0 to 65,535"),
    ([*SERVE, "--port", "-1"], "--port -1 is"),
    ([*SERVE, "--idle", "nan"], "--idle nan is"),
    ([*SERVE, "--concurrency", "0"], "--concurrency 0 is"),
    ([*SERVE, "--log-folder", "/proc/nope"], "--log-folder /proc/nope cannot be created"),
    (["run", "functions/demo/app.py"], "functions/demo/app.py is not a directory"),
    (["serve", "nofolder"], "nofolder is not a directory"),
    ([*SERVE, "--layer", "nolayer"], "nolayer is not a directory"),
]


def is_one_sentence(said: str, code: int, out: str, err: str) -> None:
    assert (code, out) == (2, "")
    assert err.startswith(("sandbox run: ", "sandbox serve: ", "sandbox landscape: "))
    assert said in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(("words", "said"), MISTAKES, ids=[" ".join(words) for words, _ in MISTAKES])
def test_a_mistake_is_one_sentence_and_nothing_starts(
    words: list[str], said: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    is_one_sentence(said, main(["sandbox", *words]), *capfd.readouterr())


@pytest.mark.parametrize(("words", "said"), MISTAKES[-2:], ids=[" ".join(words) for words, _ in MISTAKES[-2:]])
def test_a_mistake_is_one_sentence_of_the_whole_program_too(words: list[str], said: str) -> None:
    done = ran(*words)
    is_one_sentence(said, done.returncode, done.stdout, done.stderr)


def test_a_folder_whose_name_lambda_does_not_accept_needs_another_name(tmp_path: Path) -> None:
    odd = tmp_path / "fü n"
    odd.mkdir()
    (odd / "app.py").write_text("def handler(event, context): return context.function_name\n")
    done = ran("run", str(odd))
    said = (
        "the function's name 'fü n' is not one that Lambda accepts (1 to 64 letters, digits, hyphens and underscores)"
    )
    is_one_sentence(f"{said}; --name gives another", done.returncode, done.stdout, done.stderr)
    assert ran("run", str(odd), "--name", "fun").stdout == '"fun"\n'


def test_the_landscape_is_that_of_a_clone(tmp_path: Path) -> None:
    done = ran("landscape", cwd=tmp_path)
    said = "landscape: template.yaml is not here; run it in a clone of the project"
    is_one_sentence(said, done.returncode, done.stdout, done.stderr)
    (tmp_path / "examples/landscape").mkdir(parents=True)
    for name in ("template.yaml", "examples/landscape/load.yaml"):
        (tmp_path / name).touch()
    done = ran("landscape", "--layer", "nowhere", cwd=tmp_path)
    said = "nowhere does not contain a folder `extensions`; run `make layer` in a clone of the project"
    is_one_sentence(said, done.returncode, done.stdout, done.stderr)


def test_a_payload_may_come_by_standard_input(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("def handler(event, context): return event\n")
    words = [sys.executable, "-m", "adaptive_batching", "sandbox", "run", str(tmp_path), "--name", "echo", "--payload"]
    for value in ("-", "@-"):
        done = subprocess.run(
            [*words, value], input='{"a": 1}', capture_output=True, text=True, timeout=60, check=False, cwd=ROOT
        )
        assert done.stdout == '{"a": 1}\n', done.stderr
        done = subprocess.run(
            [*words, value], input="{", capture_output=True, text=True, timeout=60, check=False, cwd=ROOT
        )
        is_one_sentence("the payload in standard input is not JSON: ", done.returncode, done.stdout, done.stderr)


def test_outside_of_the_clone_its_awslambdaric_is_found(tmp_path: Path) -> None:
    one = function(tmp_path, {})
    done = ran("run", str(one.folder), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
