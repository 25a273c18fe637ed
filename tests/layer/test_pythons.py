import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from layer.interpreter import forget
from layer.pythons import DEVELOPMENT, OPTIMISED, Python, fastest, installed, reason
from tests.layer.conftest import NAME, ROOT


def python(*version: int, optimised: bool = False) -> Python:
    name = "python" + ".".join(map(str, version))
    numbers = (version[0], version[1], version[2])
    return Python(Path(name), "/usr", Path("/usr/lib"), numbers, DEVELOPMENT, optimised=optimised)


def test_of_those_alike_the_newest_that_the_extension_is_written_for_is_taken() -> None:
    for optimised in (True, False):
        versions = [(3, 9, 20), (3, 13, 1), (3, 13, 10), (3, 15, 0)]
        found = [python(*version, optimised=optimised) for version in versions]
        assert fastest(found) == python(3, 13, 10, optimised=optimised)


def test_one_that_was_built_with_a_profile_is_faster_than_a_newer_one_that_was_not() -> None:
    found = [python(3, 14, 0), python(3, 11, 2, optimised=True), python(3, 10, 9, optimised=True)]
    assert fastest(found) == python(3, 11, 2, optimised=True)


def test_an_optimised_one_that_the_extension_is_not_written_for_is_not_taken() -> None:
    assert fastest([python(3, 9, 20, optimised=True), python(3, 12, 0)]) == python(3, 12, 0)


def test_where_none_is_suitable_one_sentence_says_what_to_do() -> None:
    with pytest.raises(SystemExit, match=r"no CPython 3\.10 - 3\.14 .* was found: install one"):
        fastest([python(3, 9, 20, optimised=True)])


def test_debians_interpreter_is_known_as_optimised_although_it_describes_the_build_beside_it() -> None:
    found = [each for each in installed() if each.executable.is_relative_to("/usr/bin")]
    listed = Path("/usr/share/doc/python3-minimal").exists()  # it comes from a package of Debian or Ubuntu
    if not (found and listed):
        pytest.skip("no interpreter of Debian here")
    assert all(each.optimised for each in found)


def test_the_interpreter_that_runs_the_build_is_among_those_found() -> None:
    assert sys.version_info[:3] in {each.version for each in installed()}


def test_what_cannot_be_listed_or_started_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    locked, other = tmp_path / "locked", tmp_path / "other"
    locked.mkdir(0)
    other.mkdir()
    (other / "python3").write_bytes(b"\x7fELF of another machine")
    (other / "python3").chmod(0o755)
    (other / "python3.12").write_bytes(b"\x7fELF that may not be executed")
    too_long = tmp_path / ("x" * 300)  # cannot be listed by anyone, root included
    monkeypatch.setenv("PATH", os.pathsep.join(map(str, [locked, too_long, other, tmp_path / "missing"])))
    assert sys.version_info[:3] in {each.version for each in installed()}


def test_where_the_interpreters_lay_is_overwritten_in_place_and_their_version_is_not(tmp_path: Path) -> None:
    binary = tmp_path / "binary"
    # The linker let the version end inside the prefix.
    binary.write_bytes(b"\0/home/me/pythons/3.13.0\0/home/me/pythons/3.13.0/lib\0/usr/lib\0")
    forget("/home/me/pythons/3.13.0", [binary])
    assert binary.read_bytes() == b"\0/nowhere/////////3.13.0\0/nowhere/////////3.13.0/lib\0/usr/lib\0"


def build(tmp_path: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    """Build with no network for the interpreter."""
    command = [sys.executable, "-m", "layer.build", "--into", str(tmp_path / "opt"), *options]
    environ = {**os.environ, "UV_OFFLINE": "1"}
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=120)


def skip_if_downloaded(architecture: str) -> None:
    if downloaded := list((ROOT / "build" / "python").glob(f"*-{architecture}")):
        pytest.skip(f"it was downloaded before: {downloaded}")


def test_another_architecture_is_not_built_from_what_this_machine_happens_to_have(tmp_path: Path) -> None:
    other = "x86_64" if os.uname().machine == "aarch64" else "arm64"
    skip_if_downloaded(other)
    ran = build(tmp_path, "--arch", other)
    assert ran.returncode == 1
    assert f"ARCH={other}: its interpreter could not be downloaded (" in ran.stderr
    assert "UV_PYTHON_INSTALL_MIRROR" in ran.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_architecture_that_lambda_has_not_is_refused_at_once(tmp_path: Path) -> None:
    ran = build(tmp_path, "--arch", "foo")
    assert ran.returncode == 1
    assert ran.stderr == "ARCH=foo: Lambda has the architectures x86_64 and arm64\n"
    assert list(tmp_path.iterdir()) == []


def test_a_layer_with_the_machines_own_interpreter_is_told_as_not_to_be_published(tmp_path: Path) -> None:
    skip_if_downloaded({"aarch64": "arm64"}.get(os.uname().machine, os.uname().machine))
    ran = build(tmp_path)
    assert ran.returncode == 0, ran.stderr
    said = json.loads((tmp_path / "opt" / NAME / "layer.json").read_text(encoding="utf-8"))
    (warning,) = ran.stderr.splitlines()
    assert warning.startswith("WARNING: development build: the release's interpreter could not be downloaded (")
    assert "do not publish it" in warning
    assert f"CPython {said['python']} of this machine, {OPTIMISED[said['optimised']]}" in warning


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("error: no such thing\n  cause: tried 3 times\n  cause: no network\n", "no such thing; no network"),
        ("error: one\n", "one"),
        ("bare\n\n", "bare"),
        ("", "uv did not say why"),
    ],
)
def test_what_uv_said_is_one_line(said: str, expected: str) -> None:
    assert reason(said) == expected
