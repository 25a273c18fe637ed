"""What execve(2) says to a file, without executing it: the rules of Linux for scripts and for ELF files.

A shell runs a file that the kernel refuses as a script of its own, so a sandbox that starts files through one would run
what Lambda refuses. Sources: execve(2); fs/exec.c, fs/binfmt_script.c and fs/binfmt_elf.c of Linux.
"""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Callable
from pathlib import Path

#: Maps the path of a file for processes of the environment to its path on the host.
Outside = Callable[[str], Path]

#: The texts of Go, in which Lambda's own supervisor is written.
MISSING, DENIED, FORMAT, LOOP = (
    "no such file or directory",
    "permission denied",
    "exec format error",
    "too many levels of symbolic links",
)
#: The longest first line of a script, in bytes, and the most files of a chain of interpreters.
_LINE, _DEPTH = 256, 6
#: The most links that a path is followed through.
_LINKS = 40
_OF_A_FOLDER = ("/", "/.")
_ELF = b"\x7fELF"
#: The machine, as uname(2) calls it -> the numbers for it in an ELF file: its own, and that of its 32-bit programs.
_MACHINES = {"x86_64": (62, 3), "aarch64": (183, 40)}
_WIDE, _LITTLE, _EXECUTABLE, _INTERPRETER = 2, 1, (2, 3), 3
#: e_type, e_machine, e_phoff, e_phentsize, e_phnum of a 64-bit file; p_type, p_offset, p_filesz of a program header.
_HEADER, _PROGRAM = struct.Struct("<16xHH12xQ14xHH"), struct.Struct("<I4xQ16xQ16x")


def refusal(path: str, outside: Outside, machine: str | None = None) -> str:
    """Return "" if the kernel executes the file, else its error as Go words it.

    `path` is that for processes of the environment. `machine` is that of uname(2), by default this machine's.
    """
    for _ in range(_DEPTH):
        error, interpreter = _load(path, outside, machine or os.uname().machine)
        if error or not interpreter:
            return error
        path = interpreter
    return LOOP


def _load(path: str, outside: Outside, machine: str) -> tuple[str, str]:
    """Return the error for one file, and the interpreter that its first line names. Either may be ""."""
    try:
        file = _followed(path, outside)
        if file is None:
            return LOOP, ""
        if not stat.S_ISREG(file.stat().st_mode) or not os.access(file, os.X_OK):
            return DENIED, ""
        with file.open("rb") as opened:
            start = opened.read(_LINE)
        if start.startswith(b"#!"):
            interpreter = _interpreter(start)
            return (FORMAT, "") if interpreter is None else ("", interpreter)
        return _elf(file, start, outside, machine), ""
    except OSError as error:
        return (DENIED if isinstance(error, PermissionError) else MISSING), ""


def _followed(path: str, outside: Outside) -> Path | None:
    """Return the file on the host that a path inside names, with its last links followed inside. None if they loop.

    Raises NotADirectoryError if the path, or that of a link, ends as that of a folder does (`/bin/sh/`), and is none.
    """
    is_folder = False
    for _ in range(_LINKS):
        is_folder = is_folder or path.endswith(_OF_A_FOLDER)  # which a Path no longer tells
        file = outside(path)
        if not file.is_symlink():
            if is_folder and not file.is_dir():
                raise NotADirectoryError(path)
            return file
        target = os.readlink(file)  # noqa: PTH115 - as above
        is_folder = is_folder or target.endswith(_OF_A_FOLDER)
        path = os.path.normpath(Path(path).parent / target)
    return None


def _interpreter(start: bytes) -> str | None:
    """Return the interpreter that a `#!` line names, None if it names none.

    The name ends at a space, tab or NUL, and NULs follow a file that is shorter than the kernel's buffer. A name that
    is empty for that reason is that of the working directory.
    """
    line, newline, _ = start.ljust(_LINE, b"\0")[2:].partition(b"\n")
    name = line.lstrip(b" \t")
    ends = [position for end in b" \t\0" if (position := name.find(end)) >= 0]
    if not name or not (newline or ends):  # nothing, or a path that the buffer cuts off
        return None
    return os.fsdecode(name[: min(ends, default=len(name))]) or "/"


def _elf(file: Path, start: bytes, outside: Outside, machine: str) -> str:
    if len(start) < _HEADER.size or not start.startswith(_ELF) or start[5] != _LITTLE:
        return FORMAT
    kind, number, offset, size, count = _HEADER.unpack_from(start)
    if kind not in _EXECUTABLE or number not in _MACHINES.get(machine, (number,)):
        return FORMAT
    if start[4] != _WIDE:  # a 32-bit program, whose headers differ: only its machine is looked at
        return ""
    return _programs(file, offset, count, outside) if size == _PROGRAM.size else FORMAT


def _programs(file: Path, offset: int, count: int, outside: Outside) -> str:
    """Return the error for the program headers of an ELF file, one of which may name a loader."""
    end = file.stat().st_size
    if offset > end:  # it may have 64 bits, which is more than `seek` takes
        return FORMAT
    with file.open("rb") as opened:
        opened.seek(offset)
        table = opened.read(_PROGRAM.size * count)
        if not table or len(table) < _PROGRAM.size * count:
            return FORMAT
        for kind, where, length in _PROGRAM.iter_unpack(table):
            if kind == _INTERPRETER:
                if where > end:
                    return FORMAT
                opened.seek(where)
                loader = _followed(os.fsdecode(opened.read(min(length, 4096)).rstrip(b"\0")), outside)
                return "" if loader is not None and loader.exists() else MISSING
    return ""
