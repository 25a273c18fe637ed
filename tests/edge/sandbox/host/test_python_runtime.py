"""The folder that Python functions are run with: awslambdaric and boto3, made once, and nothing of ours."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.host import python_runtime
from adaptive_batching.sandbox.lifecycle.environment import Environment
from adaptive_batching.sandbox.options import Options
from tests.edge.sandbox.world import ROOT, function

SEES = """
import importlib.util, sys
def handler(event, context):
    return {name: importlib.util.find_spec(name) is not None for name in event}
"""
HIDDEN = ("click", "moto", "rich", "requests", "pydantic", "yaml", "adaptive_batching", "pip")


def entries(folder: Path) -> set[str]:
    names = {entry.name.partition("-")[0].partition(".")[0] for entry in folder.iterdir()}
    return names - {"__pycache__"}


def test_it_holds_awslambdaric_and_boto3_and_what_they_need_alone(tmp_path: Path) -> None:
    folder = python_runtime.installed({"XDG_CACHE_HOME": str(tmp_path)})
    assert folder.parent == tmp_path / "adaptive-batching"
    client = {"awslambdaric", "runtime_client", "simplejson", "snapshot_restore_py"}
    assert entries(folder) == client | {"boto3", "botocore", "s3transfer", "jmespath", "urllib3", "dateutil", "six"} | {
        "python_dateutil"
    }
    python_runtime.check_loads(Path(sys.executable), folder)


def test_it_is_made_once(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "XDG_CACHE_HOME": "relative, which does not count"}
    folder = python_runtime.installed(environ)
    (folder / "mark").touch()
    assert python_runtime.installed(environ) == folder
    assert (folder / "mark").exists()
    assert folder.is_relative_to(tmp_path / ".cache")


def test_processes_that_make_it_at_the_same_time_find_it_whole(tmp_path: Path) -> None:
    code = (
        "from adaptive_batching.sandbox.host import python_runtime; folder = python_runtime.installed();"
        "print(folder, len(list(folder.rglob('*.py'))))"
    )
    environ = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    makers = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environ, cwd=ROOT)
        for _ in range(6)
    ]
    said = {maker.communicate(timeout=60)[0] for maker in makers}
    assert [maker.returncode for maker in makers] == [0] * 6
    assert len(said) == 1
    assert len(list((tmp_path / "adaptive-batching").iterdir())) == 1


def test_a_cache_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(
        SandboxError, match=r"cannot be created \(Not a directory\); set XDG_CACHE_HOME to another folder"
    ):
        python_runtime.installed({"XDG_CACHE_HOME": str(tmp_path / "file")})


@pytest.mark.parametrize("see_packages", [False, True])
def test_a_function_sees_nothing_of_ours(tmp_path: Path, *, see_packages: bool) -> None:
    one = function(tmp_path, {})
    (one.folder / "app.py").write_text(SEES)
    with Environment(one, Options(see_packages=see_packages)) as environment:
        seen = environment.invoke(dict.fromkeys((*HIDDEN, "awslambdaric", "boto3"))).json()
    assert seen["awslambdaric"]
    assert seen["boto3"]
    assert not seen["adaptive_batching"]
    if not see_packages:
        assert not any(seen[name] for name in HIDDEN)


def test_a_function_may_still_call_exit(tmp_path: Path) -> None:
    one = function(tmp_path, {})
    (one.folder / "app.py").write_text("def handler(event, context):\n    return [callable(exit), callable(help)]\n")
    with Environment(one, Options()) as environment:
        assert environment.invoke({}).json() == [True, True]


def test_what_is_installed_for_an_interpreter_of_the_users_choice_is_seen(tmp_path: Path) -> None:
    one = function(tmp_path, {})
    (one.folder / "app.py").write_text(SEES)
    with Environment(one, Options(interpreter=Path(sys.executable), private="never")) as environment:
        assert environment.invoke({"moto": 1}).json() == {"moto": True}


def test_a_build_for_another_python_is_said_before_anything_starts(tmp_path: Path) -> None:
    other = Path(shutil.copytree(python_runtime.installed({"XDG_CACHE_HOME": str(tmp_path)}), tmp_path / "other"))
    (c_module,) = other.glob("runtime_client*")
    c_module.rename(other / "runtime_client.cpython-39-x86_64-linux-gnu.so")
    options = replace(Options(), awslambdaric=other)
    with pytest.raises(
        SandboxError, match=r"cannot load awslambdaric from .*No module named 'runtime_client'.*--target"
    ):
        Environment(function(tmp_path, {}), options).__enter__()


def test_an_interpreter_that_is_not_there_is_said(tmp_path: Path) -> None:
    options = Options(interpreter=tmp_path / "python", private="never")
    with pytest.raises(SandboxError, match="cannot be started"):
        Environment(function(tmp_path, {}), options).__enter__()
