"""The package as it is installed where there is not a clone: what is in the wheel, and that it runs from elsewhere."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
INPUTS = ("pyproject.toml", "LICENSE", "README.md", "adaptive_batching", "functions", "extension")
FUNCTION = """
import importlib.util
NAMES = ("click", "rich", "boto3", "moto", "adaptive_batching", "extension")
def handler(event, context):
    return [name for name in NAMES if importlib.util.find_spec(name)]
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy: setuptools leaves its work beside the sources."""
    folder = tmp_path_factory.mktemp("wheel")
    clone = folder / "clone"
    clone.mkdir()
    for name in INPUTS:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, clone / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, clone)
    words = ["-m", "pip", "wheel", "-qq", "--disable-pip-version-check", "--no-deps", "--no-build-isolation"]
    subprocess.run([sys.executable, *words, "-w", str(folder), str(clone)], check=True, timeout=120)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment with the wheel in it; what the package needs it finds in this environment."""
    folder = tmp_path_factory.mktemp("installed") / "venv"
    venv.create(folder, symlinks=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    here = next(path for path in sys.path if path.endswith("site-packages"))
    (packages / "needs.pth").write_text(here + "\n")
    return folder / "bin/python"


def ran(python: Path, cwd: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": os.environ["PATH"], "HOME": str(cwd)}
    return subprocess.run(
        [str(python), "-m", "adaptive_batching", *words],
        capture_output=True, text=True, timeout=120, check=False, env=environ, cwd=cwd,
    )  # fmt: skip


def test_the_wheel_holds_the_tools_and_what_they_read_and_nothing_of_the_extension(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    expected = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "adaptive_batching").rglob("*")
        if path.is_file() and path.suffix in {".py", ".mjs", ".js", ".css", ".json", ".sql", ".typed"}
    }
    client = "adaptive_batching/sandbox/host/node/aws-lambda-ric"
    expected |= {f"{client}/{name}" for name in ("LICENSE", "NOTICE", "ORIGIN")}  # goes with AWS's Node client
    expected |= {f"adaptive_batching/logs/report/page/static/uPlot.{name}" for name in ("LICENSE", "ORIGIN")}
    functions = {f"adaptive_batching/{path.relative_to(ROOT).as_posix()}" for path in ROOT.glob("functions/**/*.py")}
    assert len(functions) >= 2
    assert {name for name in names if ".dist-info/" not in name} == expected | functions


def test_the_functions_in_the_wheel_are_those_that_are_deployed(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for path in ROOT.glob("functions/**/*.py"):
            assert archive.read(f"adaptive_batching/{path.relative_to(ROOT).as_posix()}") == path.read_bytes()


def test_it_names_what_it_needs(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        metadata = archive.read(name).decode().splitlines()
    needs = {line.removeprefix("Requires-Dist: ") for line in metadata if line.startswith("Requires-Dist: ")}
    needed = {
        "awslambdaric",
        "boto3",
        "click>=8.2",
        "duckdb>=2",
        "isal",
        "moto[server]",
        "pydantic",
        "pyyaml",
        "requests",
        "rich",
    }
    assert needs == needed


def test_from_another_folder_a_function_sees_of_it_what_lambda_has_too(python: Path, tmp_path: Path) -> None:
    code = tmp_path / "myfunction"
    code.mkdir()
    (code / "app.py").write_text(FUNCTION)
    done = ran(python, tmp_path, "sandbox", "run", "myfunction", "--s3", "logs")
    assert (done.returncode, json.loads(done.stdout)) == (0, ["boto3"]), done.stderr
    assert "s3            0 objects, 0 of 0 platform and function records" in done.stderr
    assert [entry.name for entry in (tmp_path / ".cache/adaptive-batching").iterdir()]


def test_from_another_folder_the_demonstration_takes_a_layer_that_is_named(python: Path, tmp_path: Path) -> None:
    layer = ROOT / "build/layer"
    done = ran(python, tmp_path, "demo", "-n", "3", "--layer", str(layer), "--format", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["ledger"]["lost"] == 0


@pytest.mark.parametrize("words", [["demo"], ["experiment", "run", "-n", "1"]], ids=" ".join)
def test_without_a_layer_it_says_how_to_get_one(python: Path, tmp_path: Path, words: list[str]) -> None:
    done = ran(python, tmp_path, *words)
    said = "build/layer does not exist; run `make layer` in a clone of the project, or name a built layer with --layer"
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"{' '.join(words[:-2] or words)}: {said}")
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_it_knows_its_version(python: Path, tmp_path: Path) -> None:
    assert ran(python, tmp_path, "--version").stdout == "adaptive-batching 0.1.0\n"
