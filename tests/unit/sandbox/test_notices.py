"""What is said before a function runs: what the layer lacks, and where this machine is not Lambda."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from adaptive_batching.sandbox.cli.notices import introduction, notices
from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.function import Function
from adaptive_batching.sandbox.host import launch
from adaptive_batching.sandbox.options import Options

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
OTHER = "3.8" if HERE != "3.8" else "3.9"
FUNCTION = Function(Path("code"), name="hello")


def said(function: Function, options: Options | None = None) -> str:
    return "\n".join(notices(function, options or Options(private="never")))


def layer(folder: Path, name: str = "", text: str = "", mode: int = 0o755) -> Path:
    (folder / "extensions").mkdir()
    if name:
        (folder / "extensions" / name).write_text(text)
        (folder / "extensions" / name).chmod(mode)
    return folder


def test_a_layer_that_adds_nothing_is_said(tmp_path: Path) -> None:
    (tmp_path / "build").mkdir()
    assert f"{tmp_path} adds nothing: it contains no extensions/ folder" in said(replace(FUNCTION, layers=(tmp_path,)))


@pytest.mark.parametrize("name", ["extensions", "python", "nodejs", "lib"])
def test_a_layer_that_may_add_something_is_not_said(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    assert "adds nothing" not in said(replace(FUNCTION, layers=(tmp_path,)))


FILES = [
    ("#!/bin/sh\n", 0o644, "x cannot be started: it is not executable; run chmod +x"),
    ("#!/usr/bin/nosuch -a\n", 0o755, "x cannot be started: its interpreter /usr/bin/nosuch does not exist"),
    (
        "echo\n",
        0o755,
        "x cannot be started: it is neither a program for this processor nor a script that begins with #!",
    ),
    ("#!/bin/sh\n", 0o755, ""),
    ("#!/opt/extensions/y\n", 0o755, "its interpreter /opt/extensions/y does not exist"),
]


@pytest.mark.parametrize(("text", "mode", "why"), FILES)
def test_why_an_extension_cannot_be_started_is_said(tmp_path: Path, text: str, mode: int, why: str) -> None:
    found = said(replace(FUNCTION, layers=(layer(tmp_path, "x", text, mode),)))
    assert why in found
    assert bool(why) == ("cannot be started" in found)


def test_another_version_of_python_is_said() -> None:
    assert said(replace(FUNCTION, runtime=f"python{OTHER}")).startswith(
        f"the runtime is python{OTHER}, and it runs with {HERE} here; --python chooses another"
    )
    for runtime, seen in ((f"python{HERE}", False), ("python", False), (f"python{OTHER}", True)):
        assert said(replace(FUNCTION, runtime=runtime), Options(private="never", see_packages=seen)) == ""


def test_where_there_is_no_private_file_system_a_line_says_so() -> None:
    covered = Options(interpreter=Path("/tmp/venv/bin/python"))
    assert said(FUNCTION, covered).startswith(
        "/opt, /var/task and /tmp are this machine's own, and TMPDIR names a private"
    )


def test_the_first_line_names_function_runtime_and_extensions(tmp_path: Path) -> None:
    assert introduction(FUNCTION) == "hello (python, app.handler), no extensions"
    with_one = replace(FUNCTION, layers=(layer(tmp_path, "x", "#!/bin/sh\n"),))
    assert introduction(with_one) == "hello (python, app.handler), extensions: x"


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every folder")
def test_a_layer_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    tmp_path.chmod(0)
    with pytest.raises(SandboxError, match="cannot be read: Permission denied"):
        launch.check(replace(FUNCTION, folder=Path(), layers=(tmp_path,)), Options())
    tmp_path.chmod(0o700)
