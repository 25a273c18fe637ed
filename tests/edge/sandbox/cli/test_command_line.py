"""The command line itself: help, usage errors, what is loaded when, Ctrl-C, a pipe that is closed."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from adaptive_batching.cli import main
from adaptive_batching.sandbox.faults import listing
from adaptive_batching.sandbox.s3.embedded import clean_environment
from tests.edge.sandbox.world import ROOT, function

if TYPE_CHECKING:
    from pathlib import Path

COMMAND = [sys.executable, "-m", "adaptive_batching"]
COLUMNS = 80


def ran(*words: str, columns: int = COLUMNS) -> subprocess.CompletedProcess[str]:
    environ = {**clean_environment(os.environ), "COLUMNS": str(columns)}
    return subprocess.run(
        [*COMMAND, *words], capture_output=True, text=True, timeout=60, check=False, env=environ, cwd=ROOT
    )


HELP = [[], ["demo"], ["sandbox"], ["sandbox", "run"], ["sandbox", "serve"], ["experiment"], ["experiment", "run"],
        ["experiment", "analyze"], ["async"], ["async", "scenario"], ["async", "diagnose"]]  # fmt: skip


@pytest.mark.parametrize("words", HELP, ids=" ".join)
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_fits_a_terminal(words: list[str], option: str) -> None:
    done = ran(*words, option)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: {' '.join(['adaptive-batching', *words])} ")
    choices = [line for line in done.stdout.splitlines() if "[on-demand|" in line]  # one word, which nothing can fold
    assert [line for line in done.stdout.splitlines() if len(line) > COLUMNS and line not in choices] == []


@pytest.mark.parametrize("words", [["--version"], *([*words, "--help"] for words in HELP)], ids=" ".join)
def test_help_loads_click_and_nothing_that_takes_time(words: list[str]) -> None:
    code = (
        "import sys; from adaptive_batching.cli import main; main(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, timeout=60, check=True)
    loaded = set(done.stderr.split())
    assert not loaded & {"rich", "boto3", "requests", "pydantic", "yaml", "moto", "adaptive_batching.console"}
    assert "click" in loaded


def test_the_version_is_that_of_the_package() -> None:
    assert ran("--version").stdout == "adaptive-batching 0.1.0\n"


MISTAKES = [
    ([], "adaptive-batching: missing command; see `adaptive-batching --help`"),
    (["absent"], "adaptive-batching: no such command 'absent'"),
    (["sandbox"], "sandbox: missing command"),
    (["sandbox", "run"], "sandbox run: missing argument 'folder'"),
    (["sandbox", "run", "functions/demo", "--absent"], "sandbox run: no such option"),
    (
        ["sandbox", "run", "functions/demo", "-n", "many"],
        "sandbox run: --invocations 'many' is not a whole number; it must be 1",
    ),
    (["sandbox", "run", "functions/demo", "--apis", "x"], "sandbox run: invalid value for '--apis'"),
    (["demo", "-n", "0"], "demo: --invocations 0 is out of bounds; it must be 1 to 10,000"),
    (["experiment", "run", "--pause", "6-5"], "experiment run: --pause '6-5' is not a range from small to large"),
    (["experiment", "run", "-n", "0"], "experiment run: --invocations 0 is out of bounds; it must be 1 to 10,000,000"),
    (["experiment", "run", "--limit", "nan"], "experiment run: --limit nan is out of bounds"),
    (["experiment", "run", "--limit", "-1"], "experiment run: --limit -1.0 is out of bounds"),
    (["experiment", "run", "--environments", "0"], "experiment run: --environments 0 is out of bounds"),
    (
        ["experiment", "run", "--sleep", "1e99"],
        "experiment run: --sleep '1e99' is out of bounds; it must be 0 to 900,000",
    ),
    (["experiment", "run", "more"], "experiment run: unexpected word 'more'; options of `sandbox serve` follow --"),
    (["experiment", "run", "--endpoint-url", ""], "experiment run: --endpoint-url is empty"),
    (["experiment", "run", "--endpoint-url", "x"], "experiment run: --endpoint-url 'x' is not a URL such as http://"),
    (["experiment", "run", "--function", "a b"], "experiment run: --function 'a b' is not the name or the ARN"),
    (
        ["experiment", "run", "--layer", "tests"],
        "experiment run: tests does not contain a folder `extensions`; run `make layer`",
    ),
    (
        ["experiment", "analyze", "--s3", "bucket"],
        "experiment analyze: --s3 'bucket' is not an address like s3://bucket/prefix",
    ),
]


@pytest.mark.parametrize(("words", "said"), MISTAKES, ids=[" ".join(words) for words, _ in MISTAKES])
def test_a_mistake_is_one_sentence(words: list[str], said: str) -> None:
    done = ran(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].startswith(said)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", [["--fault", "list"], ["--fault", "late", "--faults", "list"]])
@pytest.mark.parametrize("action", ["run", "serve"])
def test_the_list_of_faults_needs_no_function(action: str, words: list[str]) -> None:
    done = ran("sandbox", action, *words)
    assert (done.returncode, done.stdout, done.stderr) == (0, "\n".join(listing()) + "\n", "")


def test_ctrl_c_ends_a_run_with_130_and_without_a_traceback(tmp_path: Path) -> None:
    one = function(tmp_path, {})
    # What a shell starts in the background ignores SIGINT, and so would what it starts: as in the foreground, then.
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "from adaptive_batching.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    words = [sys.executable, "-c", code, "sandbox", "run", str(one.folder), "-n", "9", "--pause", "2"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in said


def test_a_pipe_that_is_closed_ends_a_run_quietly(tmp_path: Path) -> None:
    one = function(tmp_path, {})
    words = [*COMMAND, "sandbox", "run", str(one.folder), "-n", "200"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read()
    assert process.returncode == 141
    assert b"Traceback" not in said


FIRST = [
    (["--folder", "README.md"], "README.md is a file; choose a folder with --folder"),
    (["--folder", "tests"], "tests is not empty; choose another with --folder"),
    (["--code", "README.md"], "README.md is not a directory; name the folder of the function with --code"),
    (["--layer", "tests"], "tests does not contain a folder `extensions`"),
    (["--function", "f", "--", "--logs"], "--logs: options after -- are for the sandbox"),
]


@pytest.mark.parametrize(("words", "said"), FIRST, ids=[said for _, said in FIRST])
def test_an_experiment_that_cannot_start_leaves_nothing(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("README.md", "tests"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    assert main(["experiment", "run", *words]) == 2
    assert said in capfd.readouterr().err
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["README.md", "tests"]


def test_an_endpoint_at_which_nothing_listens_is_said_and_so_is_the_reason(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    words = ["--endpoint-url", "http://127.0.0.1:1", "-n", "1", "--limit", "60", "--folder", str(tmp_path / "run")]
    assert main(["experiment", "run", *words]) == 1
    said = capfd.readouterr().err
    assert 'Could not connect to the endpoint URL: "http://127.0.0.1:1' in said
    assert "; trying again" in said
    assert "the first that was not accepted: Could not connect" in said


def test_on_a_terminal_the_bar_gives_way_to_each_answer(tmp_path: Path) -> None:
    one = function(tmp_path, {})
    (one.folder / "app.py").write_text("def handler(event, context): return 'answer'\n")
    leader, follower = pty.openpty()
    words = [*COMMAND, "sandbox", "run", str(one.folder), "-n", "3"]
    environ = {**clean_environment(os.environ), "TERM": "xterm"}
    with subprocess.Popen(words, stdin=follower, stdout=follower, stderr=follower, cwd=ROOT, env=environ) as process:
        os.close(follower)
        shown = b""
        with contextlib.suppress(OSError):  # EIO: nobody holds the other end any more
            while more := os.read(leader, 4096):
                shown += more
        assert process.wait(60) == 0
    os.close(leader)
    assert b"invoked" in shown
    lines = [line.rpartition("\r\x1b[K")[2] for line in shown.decode().replace("\r\n", "\n").split("\n")]
    assert lines.count('"answer"') == 3  # alone on its line, once the bar before it is erased
