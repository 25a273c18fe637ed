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
MISTAKES = [
    ([*RUN, "-c", "0"], "--concurrency 0 is out of bounds; it must be 1 or more"),
    ([*RUN, "-n", "0"], "--invocations 0 is"),
    ([*RUN, "-n", "-1"], "--invocations -1 is"),
    ([*RUN, "--timeout", "nan"], "the timeout nan is"),
    ([*RUN, "--timeout", "0"], "the timeout 0.0 is"),
    ([*RUN, "--pause", "-1"], "--pause -1.0 is"),
    ([*RUN, "--pause", "nan"], "--pause nan is"),
    ([*RUN, "--memory", "1"], "the memory size 1 is out of bounds; it must be 128 to 10,240 MB"),
    ([*RUN, "--log-folder", "/proc/nope"], "--log-folder /proc/nope cannot be created: No such file"),
    ([*RUN, "--log-folder", "README.md"], "--log-folder README.md cannot be created: File exists"),
    ([*RUN, "--fault", "s3-503x2"], "--fault s3-503 needs --s3 BUCKET"),
    ([*RUN, "--fault", "freeze-upload"], "--fault freeze-upload needs --s3 BUCKET"),
    ([*RUN, "--fault", "kill-runtime,kill-runtime=0.2"], "'kill-runtime=0.2': kill-runtime is given twice"),
    ([*RUN, "--fault", "late", "--fault", "late"], "'late': late is given twice"),
    ([*RUN, "--s3", "s3://logs"], "bucket 's3://logs' cannot be created: a name has 3 to 255 letters"),
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
    (["serve", "nofolder"], "nofolder is not a directory"),
    ([*SERVE, "--layer", "nolayer"], "nolayer is not a directory"),
]


def is_one_sentence(said: str, code: int, out: str, err: str) -> None:
    assert (code, out) == (2, "")
    assert err.startswith("sandbox: ")
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


def test_outside_of_the_clone_its_awslambdaric_is_found(tmp_path: Path) -> None:
    one = function(tmp_path, {})
    done = ran("run", str(one.folder), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
