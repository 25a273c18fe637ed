"""Which CPython goes into the layer.

Two sources. A release has a relocatable distribution, downloaded by uv, which knows its hash (uv's own hash is in
requirements/uv.txt). Where that cannot be fetched, a development build takes the newest CPython of this machine.
"""

import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from layer import vendor

RELEASED = "3.13.18"  # the distribution that uv is asked for
OLDEST, NEWEST = (3, 10), (3, 14)  # what the extension is written for
MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}  # Lambda's names, Linux's names
ELSEWHERE = ("~/.pyenv/versions/*/bin", "~/.local/share/uv/python/*/bin", "/usr/local/bin", "/opt/python/*/bin")
RELEASE = "python-build-standalone"
DEVELOPMENT = "development build: the interpreter of the machine that built it"
PROBE = """
import json, os, sys, sysconfig
import hashlib, pyexpat, select, ssl, zlib
print(json.dumps({
    "executable": os.path.realpath(sys.executable), "prefix": sys.base_prefix, "library": os.path.dirname(os.__file__),
    "version": sys.version_info[:3], "released": sys.version_info.releaselevel == "final",
    "implementation": sys.implementation.name, "threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
}))
"""


class Python(NamedTuple):
    """An installed CPython."""

    executable: Path
    prefix: str
    library: Path  # of its standard library
    version: tuple[int, int, int]
    origin: str


class Choice(NamedTuple):
    """The interpreter for the layer, and one that runs here and writes the same bytecode."""

    target: Python
    runner: Path
    architecture: str


def choose(architecture: str, cache: Path) -> Choice | None:
    """Download or find one; None where a layer without an interpreter is all that can be built."""
    here = {machine: name for name, machine in MACHINES.items()}.get(platform.machine(), "")
    if sys.platform != "linux":
        here = ""
    target = download(architecture, cache)
    if target and (runner := runner_for(target, architecture == here, here, cache)):
        return Choice(target, runner, architecture)
    if not here and architecture == platform.machine():
        sys.stderr.write("no Linux interpreter could be downloaded: this layer needs a Python function's own Python\n")
        return None
    if architecture != here:
        sys.exit(
            f"ARCH={architecture}: no interpreter for it could be downloaded, and this machine is {here or 'other'}"
        )
    found = newest(installed())
    return Choice(found, found.executable, architecture)


def runner_for(target: Python, itself: bool, here: str, cache: Path) -> Path | None:  # noqa: FBT001
    """Return the program that compiles for `target`: itself, one of its minor version, or its twin for this machine."""
    if itself:
        return target.executable
    if sys.version_info[:2] == target.version[:2]:
        return Path(sys.executable)
    twin = download(here, cache)
    return twin.executable if twin else None


def download(architecture: str, cache: Path) -> Python | None:
    """Return the relocatable distribution of `architecture`, fetched once; None where it cannot be fetched."""
    if architecture not in MACHINES:
        return None
    folder = cache / "python" / f"{RELEASED}-{architecture}"
    if not folder.exists():
        uv = vendor.install(vendor.ROOT / "requirements" / "uv.txt", cache / "vendor") / "bin" / "uv"
        unfinished = folder.with_name(folder.name + ".part")
        wanted = f"cpython-{RELEASED}-linux-{MACHINES[architecture]}-gnu"
        command = [str(uv), "--no-config", "-q", "python", "install", "--no-bin", wanted]
        command += ["--install-dir", str(unfinished)]
        environ = {"UV_HTTP_RETRIES": "0", "UV_HTTP_CONNECT_TIMEOUT": "5", **os.environ}
        if subprocess.run(command, env=environ, stderr=subprocess.DEVNULL, check=False).returncode:
            shutil.rmtree(unfinished, ignore_errors=True)
            return None
        unfinished.rename(folder)
    major, minor, patch = (int(number) for number in RELEASED.split("."))
    (executable,) = folder.glob(f"cpython-{RELEASED}-*/bin/python{major}.{minor}")
    prefix = executable.parent.parent
    return Python(executable, str(prefix), prefix / "lib" / executable.name, (major, minor, patch), RELEASE)


def installed() -> list[Python]:
    """Return every usable CPython of this machine, on the PATH and where they are usually kept; this one at least."""
    folders = [Path(folder) for folder in os.get_exec_path()]
    for pattern in ELSEWHERE:
        expanded = Path(pattern).expanduser()
        folders += sorted(Path(expanded.anchor).glob(str(expanded.relative_to(expanded.anchor))))
    candidates = {Path(sys.executable).resolve()}
    for folder in folders:
        candidates |= {path.resolve() for path in folder.glob("python3*") if is_program(path)}
    asked = [
        subprocess.Popen([path, "-I", "-S", "-c", PROBE], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        for path in sorted(candidates)
        if not path.name.endswith("-config")
    ]
    answers = [process.communicate()[0] for process in asked]
    found = [json.loads(answer) for process, answer in zip(asked, answers, strict=True) if process.returncode == 0]
    return [
        Python(
            Path(each["executable"]),
            each["prefix"],
            Path(each["library"]),
            (each["version"][0], each["version"][1], each["version"][2]),
            DEVELOPMENT,
        )
        for each in found
        if each["released"] and each["implementation"] == "cpython" and not each["threaded"]
    ]


def is_program(path: Path) -> bool:
    """Return whether this is a binary, not a script that picks one."""
    try:
        with path.open("rb") as file:
            return file.read(4) == b"\x7fELF"
    except OSError:
        return False


def newest(found: list[Python]) -> Python:
    """Return the newest that the extension is written for."""
    suitable = [each for each in found if OLDEST <= each.version[:2] <= NEWEST]
    if not suitable:
        sys.exit("no CPython 3.10 - 3.14 with ssl, zlib and expat was found: install one, or name it on the PATH")
    return max(suitable, key=lambda each: (each.version, str(each.executable)))
