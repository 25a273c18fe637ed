import json
import os
import stat
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from extension.records import objects
from layer import interpreter
from layer.libraries import LOADER
from tests.layer.conftest import NAME, ROOT

# PEP 552: flags in the second word of the header; bit 0: by hash, bit 1: checked against the source.
HASHED, CHECKED = 1, 2


def test_the_package_in_the_layer_is_ours_to_the_byte(opt: Path) -> None:
    def files(folder: Path) -> dict[str, bytes]:
        paths = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}

    assert files(opt / NAME / "extension") == files(ROOT / "extension")


def test_neither_tools_nor_tests_are_in_the_layer(opt: Path) -> None:
    names = {part for path in opt.rglob("*") for part in path.relative_to(opt).parts}
    assert names.isdisjoint({"adaptive_batching", "sandbox", "functions", "benchmarks", "tests", "test", "conftest.py"})
    assert not [name for name in names if name.startswith("test_")]


def test_nothing_lies_where_a_runtime_of_the_function_looks(opt: Path) -> None:
    assert sorted(path.name for path in opt.iterdir()) == [NAME, "extensions"]
    assert [path.name for path in (opt / "extensions").iterdir()] == [NAME]


def test_the_launcher_may_be_executed_and_all_may_be_read(opt: Path) -> None:
    assert stat.S_IMODE((opt / "extensions" / NAME).stat().st_mode) == 0o755
    for path in opt.rglob("*"):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode in ((0o755,) if path.is_dir() else (0o644, 0o755)), path


def test_every_source_is_compiled_ahead_and_never_checked(opt: Path) -> None:
    sources = [path for path in (opt / NAME).rglob("*.py") if path.name != "boot.py"]
    assert sources
    assert list((opt / NAME / "lib").rglob("*.pyc"))
    for compiled_alone in (opt / NAME / "lib").rglob("*.pyc"):
        assert int.from_bytes(compiled_alone.read_bytes()[4:8], "little") == HASHED, compiled_alone
    for source in sources:
        compiled = list((source.parent / "__pycache__").glob(f"{source.stem}.cpython-*.pyc"))
        assert len(compiled) == 1, source
        flags = int.from_bytes(compiled[0].read_bytes()[4:8], "little")
        assert flags & HASHED, compiled[0]
        assert not flags & CHECKED, compiled[0]


def test_bytecode_names_the_file_as_it_will_lie_on_lambda(opt: Path) -> None:
    compiled = next((opt / NAME / "extension" / "__pycache__").glob("errors.cpython-*.pyc")).read_bytes()
    assert f"/opt/{NAME}/extension/errors.py".encode() in compiled
    assert str(ROOT).encode() not in compiled


def test_no_file_names_the_machine_that_built_it(opt: Path) -> None:
    needles = {str(ROOT).encode(), str(Path.home()).encode() + b"/"}
    found = [path for path in opt.rglob("*") if path.is_file() and any(each in path.read_bytes() for each in needles)]
    assert found == []


def test_each_distribution_is_on_the_bill_with_its_licence(opt: Path) -> None:
    bill = (opt / NAME / "THIRD_PARTY" / "BILL.tsv").read_text(encoding="utf-8").splitlines()[1:]
    lock = (ROOT / "requirements" / "layer.txt").read_text(encoding="utf-8").splitlines()
    pinned = {line.split()[0] for line in lock if "==" in line}
    rows = [row.split("\t") for row in bill]
    assert pinned <= {f"{name}=={version}" for name, version, _ in rows}
    for name, _, licence in rows:
        assert licence
        assert list((opt / NAME / "THIRD_PARTY" / name).iterdir()), name


