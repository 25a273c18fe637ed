"""Which CPython goes into the layer.

Two sources. A release has a relocatable distribution, downloaded by uv, which knows its hash (uv's own hash is in
requirements/uv.txt). Where that cannot be fetched, a development build takes the fastest CPython of this machine, and
says so on stderr.
"""

import contextlib
import json
import os
import platform
import re
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
OPTIMISED = {True: "optimised by profile", False: "not optimised by profile"}
# Profile-guided optimisation is worth more than two minor versions. `--enable-optimizations` in the arguments of
# configure tells of it. Debian's interpreter describes a shared build that was made beside it, which is not optimised;
# the program itself is (debian/rules: profile-opt), and can be told by having libpython inside.
PROBE = """
import json, os, sys, sysconfig
import _json, fcntl, hashlib, pyexpat, select, ssl, zlib
variable = sysconfig.get_config_var
with open("/proc/self/maps") as maps:
    shared = "/libpython" in maps.read()
print(json.dumps({
    "executable": os.path.realpath(sys.executable), "prefix": sys.base_prefix, "library": os.path.dirname(os.__file__),
    "version": sys.version_info[:3],
    "optimised": "--enable-optimizations" in (variable("CONFIG_ARGS") or "")
        or bool(variable("Py_ENABLE_SHARED")) and not shared,
    "usable": sys.version_info.releaselevel == "final" and sys.implementation.name == "cpython"
        and not variable("Py_GIL_DISABLED") and not variable("Py_DEBUG"),
}))
"""


class Python(NamedTuple):
    """An installed CPython."""

    executable: Path
    prefix: str
    library: Path  # of its standard library
    version: tuple[int, int, int]
    origin: str
    optimised: bool  # built with a profile, as far as it tells


class Choice(NamedTuple):
    """The interpreter for the layer, and one that runs here and writes the same bytecode."""

    target: Python
    runner: Path
    architecture: str


class NotDownloadedError(Exception):
    """The release's interpreter cannot be fetched here; the text is what uv said."""


def choose(architecture: str, cache: Path) -> Choice | None:
    """Download or find one; None where a layer without an interpreter is all that can be built. Told on stderr."""
    here = {machine: name for name, machine in MACHINES.items()}.get(platform.machine(), "")
    if sys.platform != "linux":
        here = ""
    try:
        target = download(architecture, cache)
        return Choice(target, runner_for(target, architecture == here, here, cache), architecture)
    except NotDownloadedError as error:
        why = str(error)
    if not here and architecture == platform.machine():
        sys.stderr.write(
            f"WARNING: no Linux interpreter could be downloaded ({why}): this layer needs a Python function's own\n"
        )
        return None
    if architecture != here:
        sys.exit(
            f"ARCH={architecture}: its interpreter could not be downloaded ({why}), and this machine is "
            f"{here or platform.machine()}. Try again with a connection to GitHub, or with UV_PYTHON_INSTALL_MIRROR "
            f"set to a mirror, or build on a machine that is {architecture}"
        )
    found = fastest(installed())
    sys.stderr.write(
        f"WARNING: development build: the release's interpreter could not be downloaded ({why}). The layer contains "
        f"the CPython {'.'.join(map(str, found.version))} of this machine, {OPTIMISED[found.optimised]}: use it to "
        f"test, do not publish it\n"
    )
    return Choice(found, found.executable, architecture)


def runner_for(target: Python, itself: bool, here: str, cache: Path) -> Path:  # noqa: FBT001
    """Return the program that compiles for `target`: itself, one of its minor version, or its twin for this machine."""
    if itself:
        return target.executable
    if sys.version_info[:2] == target.version[:2]:
        return Path(sys.executable)
    return download(here, cache).executable


def download(architecture: str, cache: Path) -> Python:
    """Return the relocatable distribution of `architecture`, fetched once. NotDownloadedError if it cannot be."""
    if architecture not in MACHINES:
        raise NotDownloadedError(f"there is none for {architecture or 'this system'}")
    folder = cache / "python" / f"{RELEASED}-{architecture}"
    if not folder.exists():
        uv = vendor.install(vendor.ROOT / "requirements" / "uv.txt", cache / "vendor") / "bin" / "uv"
        unfinished = folder.with_name(folder.name + ".part")
        wanted = f"cpython-{RELEASED}-linux-{MACHINES[architecture]}-gnu"
        command = [str(uv), "--no-config", "--no-progress", "python", "install", "--no-bin", wanted]
        command += ["--install-dir", str(unfinished)]
        environ = {"UV_HTTP_RETRIES": "0", "UV_HTTP_CONNECT_TIMEOUT": "5", **os.environ, "NO_COLOR": "1"}
        ran = subprocess.run(command, env=environ, stderr=subprocess.PIPE, text=True, check=False)
        if ran.returncode:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise NotDownloadedError(reason(ran.stderr))
        unfinished.rename(folder)
    major, minor, patch = (int(number) for number in RELEASED.split("."))
    (executable,) = folder.glob(f"cpython-{RELEASED}-*/bin/python{major}.{minor}")
    prefix = executable.parent.parent
    library = prefix / "lib" / executable.name
    return Python(executable, str(prefix), library, (major, minor, patch), RELEASE, optimised=True)


def reason(said: str) -> str:
    """Return the first cause and the last that uv names, in one line."""
    causes = [re.sub(r"^\s*(error|cause|Caused by): ", "", line).strip() for line in said.splitlines() if line.strip()]
    return "; ".join(dict.fromkeys(one for one in (*causes[:1], *causes[-1:]))) or "uv did not say why"


def installed() -> list[Python]:
    """Return every usable CPython of this machine, on the PATH and where they are usually kept; this one at least."""
    folders = [Path(folder) for folder in os.get_exec_path()]
    for pattern in ELSEWHERE:
        expanded = Path(pattern).expanduser()
        folders += sorted(Path(expanded.anchor).glob(str(expanded.relative_to(expanded.anchor))))
    candidates = {Path(sys.executable).resolve()}
    for folder in folders:
        with contextlib.suppress(OSError):  # a folder that this user may not read has nothing for him
            candidates |= {path.resolve() for path in folder.glob("python3*") if is_program(path)}
    asked: list[subprocess.Popen[bytes]] = []
    for path in sorted(candidates):
        if not path.name.endswith("-config"):
            with contextlib.suppress(OSError):  # may not be executed, or is for another architecture
                command = [str(path), "-I", "-S", "-c", PROBE]
                asked.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL))
    answers = [process.communicate()[0] for process in asked]
    found = [json.loads(answer) for process, answer in zip(asked, answers, strict=True) if process.returncode == 0]
    return [
        Python(
            Path(each["executable"]),
            each["prefix"],
            Path(each["library"]),
            (each["version"][0], each["version"][1], each["version"][2]),
            DEVELOPMENT,
            each["optimised"],
        )
        for each in found
        if each["usable"]
    ]


def is_program(path: Path) -> bool:
    """Return whether this is a binary, not a script that picks one."""
    try:
        with path.open("rb") as file:
            return file.read(4) == b"\x7fELF"
    except OSError:
        return False


def fastest(found: list[Python]) -> Python:
    """Return the newest of those built with a profile, or the newest, that the extension is written for."""
    suitable = [each for each in found if OLDEST <= each.version[:2] <= NEWEST]
    if not suitable:
        sys.exit("no CPython 3.10 - 3.14 with ssl, zlib and expat was found: install one, or name it on the PATH")
    return max(suitable, key=lambda each: (each.optimised, each.version, str(each.executable)))
