"""What is said of a file that cannot be executed, against what this kernel says when it is asked to."""

from __future__ import annotations

import errno
import os
import random
import shutil
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptive_batching.sandbox.host.executable import DENIED, FORMAT, LOOP, MISSING, refusal

TRUE = Path(shutil.which("true") or "/bin/true").resolve().read_bytes()
WORDS = {
    errno.ENOENT: MISSING,
    errno.ENOTDIR: MISSING,
    errno.EACCES: DENIED,
    errno.ENOEXEC: FORMAT,
    errno.ELOOP: LOOP,
}


def says(file: Path) -> str:
    """The kernel's own answer: a child executes the file. One that is executed ends by itself."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            null = os.open(os.devnull, os.O_RDWR)
            for descriptor in range(3):
                os.dup2(null, descriptor)
            os.execv(file, [str(file)])  # noqa: S606 - the question is what the kernel says
        except OSError as error:
            os.write(write, str(error.errno).encode())
        finally:
            os._exit(1)
    os.close(write)
    with os.fdopen(read, "rb") as answer:  # the descriptor is closed by a successful exec
        number = answer.read()
    os.waitpid(child, 0)
    return WORDS[int(number)] if number else ""


def foreign(machine: int) -> bytes:
    return TRUE[:18] + struct.pack("<H", machine) + TRUE[20:]


CONTENTS = {
    "empty": b"",
    "no #! line": b"exit 0\n",
    "a script": b"#!/bin/sh\nexit 0\n",
    "spaces": b"#! \t /bin/sh  -e \nexit 0\n",
    "no newline": b"#!/bin/sh",
    "CRLF": b"#!/bin/sh\r\nexit 0\r\n",
    "CRLF after an argument": b"#!/bin/sh -e\r\nexit 0\r\n",
    "no interpreter": b"#!\nexit 0\n",
    "spaces for an interpreter": b"#!   \nexit 0\n",
    "a NUL": b"#!/bin/sh\0 nonsense\nexit 0\n",
    "an interpreter that is missing": b"#!/no/such/program\n",
    "an interpreter that is a folder": b"#!/usr\n",
    "an interpreter that may not be executed": b"#!/etc/passwd\n",
    "a long line": b"#!/bin/sh " + b"x" * 400 + b"\n",
    "a path that is too long": b"#!/" + b"x" * 400 + b"\n",
    "a program": TRUE,
    "of another processor": foreign(243),
    "cut in its header": TRUE[:40],
    "cut after its header": TRUE[:64],
    "program headers beyond any file": TRUE[:32] + struct.pack("<Q", 1 << 63) + TRUE[40:],
    "program headers behind its end": TRUE[:32] + struct.pack("<Q", 1 << 40) + TRUE[40:],
    "program headers of another size": TRUE[:54] + struct.pack("<HH", 65535, 65535) + TRUE[58:],
    "another loader": TRUE.replace(b"/ld-linux", b"/no-linux"),
    "ELF and nothing": b"\x7fELF",
    "a zip file": b"PK\x03\x04" + bytes(60),
    "a BOM": b"\xef\xbb\xbf#!/bin/sh\nexit 0\n",
}


def put(folder: Path, content: bytes, mode: int = 0o755) -> Path:
    file = folder / "file"
    file.write_bytes(content)
    file.chmod(mode)
    return file


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_a_file_is_refused_as_the_kernel_refuses_it(tmp_path: Path, content: bytes) -> None:
    file = put(tmp_path, content)
    assert refusal(str(file), Path) == says(file)


def test_what_is_no_file_or_has_no_permission_is_refused_as_the_kernel_refuses_it(tmp_path: Path) -> None:
    file = put(tmp_path, b"#!/bin/sh\n", 0o644)
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "dangling").symlink_to("nothing")
    (tmp_path / "below").symlink_to(file / "x")
    for path in (file, *(tmp_path / name for name in ("folder", "loop", "dangling", "absent", "below"))):
        assert refusal(str(path), Path) == says(path), path.name


def test_links_and_scripts_that_interpret_scripts_are_followed_as_far_as_the_kernel_does(tmp_path: Path) -> None:
    last = put(tmp_path, b"#!/bin/sh\nexit 0\n")
    for depth in range(8):
        script = tmp_path / f"script-{depth}"
        script.write_text(f"#!{last}\n")
        script.chmod(0o755)
        link = tmp_path / f"link-{depth}"
        link.symlink_to(script.name)
        assert refusal(str(link), Path) == says(link), depth
        last = script


@pytest.mark.parametrize("end", ["", "/", "//", "/.", "/./", "/..", "/x", "/../sh"])
def test_what_ends_as_a_folder_is_judged_as_the_kernel_judges_it(end: str, tmp_path: Path) -> None:
    script = put(tmp_path, f"#!/bin/sh{end}\n".encode())
    assert refusal(str(script), Path) == says(script)
    if ".." in end:  # of a link it is resolved as text, since its parts inside are elsewhere outside
        return
    link = tmp_path / "link"
    link.symlink_to(f"/bin/sh{end}")
    assert refusal(str(link), Path) == says(link)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=12), st.sampled_from([b"", b"#!", b"#!/bin/sh", b"#!/bin/true ", b"\x7fELF"]), st.booleans())
def test_any_start_of_a_file_is_judged_as_the_kernel_judges_it(rest: bytes, start: bytes, line: bool) -> None:  # noqa: FBT001
    folder = Path(os.environ.get("TMPDIR", "/tmp")) / f"executable-{os.getpid()}-{random.randrange(10**9)}"
    folder.mkdir()
    try:
        file = put(folder, start + rest + b"\n" * line)
        assert refusal(str(file), Path) == says(file), (start, rest)
    finally:
        shutil.rmtree(folder)


def test_a_path_inside_is_mapped_to_the_host(tmp_path: Path) -> None:
    put(tmp_path, b"#!/opt/bin/own\n")
    outside = lambda path: tmp_path / Path(path).relative_to("/opt") if path.startswith("/opt") else Path(path)  # noqa: E731
    assert refusal("/opt/file", outside) == MISSING
    (tmp_path / "bin").mkdir()
    shutil.copy(tmp_path / "file", tmp_path / "bin/program")
    (tmp_path / "bin/own").symlink_to("/opt/bin/program")
    (tmp_path / "bin/program").write_bytes(TRUE)
    assert refusal("/opt/file", outside) == ""


def test_another_machine_runs_its_own_programs() -> None:
    assert os.uname().machine not in {"x86_64", "aarch64"} or refusal("/bin/true", Path, "riscv64") == ""
    other = {"x86_64": "aarch64", "aarch64": "x86_64"}.get(os.uname().machine, "")
    assert not other or refusal("/bin/true", Path, other) == FORMAT
