"""Find extensions and build the command lines of an environment's processes (docs/lambda-protocol.md, 1.1)."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.host import executable, python_runtime
from adaptive_batching.sandbox.options import base_interpreter

if TYPE_CHECKING:
    from adaptive_batching.sandbox.function import Function
    from adaptive_batching.sandbox.host.executable import Outside
    from adaptive_batching.sandbox.host.mounts import Mounts
    from adaptive_batching.sandbox.options import Options

#: The name of a file in the layer that disables all extensions.
SWITCH_OFF = "disable-extensions-jwigqn8j"
#: The folder with AWS's Node runtime client, and what starts it.
NODE_FOLDER = Path(__file__).parent / "node"
#: The variable that names a program through which the runtime is started.
WRAPPER = "AWS_LAMBDA_EXEC_WRAPPER"
#: Starts the runtime, "$@", through the wrapper, "$0", or says as Lambda does why that cannot be done.
_WRAPPED = """[ -f "$0" ] || { echo "$0: does not exist"; exit 127; }
[ -x "$0" ] || { echo "$0: is not executable"; exit 126; }
exec "$0" "$@"
"""

PYTHON, NODE, PROVIDED = "python", "nodejs", "provided"
#: The names that runtimes have on Lambda. Without a version, any that is installed runs the function.
_RUNTIMES = {
    PYTHON: re.compile(r"python(3\.(8|9|1\d))?"),
    NODE: re.compile(r"nodejs((1[2468]|2\d)\.x)?"),
    PROVIDED: re.compile(r"provided(\.al2|\.al2023)?"),
}


@dataclass(frozen=True)
class ExtensionFile:
    """One file of `<layer>/extensions`.

    `path` is its path for processes of the environment. `why` says why the kernel does not execute it, "" if it does.
    """

    name: str
    path: str
    why: str

    @property
    def error(self) -> str:
        """The error type with which Lambda reports `why` in `platform.extension`, "" without one."""
        return {"": "", executable.DENIED: "PermissionDenied"}.get(self.why, "UnknownError")


def find_extensions(layer: Path, inside: str, outside: Outside = Path) -> list[ExtensionFile]:
    """Return the files of `extensions/`, sorted by name. `inside` is the path of the layer for processes."""
    folder = layer / "extensions"
    if not folder.is_dir() or (layer / SWITCH_OFF).exists():
        return []
    names = sorted(entry.name for entry in folder.iterdir() if not entry.is_dir())
    paths = {name: f"{inside}/extensions/{name}" for name in names}
    return [ExtensionFile(name, path, executable.refusal(path, outside)) for name, path in paths.items()]


def kind(function: Function) -> str:
    """Return the family of the function's runtime. Raises SandboxError if it is not supported."""
    for family, names in _RUNTIMES.items():
        if names.fullmatch(function.runtime):
            return family
    raise SandboxError(
        f"runtime {function.runtime!r} is not supported; supported are python3.13, nodejs22.x and provided.al2023, "
        "other versions of these, and python, nodejs and provided without a version"
    )


def check(function: Function, options: Options) -> Path | None:
    """Check that the function can run, and return the folder for `/var/runtime`, None without one.

    Raises SandboxError.
    """
    for folder in (function.folder, *function.layers):
        check_folder(folder)
    runtime = runtime_folder(function, options)
    if options.log_folder:
        _make_log_folder(options.log_folder)
    _check_handler(function)
    return runtime


def check_folder(folder: Path) -> None:
    """Raise SandboxError if this is not a directory, or not one that can be read."""
    if not _is_directory(folder):
        raise SandboxError(f"{folder} is not a directory")
    if not os.access(folder, os.R_OK | os.X_OK):
        raise SandboxError(f"{folder} cannot be read: Permission denied")


def _is_directory(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError as error:
        raise SandboxError(f"{path} cannot be read: {error.strerror}") from None


def _make_log_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SandboxError(f"--log-folder {folder} cannot be created: {error.strerror}") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise SandboxError(f"--log-folder {folder} is not writable")


def _check_handler(function: Function) -> None:
    family = kind(function)
    if family != PROVIDED and not function.handler.rpartition(".")[0]:
        raise SandboxError(
            f"handler {function.handler!r} has no dot; write it as module.function, for example app.handler"
        )
    if family == NODE and not shutil.which("node"):
        raise SandboxError("a nodejs function needs node on the PATH")
    if family == PROVIDED:
        _check_bootstrap(function)


def _check_bootstrap(function: Function) -> None:
    """Raise SandboxError if neither the function nor a layer has an executable file named bootstrap."""
    found = [one / "bootstrap" for one in (function.folder, *function.layers) if (one / "bootstrap").is_file()]
    if not found:
        raise SandboxError(f"{function.folder / 'bootstrap'} is missing; a provided runtime starts it")
    if not os.access(found[0], os.X_OK):
        raise SandboxError(f"{found[0]} is not executable (run chmod +x); a provided runtime starts it")


def runtime_folder(function: Function, options: Options) -> Path | None:
    """Return the folder for `/var/runtime`, None without one. Raises SandboxError if the runtime is not installed."""
    family = kind(function)
    if family == NODE:
        return NODE_FOLDER
    if family != PYTHON:
        return None
    if options.awslambdaric is None and options.interpreter == base_interpreter():
        return python_runtime.installed()
    folder = (options.awslambdaric or python_runtime.installed()).resolve()
    if not _is_directory(folder / "awslambdaric"):
        raise SandboxError(
            f"{folder} does not contain awslambdaric; name a folder that does with --awslambdaric: "
            "`python -m pip install --target FOLDER awslambdaric boto3` creates one"
        )
    python_runtime.check_loads(options.interpreter, folder)
    return folder


def runtime_command(function: Function, options: Options, mounts: Mounts) -> list[str]:
    """Return the command of the function's runtime, with paths for processes of the environment."""
    family = kind(function)
    if family == PROVIDED:
        own = (function.folder / "bootstrap").is_file()
        return [f"{mounts.task if own else mounts.opt}/bootstrap"]
    if family == NODE:
        command = [shutil.which("node") or "node", f"{mounts.runtime}/index.mjs"]
    else:
        seen = options.see_packages or options.interpreter != base_interpreter()
        command = python_runtime.command(options.interpreter, mounts.lang, see_packages=seen)
    wrapper = function.variables.get(WRAPPER)
    return ["/bin/sh", "-c", _WRAPPED, wrapper, *command] if wrapper else command


def programs(function: Function, options: Options) -> list[Path]:
    """Return the programs of this machine that the runtime needs, which the mounts must not hide."""
    node = shutil.which("node") if kind(function) == NODE else None
    return [options.interpreter, *([Path(node)] if node else [])]


def write_start(function: Function, mounts: Mounts) -> None:
    """Write the file with which the runtime of a Python function starts, into the environment's `/var/lang`."""
    if kind(function) == PYTHON:
        text = python_runtime.start(function.handler, mounts.task, mounts.opt, mounts.runtime)
        (mounts.folders.lang / python_runtime.START).write_text(text, encoding="utf-8")
