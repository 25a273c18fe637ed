import os
import subprocess
import sys
from pathlib import Path

import pytest

from layer.interpreter import forget
from layer.pythons import DEVELOPMENT, Python, installed, newest
from tests.layer.conftest import ROOT


def python(*version: int) -> Python:
    name = "python" + ".".join(map(str, version))
    return Python(Path(name), "/usr", Path("/usr/lib"), (version[0], version[1], version[2]), DEVELOPMENT)


def test_the_newest_that_the_extension_is_written_for_is_taken() -> None:
    assert newest([python(3, 9, 20), python(3, 13, 1), python(3, 13, 10), python(3, 15, 0)]) == python(3, 13, 10)


def test_where_none_is_suitable_one_sentence_says_what_to_do() -> None:
    with pytest.raises(SystemExit, match=r"no CPython 3\.10 - 3\.14 .* was found: install one"):
        newest([python(3, 9, 20)])


def test_the_interpreter_that_runs_the_build_is_among_those_found() -> None:
    assert sys.version_info[:3] in {each.version for each in installed()}


def test_where_the_interpreters_lay_is_overwritten_in_place_and_their_version_is_not(tmp_path: Path) -> None:
    binary = tmp_path / "binary"
    # The linker let the version end inside the prefix.
    binary.write_bytes(b"\0/home/me/pythons/3.13.0\0/home/me/pythons/3.13.0/lib\0/usr/lib\0")
    forget("/home/me/pythons/3.13.0", [binary])
    assert binary.read_bytes() == b"\0/nowhere/////////3.13.0\0/nowhere/////////3.13.0/lib\0/usr/lib\0"


def test_another_architecture_is_not_built_from_what_this_machine_happens_to_have(tmp_path: Path) -> None:
    other = "x86_64" if os.uname().machine == "aarch64" else "arm64"
    if downloaded := list((ROOT / "build" / "python").glob(f"*-{other}")):
        pytest.skip(f"it was downloaded before: {downloaded}")
    command = [sys.executable, "-m", "layer.build", "--arch", other, "--into", str(tmp_path / "opt")]
    environ = {**os.environ, "UV_OFFLINE": "1"}
    ran = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=120)
    assert ran.returncode == 1
    assert f"ARCH={other}: no interpreter for it could be downloaded" in ran.stderr
    assert list(tmp_path.iterdir()) == []
