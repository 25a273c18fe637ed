"""`logs match` as a shell runs it: what it prints, its exit codes, what it cannot read."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from tests.fakes.s3 import clean_environ

if TYPE_CHECKING:
    from pathlib import Path

LINES = b'{"level":"ERROR","n":1}\n{"level":"ERROR","n":2}\r\nERROR \xff here\nINFO\n'


def match(*words: str, stdin: bytes = LINES, cwd: Path | None = None) -> tuple[int, bytes, str]:
    done = subprocess.run(
        [sys.executable, "-m", "adaptive_batching", "logs", "match", *words],
        input=stdin,
        capture_output=True,
        check=False,
        cwd=cwd,
        env=clean_environ(),
        timeout=60,
    )
    return done.returncode, done.stdout, done.stderr.decode()


def test_lines_are_printed_byte_by_byte_and_the_exit_code_is_that_of_grep() -> None:
    assert match("ERROR") == (0, LINES.replace(b"\r", b"").removesuffix(b"INFO\n"), "")
    assert match("{ $.n > 2 }") == (1, b"", "")
    assert match("--count", "{ $.n > 1 }", "-") == (0, b"1\n", "")
    assert match(" -ERROR") == (0, b"INFO\n", "")


def test_of_several_files_each_line_names_its_own_and_one_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(LINES)
    (tmp_path / "b").write_bytes(b"INFO without a newline")
    assert match("INFO", "a", "b", cwd=tmp_path) == (0, b"a:INFO\nb:INFO without a newline\n", "")
    assert match("-c", "INFO", "a", "none", ".", "b", cwd=tmp_path) == (
        2,
        b"a:1\nb:1\n",
        "logs match: none: No such file or directory\nlogs match: .: Is a directory\n",
    )


def test_an_empty_pattern_and_a_device_are_one_sentence() -> None:
    """A shell makes an empty pattern of a variable that is not set; a device is read until the memory is full."""
    assert match("") == (2, b"", "logs match: pattern is empty; give it a value or leave it out\n")
    said = "logs match: no such option '-E'; what begins with - and is no option follows --; see"
    assert match("-ERROR") == (2, b"", f"{said} `adaptive-batching logs match --help`\n")
    assert match("x", "/dev/zero") == (2, b"", "logs match: files '/dev/zero' is a device, not a file or a folder\n")


def test_a_pattern_that_cloudwatch_refuses_is_one_sentence() -> None:
    code, out, err = match("Status: timeout")
    assert (code, out) == (2, b"")
    assert err == (
        "logs match: 'Status: timeout': a term with more than letters, digits and _ stands in double quotes, and "
        "blanks stand between terms\n"
    )


def test_a_pattern_on_which_backtracking_would_not_end_ends() -> None:
    assert match("--count", "%a*a*a*a*a*b%", stdin=b"a" * 50_000 + b"!\n") == (1, b"0\n", "")
