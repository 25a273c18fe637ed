import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.layer.conftest import NAME

# One of each kind that the launcher clears, with values that would keep a process from running or slow it down.
LEAKS = {
    "LD_LIBRARY_PATH": "/nowhere/lib",
    "LD_BIND_NOW": "1",
    "LD_SOMETHING_NEW": "1",
    "PYTHONHOME": "/nowhere",
    "PYTHONPATH": "/nowhere/site-packages",
    "PYTHONSTARTUP": "/nowhere/startup.py",
    "PYTHON_GIL": "0",
    "MALLOC_ARENA_MAX": "1",
    "GLIBC_TUNABLES": "glibc.malloc.arena_max=1",
    "GCONV_PATH": "/nowhere/gconv",
    "LOCPATH": "/nowhere/locale",
    "OPENSSL_CONF": "/nowhere/openssl.cnf",
    "OPENSSL_MODULES": "/nowhere/modules",
}
KEPT = {
    "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001",
    "ADAPTIVE_BATCHING_EXTENSION_S3_BUCKET": "bucket",
    "SSL_CERT_FILE": "/etc/ssl/cert.pem",
    "HTTPS_PROXY": "http://127.0.0.1:3128",
    "TMPDIR": "/tmp",
    "TZ": ":UTC",
    "SENTENCE": 'it\'s LD_NOT a name; $(touch oops) PYTHON*=1 `touch oops` * "quoted"',
    "LINES_OF_TEXT": "first\nLD_SECOND=2\nPYTHON-THIRD=3",
    "EMPTY": "",
}


def start(launcher: str, cwd: Path, environ: dict[str, str] | None = None) -> dict[str, Any]:
    path = {"PATH": os.environ["PATH"]}
    ran = subprocess.run(
        [launcher], cwd=cwd, env=path | (environ or {}), capture_output=True, text=True, check=True, timeout=30
    )
    assert ran.stderr == ""
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def test_what_was_meant_for_the_function_is_cleared_and_the_rest_is_kept(opt_with_probe: Path, tmp_path: Path) -> None:
    found = start(f"{opt_with_probe}/extensions/{NAME}", tmp_path, LEAKS | KEPT)
    assert {name for name in LEAKS if name in found["environ"]} == set()
    assert {name: found["environ"].get(name) for name in KEPT} == KEPT
    assert not (tmp_path / "oops").exists()


def test_the_interpreter_is_isolated(opt_with_probe: Path, tmp_path: Path) -> None:
    found = start(f"{opt_with_probe}/extensions/{NAME}", tmp_path, LEAKS)
    assert [found[flag] for flag in ("isolated", "no_site", "dont_write_bytecode", "utf8")] == [1, 1, 1, 1]
    assert not [entry for entry in found["path"] if "site-packages" in entry or entry in ("", str(tmp_path))]


@pytest.mark.parametrize("shell", ["dash", "bash", "busybox"])
def test_any_posix_shell_will_do(opt_with_probe: Path, tmp_path: Path, shell: str) -> None:
    launcher = f"{opt_with_probe}/extensions/{NAME}"
    command = {"dash": ["dash"], "bash": ["bash", "--posix"], "busybox": ["busybox", "sh"]}[shell]
    environ = {"PATH": os.environ["PATH"]} | LEAKS | KEPT
    try:
        ran = subprocess.run(
            [*command, launcher], cwd=tmp_path, env=environ, capture_output=True, text=True, check=True, timeout=30
        )
    except FileNotFoundError:
        pytest.skip(f"there is no {shell} on this machine")
    assert ran.stderr == ""
    found = json.loads(ran.stdout)["environ"]
    assert {name for name in LEAKS if name in found} == set()
    assert {name: found.get(name) for name in KEPT} == KEPT


@pytest.mark.parametrize(
    "start_as", ["absolute", "relative", "above", "beside", "link", "link to link", "linked folder"]
)
def test_it_finds_its_files_however_it_is_started(opt_with_probe: Path, tmp_path: Path, start_as: str) -> None:
    extensions = opt_with_probe / "extensions"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "link").symlink_to(extensions / NAME)
    (elsewhere / "second").symlink_to("link")
    (elsewhere / "folder").symlink_to("../opt/extensions")
    launcher, cwd = {
        "absolute": (str(extensions / NAME), elsewhere),
        "relative": (f"extensions/{NAME}", opt_with_probe),
        "above": (f"../opt/extensions/{NAME}", elsewhere),
        "beside": (f"./{NAME}", extensions),
        "link": (str(elsewhere / "link"), tmp_path),
        "link to link": ("./second", elsewhere),
        "linked folder": (f"folder/{NAME}", elsewhere),
    }[start_as]
    found = start(launcher, cwd)
    assert Path(found["file"]).resolve() == opt_with_probe / NAME / "boot.py"
    assert found["cwd"] == str(cwd)


def say_arguments(path: Path) -> None:
    path.parent.mkdir()
    path.write_text('#!/bin/sh\nprintf \'["%s"\' "$0"; printf \', "%s"\' "$@"; echo "]"\n', encoding="utf-8")
    path.chmod(0o755)


def test_an_interpreter_in_the_private_folder_is_preferred(opt_with_probe: Path, tmp_path: Path) -> None:
    python = opt_with_probe / NAME / "bin" / "python3"
    say_arguments(python)
    command = [f"{opt_with_probe}/extensions/{NAME}"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=30)
    assert json.loads(ran.stdout) == [str(python), "-I", "-S", "-B", "-X", "utf8", f"{opt_with_probe}/{NAME}/boot.py"]


def test_a_loader_in_the_private_folder_starts_it_with_our_libraries(opt_with_probe: Path, tmp_path: Path) -> None:
    private = f"{opt_with_probe}/{NAME}"
    say_arguments(Path(private, "lib", "ld.so"))
    command = [f"{opt_with_probe}/extensions/{NAME}"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=30)
    loader = [f"{private}/lib/ld.so", "--inhibit-cache", "--library-path", f"{private}/lib", f"{private}/bin/python3"]
    assert json.loads(ran.stdout) == [*loader, "-I", "-S", "-B", "-X", "utf8", f"{private}/boot.py"]


def test_no_configuration_of_the_hosts_openssl_is_read(opt: Path, tmp_path: Path) -> None:
    strace = shutil.which("strace")
    if not strace:
        pytest.skip("strace is not installed")
    copy = tmp_path / "opt"
    shutil.copytree(opt, copy)
    (copy / NAME / "boot.py").write_text("import ssl; ssl.create_default_context()\n", encoding="utf-8")
    told = tmp_path / "opened"
    command = [strace, "-f", "-e", "trace=openat,open", "-o", str(told), str(copy / "extensions" / NAME)]
    ran = subprocess.run(command, env={"PATH": "/usr/bin:/bin"}, check=False, capture_output=True, timeout=30)
    if b"PTRACE" in ran.stderr or b"ptrace" in ran.stderr:
        pytest.skip(f"tracing is forbidden here: {ran.stderr!r}")
    opened = told.read_text(encoding="utf-8")
    assert "libcrypto.so.3" in opened
    assert "openssl.cnf" not in opened
