"""The runtime of Python functions: a folder with awslambdaric, boto3 and what these need, and nothing else.

Lambda's runtimes for Python contain both. Here they are installed together with this package and its dependencies,
such as click and moto, which a function must not see. Their files are therefore copied to the user's cache, to one
folder for each build. The option --awslambdaric names another folder.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sysconfig
import tempfile
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING

from adaptive_batching.sandbox.errors import SandboxError

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = "awslambdaric"
#: The distributions that the folder contains, with their dependencies.
_ROOTS = (NAME, "boto3")
#: The C module of awslambdaric. It loads only with the version of Python for which it was built.
_C_MODULE = "runtime_client"
#: Seconds within which an interpreter must load the C module.
_START = 30.0
#: The file that starts the runtime. It has the name that it has in Lambda.
START = "bootstrap.py"
_START_TEXT = """import site, sys
if "-S" in sys.orig_argv:  # hides the installed packages, and omits what functions may call
    site.setquit()
    site.sethelper()
sys.path[0] = {runtime!r}
from awslambdaric.__main__ import main
packages = "lib/python%d.%d/site-packages" % sys.version_info[:2]
sys.path[:1] = [{task!r}, {opt!r} + "/python/" + packages, {opt!r} + "/python", {runtime!r}]
main(["bootstrap", {handler!r}])
"""
_BY_HAND = "`python -m pip install --target FOLDER awslambdaric boto3` creates a folder for --awslambdaric"


def installed(environ: Mapping[str, str] | None = None) -> Path:
    """Return the folder with the copies of what is installed. Create it on first use. Raises SandboxError."""
    parts = _with_dependencies()
    records = "".join(part.read_text("RECORD") or "" for part in parts)
    build = (
        f"{parts[0].version}-{sysconfig.get_config_var('SOABI')}-{hashlib.sha256(records.encode()).hexdigest()[:12]}"
    )
    folder = cache_home(os.environ if environ is None else environ) / "adaptive-batching" / f"{NAME}-{build}"
    if not folder.is_dir():
        try:
            _copy(parts, folder)
        except OSError as error:
            raise SandboxError(
                f"{folder} cannot be created ({error.strerror}); set XDG_CACHE_HOME to another folder, or {_BY_HAND}"
            ) from None
    return folder


def cache_home(environ: Mapping[str, str]) -> Path:
    """Return the user's cache folder. By the XDG specification, a relative XDG_CACHE_HOME is ignored."""
    named = Path(environ.get("XDG_CACHE_HOME") or ".")
    return named if named.is_absolute() else Path(environ.get("HOME") or Path.home()) / ".cache"


def _with_dependencies() -> list[Distribution]:
    """Return the distributions of awslambdaric and boto3 and of everything that they require, awslambdaric first."""
    try:
        found = {name: distribution(name) for name in _ROOTS}
    except PackageNotFoundError as missing:
        raise SandboxError(f"{missing.name} is not installed with this package; {_BY_HAND}") from None
    todo = list(found.values())
    while todo:
        for requirement in todo.pop().requires or ():
            name = re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]
            try:
                part = distribution(name)
            except PackageNotFoundError:  # required by an extra, or on another platform
                continue
            if name not in found:
                found[name] = part
                todo.append(part)
    return list(found.values())


def _copy(parts: list[Distribution], folder: Path) -> None:
    """Create the folder atomically, because another process may create the same one."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".making-") as making:
        whole = Path(making) / "whole"
        for file in (file for part in parts for file in part.files or ()):
            if ".." in file.parts or "__pycache__" in file.parts:  # scripts, and bytecode that the installer wrote
                continue
            target = whole / file
            target.parent.mkdir(parents=True, exist_ok=True)
            _copy_file(Path(str(file.locate())), target)
        try:
            whole.rename(folder)
        except OSError:
            if not folder.is_dir():
                raise


def _copy_file(source: Path, target: Path) -> None:
    """Copy a file, and a module with its bytecode, which is valid as long as the module keeps its time.

    Functions cannot write there. Without bytecode each cold start would compile what it imports of boto3: 0.3 s.
    """
    shutil.copy2(source, target)
    if source.suffix == ".py":
        bytecode = Path(importlib.util.cache_from_source(str(source)))
        if bytecode.exists():
            (target.parent / "__pycache__").mkdir(exist_ok=True)
            shutil.copy2(bytecode, target.parent / "__pycache__" / bytecode.name)


@functools.cache
def check_loads(interpreter: Path, folder: Path) -> None:
    """Raise SandboxError if the interpreter cannot load awslambdaric from the folder."""
    code = f"import sys; sys.path[:0] = [{str(folder)!r}]; import {_C_MODULE}"
    try:
        done = subprocess.run(
            [interpreter, "-S", "-c", code], capture_output=True, text=True, timeout=_START, check=False, cwd=folder
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        why = error.strerror if isinstance(error, OSError) else f"it did not answer within {_START:.0f} seconds"
        raise SandboxError(f"--python {interpreter} cannot be started: {why}") from None
    if done.returncode:
        why = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        raise SandboxError(
            f"{interpreter} cannot load awslambdaric from {folder} ({why}): a build works with one version of Python; "
            f"run `{interpreter} -m pip install --target FOLDER awslambdaric boto3` and give it to --awslambdaric"
        )


def command(interpreter: Path, lang: str, *, see_packages: bool) -> list[str]:
    """Return the command of a Python function's runtime. `lang` is the folder that holds START.

    Without `see_packages` the function does not see the packages that are installed for the interpreter. START comes
    last, because wrapper scripts insert options of the interpreter before the last word.
    """
    return [str(interpreter), *([] if see_packages else ["-S"]), f"{lang}/{START}"]


def start(handler: str, task: str, opt: str, runtime: str) -> str:
    """Return the text of START. The arguments are those of the function, as its processes see them. Pure.

    As in Lambda, awslambdaric is found before anything of the function is, and afterwards the function's code and its
    layers are found before it.
    """
    return _START_TEXT.format(handler=handler, task=task, opt=opt, runtime=runtime)
