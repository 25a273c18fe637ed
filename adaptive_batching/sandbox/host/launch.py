"""Find extensions and build the command lines of an environment's processes (docs/lambda-protocol.md, 1.1)."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.host import python_runtime
from adaptive_batching.sandbox.options import base_interpreter

if TYPE_CHECKING:
    from adaptive_batching.sandbox.function import Function
    from adaptive_batching.sandbox.options import Options

#: The name of a file in the layer that disables all extensions.
SWITCH_OFF = "disable-extensions-jwigqn8j"
#: The folder of this project's Node bootstrap. AWS publishes none that runs without building native code.
NODE_FOLDER = Path(__file__).parent / "node"

PYTHON, NODE, PROVIDED = "python", "nodejs", "provided"


@dataclass(frozen=True)
class ExtensionFile:
    """One file of `<layer>/extensions`.

    `path` is its path for processes of the environment. `error` is the error type if it cannot be started, else "".
    """

    name: str
    path: str
    error: str


def find_extensions(layer: Path, inside: str) -> list[ExtensionFile]:
    """Return the files of `extensions/`, sorted by name. `inside` is the path of the layer for processes."""
    folder = layer / "extensions"
    if not folder.is_dir() or (layer / SWITCH_OFF).exists():
        return []
    files = sorted(entry for entry in folder.iterdir() if not entry.is_dir())
    return [ExtensionFile(file.name, f"{inside}/extensions/{file.name}", _error(file, layer)) for file in files]


def _error(file: Path, layer: Path) -> str:
    """Return the error type with which Lambda reports that the kernel cannot execute the file, "" if it can."""
    if not os.access(file, os.X_OK):
        return "PermissionDenied"
    with file.open("rb") as opened:
        start = opened.readline(256)
    words = start[2:].split() if start.startswith(b"#!") else []
    if not words:
        return ""
    interpreter = Path(os.fsdecode(words[0]))
    if interpreter.is_relative_to("/opt"):  # the path of the layer for processes
        interpreter = layer / interpreter.relative_to("/opt")
    return "" if interpreter.exists() else "UnknownError"


def kind(function: Function) -> str:
    """Return the family of the function's runtime. Raises SandboxError if it is not supported."""
    for family in (PYTHON, NODE, PROVIDED):
        if function.runtime.startswith(family):
            return family
    raise SandboxError(f"runtime {function.runtime!r} is not supported; supported are python, nodejs and provided")


def check(function: Function, options: Options) -> Path | None:
    """Check that the function can run, and return the folder for `/var/runtime`, None without one.

    Raises SandboxError.
    """
    for folder in (function.folder, *function.layers):
        if not folder.is_dir():
            raise SandboxError(f"{folder} is not a directory")
    runtime = runtime_folder(function, options)
    _check_handler(function)
    if options.log_folder:
        _make_log_folder(options.log_folder)
    return runtime


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
    bootstrap = function.folder / "bootstrap"
    if family == PROVIDED and not os.access(bootstrap, os.X_OK):
        what = "is not executable (run chmod +x)" if bootstrap.exists() else "is missing"
        raise SandboxError(f"{bootstrap} {what}; a provided runtime starts it")


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
    if not (folder / "awslambdaric").is_dir():
        raise SandboxError(
            f"{folder} does not contain awslambdaric; name a folder that does with --awslambdaric: "
            "`python -m pip install --target FOLDER awslambdaric` creates one"
        )
    python_runtime.check_loads(options.interpreter, folder)
    return folder


def runtime_command(function: Function, options: Options, runtime: str, task: str) -> list[str]:
    """Return the command of the function's runtime.

    `runtime` and `task` are the paths of the runtime and of the function's code for processes of the environment.
    """
    family = kind(function)
    if family == PROVIDED:
        return [f"{task}/bootstrap"]
    if family == NODE:
        return [shutil.which("node") or "node", f"{runtime}/bootstrap.mjs"]
    seen = options.see_packages or options.interpreter != base_interpreter()
    return python_runtime.command(options.interpreter, runtime, function.handler, see_packages=seen)