def test_the_vendored_boto3_makes_its_clients_with_nothing_else_on_the_path(opt: Path) -> None:
    program = (
        "import sys; sys.path[:] = [p for p in sys.path if 'site-packages' not in p]; sys.path.insert(0, sys.argv[1])\n"
        "import boto3\n"
        "keys = dict(aws_access_key_id='x', aws_secret_access_key='x', region_name='eu-north-1')\n"
        "print(boto3.client('s3', **keys).meta.endpoint_url, boto3.client('sts', **keys).meta.endpoint_url)\n"
    )
    command = [sys.executable, "-I", "-S", "-B", "-c", program, str(opt / NAME / "vendor")]
    made = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert made.stdout.split() == ["https://s3.eu-north-1.amazonaws.com", "https://sts.eu-north-1.amazonaws.com"]


def test_every_binary_is_of_the_architecture_that_the_layer_says(opt: Path) -> None:
    said = json.loads((opt / NAME / "layer.json").read_text(encoding="utf-8"))
    # ELF header: e_machine at byte 18.
    machine = {"x86_64": 62, "arm64": 183}[said["architecture"]]
    binaries = {path: path.read_bytes()[:20] for path in opt.rglob("*") if path.is_file()}
    found = {path: int.from_bytes(head[18:20], "little") for path, head in binaries.items() if head[:4] == b"\x7fELF"}
    assert opt / NAME / "bin" / "python3" in found
    assert set(found.values()) == {machine}


def test_the_layer_says_which_interpreter_it_brings_and_where_that_came_from(opt: Path) -> None:
    said = json.loads((opt / NAME / "layer.json").read_text(encoding="utf-8"))
    command = [str(opt / NAME / "lib" / LOADER), "--library-path", str(opt / NAME / "lib")]
    program = "import platform, sys; print(platform.python_version(), sys.version.split()[0])"
    command += [str(opt / NAME / "bin" / "python3"), "-I", "-S", "-c", program]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    assert ran.stdout.split() == [said["python"], said["python"]]
    assert said["origin"].startswith(("development build", "python-build-standalone"))
    assert isinstance(said["optimised"], bool)


def test_the_version_of_the_layer_of_its_objects_and_of_the_tools_is_one(opt: Path) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert json.loads((opt / NAME / "layer.json").read_text(encoding="utf-8"))["version"] == version
    assert version == objects.VERSION


def test_two_builds_give_the_same_zip_and_the_zip_is_the_tree(tmp_path: Path) -> None:
    # Another hash seed and umask each time: neither may show.
    for name, seed, mask in (("one", "1", 0o022), ("two", "2", 0o077)):
        options = ["--into", tmp_path / name, "--zip", tmp_path / f"{name}.zip"]
        command = [sys.executable, "-m", "layer.build", *map(str, options)]
        environ = {**os.environ, "PYTHONHASHSEED": seed}
        subprocess.run(command, cwd=ROOT, check=True, env=environ, umask=mask, stdout=subprocess.DEVNULL, timeout=300)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        entries = archive.infolist()
        zipped = {entry.filename: (archive.read(entry), entry.external_attr >> 16 & 0o777) for entry in entries}
    files = [path for path in (tmp_path / "two").rglob("*") if path.is_file()]
    tree = {
        path.relative_to(tmp_path / "two").as_posix(): (path.read_bytes(), stat.S_IMODE(path.stat().st_mode))
        for path in files
    }
    assert zipped == tree


@pytest.mark.parametrize(("what", "limit"), [("zipped", 20e6), ("unpacked", 60e6)])
def test_the_layer_stays_small(opt: Path, what: str, limit: float) -> None:
    zipped = (ROOT / "dist" / f"{NAME}.zip").stat().st_size
    unpacked = sum(path.stat().st_size for path in opt.rglob("*") if path.is_file())
    assert {"zipped": zipped, "unpacked": unpacked}[what] < limit


def test_the_kept_interpreter_is_made_again_when_a_library_of_the_machine_changes(tmp_path: Path) -> None:
    library = tmp_path / "libssl.so.3"
    library.write_bytes(b"one")
    (tmp_path / "taken.json").write_text(json.dumps([interpreter.state(library)]), encoding="utf-8")
    assert interpreter.is_current(tmp_path)
    library.write_bytes(b"another")
    assert not interpreter.is_current(tmp_path)
    library.unlink()
    assert not interpreter.is_current(tmp_path)
