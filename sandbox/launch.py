"""Finding extensions and building the command lines of an environment's processes (protocol reference 1.1)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sandbox.function import Function

#: A file in the layer that switches extensions off.
SWITCH_OFF = "disable-extensions-jwigqn8j"


class SandboxError(Exception):
    """What was asked for cannot be run here; the message says how to mend it."""


@dataclass(frozen=True)
class ExtensionFile:
    """One file of `<layer>/extensions`. `error` is "" or why it cannot be started."""

    name: str
    path: str
    error: str


def find_extensions(layer: Path, inside: str) -> list[ExtensionFile]:
    """Return every non-directory of `extensions/`, by base name; `inside` is where the layer is for processes."""
    folder = layer / "extensions"
    if not folder.is_dir() or (layer / SWITCH_OFF).exists():
        return []
    files = sorted(entry for entry in folder.iterdir() if not entry.is_dir())
    return [
        ExtensionFile(
            file.name, f"{inside}/extensions/{file.name}", "" if os.access(file, os.X_OK) else "PermissionDenied"
        )
        for file in files
    ]


def runtime_command(function: Function, interpreter: Path, runtime: str) -> Sequence[str]:
    """Return the command of the function's runtime. Raises SandboxError for one that is not known."""
    if function.runtime.startswith("python"):
        module = function.handler.rpartition(".")[0]
        if not module:
            raise SandboxError(
                f"handler {function.handler!r} has no dot; it is written module.function, as in app.handler"
            )
        start = f"import sys; sys.path[:0] = [{str(runtime)!r}]; from awslambdaric.__main__ import main; main(sys.argv)"
        return [str(interpreter), "-c", start, function.handler]
    raise SandboxError(f"runtime {function.runtime!r} is not known here; known is python (of any version)")
