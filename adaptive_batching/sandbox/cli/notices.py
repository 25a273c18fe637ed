"""What a user should know before a function runs: what is run, and where this machine or the layer falls short."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from adaptive_batching.sandbox.host import cgroups, executable, launch, loopback, mounts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from adaptive_batching.sandbox.function import Function
    from adaptive_batching.sandbox.options import Options

#: Folders of a layer that have a meaning on Lambda.
_MEANT = ("extensions", "python", "nodejs", "bin", "lib", "ruby", "java", "bootstrap")


def introduction(function: Function) -> str:
    """Return a line about what is run."""
    names = [file.name for layer in function.layers for file in launch.find_extensions(layer, "/opt")]
    found = f"extensions: {', '.join(names)}" if names else "no extensions"
    return f"{function.name} ({function.runtime}, {function.handler}), {found}"


def notices(function: Function, options: Options) -> Iterator[str]:
    """Yield a sentence about each difference from Lambda that the user did not ask for, and each useless file."""
    if version := _other_version(function, options):
        yield version
    for layer in function.layers:
        yield from _about_layer(layer, function.layers)
    if options.limits and (why := cgroups.refused(options.limits)):
        yield f"memory and CPU are not limited: {why}"
    if function.layers and (why := loopback.unavailable()):
        yield f"the network can reach ports that extensions open on all interfaces: {why}"
    if options.private == "auto" and (why := mounts.can_be_private(options.interpreter)):
        yield f"/opt, /var/task and /tmp are this machine's own, and TMPDIR names a private folder: {why}"


def unregistered(names: list[str]) -> Iterator[str]:
    """Yield a sentence about each extension that was started and never registered."""
    for name in names:
        yield f"{name} never called /2020-01-01/extension/register; Init waits for it and fails"


def _about_layer(layer: Path, layers: Sequence[Path]) -> Iterator[str]:
    if not any((layer / name).exists() for name in _MEANT):
        yield f"{layer} adds nothing: it contains no extensions/ folder (and none of {', '.join(_MEANT[1:])})"
    for file in launch.find_extensions(layer, "/opt", lambda path: _on_the_host(path, layers)):
        if file.why:
            yield f"{file.name} cannot be started: {_explained(file.why, layer / 'extensions' / file.name)}"


def _on_the_host(path: str, layers: Sequence[Path]) -> Path:
    """Return the file on the host for a path of the environment: that of the last layer that has it."""
    if not path.startswith("/opt/"):
        return Path(path)
    found = [layer / path.removeprefix("/opt/") for layer in reversed(layers)]
    return next((file for file in found if file.exists() or file.is_symlink()), found[0])


def _explained(why: str, file: Path) -> str:
    """Return how to fix what execve(2) says to a file."""
    if why == executable.DENIED and file.is_file() and not os.access(file, os.X_OK):
        return f"it is not executable; run chmod +x {file}"
    if why == executable.MISSING:
        with file.open("rb") as opened:
            start = opened.read(256)
        if start.startswith(b"#!"):
            return f"its interpreter {os.fsdecode(start[2:].split(None, 1)[0])} does not exist"
    if why == executable.FORMAT:
        return "it is neither a program for this processor nor a script that begins with #!"
    return why


def _other_version(function: Function, options: Options) -> str:
    wanted = re.fullmatch(r"(python|nodejs)([\d.]+?)(\.x)?", function.runtime)
    if not wanted or (wanted[1] == "python" and options.see_packages):
        return ""
    if wanted[1] == "python":
        used, how = f"{sys.version_info.major}.{sys.version_info.minor}", "--python chooses another"
    else:
        used, how = _node_version(), "the first node on the PATH is used"
    return f"the runtime is {function.runtime}, and it runs with {used} here; {how}" if used != wanted[2] else ""


def _node_version() -> str:
    """Return the major version of the node that is used."""
    command = [shutil.which("node") or "node", "--version"]
    said = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30).stdout
    return said.strip().removeprefix("v").partition(".")[0]
