"""Where an environment lives on this machine: its own /tmp, and /opt, /var/task and /var/runtime as in production.

With root, or user namespaces, a private mount namespace is made once for each environment and entered by each of
its processes. Where the kernel forbids that (or the interpreter itself lies under a path that would be covered) the
folders stay where they are and TMPDIR names the environment's own temporary folder.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Everything is bound below /mnt first, since the sources may lie under a path that is covered next.
_MOUNTS = """set -e
mount -t tmpfs -o mode=755,size=1m sandbox /mnt
mkdir /mnt/task /mnt/runtime /mnt/opt /mnt/temporary
mount --bind "$1" /mnt/temporary
mount --bind "$2" /mnt/task; mount -o remount,bind,ro /mnt/task
mount --bind "$3" /mnt/opt; mount -o remount,bind,ro /mnt/opt
mount --bind "$4" /mnt/runtime; mount -o remount,bind,ro /mnt/runtime
mount --bind /mnt/opt /opt
mount --bind /mnt/temporary /tmp
ln -s /tmp /mnt/tmp
mount --rbind /mnt /var
echo ready
read -r _
"""

_COVERED = ("/mnt", "/opt", "/tmp", "/var")  # noqa: S108 - named, not used


class IsolationError(Exception):
    """The private namespace could not be made; the message says why."""


@dataclass(frozen=True)
class Folders:
    """The folders of one environment on the host."""

    root: Path
    temporary: Path
    task: Path
    opt: Path
    runtime: Path


class Dwelling:
    """One environment's view of the file system. `private` says whether it has mounts of its own."""

    def __init__(self, folders: Folders, *, private: bool) -> None:
        self.folders = folders
        self.private = private
        self._namespaces: list[IO[bytes]] = []
        self._enter: list[str] = []
        if private:
            self._make()

    @property
    def task(self) -> str:
        """Where the code is for processes inside."""
        return "/var/task" if self.private else str(self.folders.task)

    @property
    def opt(self) -> str:
        """Where the layers are for processes inside."""
        return "/opt" if self.private else str(self.folders.opt)

    @property
    def runtime(self) -> str:
        """Where the runtime is for processes inside."""
        return "/var/runtime" if self.private else str(self.folders.runtime)

    @property
    def temporary(self) -> str | None:
        """The folder that TMPDIR must name, None when /tmp itself is private."""
        return None if self.private else str(self.folders.temporary)

    def command(self, words: Sequence[str], folder: str) -> list[str]:
        """Return the command line that runs `words` inside, in `folder`."""
        return [*self._enter, "/bin/sh", "-c", 'cd "$0" && exec "$@"', folder, *words]

    def _make(self) -> None:
        sources = (self.folders.temporary, self.folders.task, self.folders.opt, self.folders.runtime)
        user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        script = ["/bin/sh", "-c", _MOUNTS, "sh", *map(str, sources)]
        holder = subprocess.Popen(
            [shutil.which("unshare") or "unshare", *user, "--mount", *script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        if holder.stdout is None or holder.stdout.readline() != b"ready\n":
            _, said = holder.communicate()
            raise IsolationError(said.decode("utf-8", "replace").strip())
        kinds = ["user", "mnt"] if user else ["mnt"]
        own = os.getpid()
        self._enter = [shutil.which("nsenter") or "nsenter"]
        for kind in kinds:
            handle = Path(f"/proc/{holder.pid}/ns/{kind}").open("rb")  # noqa: SIM115 - open, it keeps the namespace alive
            self._namespaces.append(handle)
            option = "--mount" if kind == "mnt" else "--user"
            self._enter.append(f"{option}=/proc/{own}/fd/{handle.fileno()}")
        if user:
            self._enter.append("--preserve-credentials")
        holder.communicate(b"\n")

    def wipe(self) -> None:
        """Empty the environment's /tmp."""
        for entry in self.folders.temporary.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink(missing_ok=True)

    def close(self) -> None:
        """Let the namespace go and remove every file of the environment."""
        for handle in self._namespaces:
            handle.close()
        self._namespaces = []
        shutil.rmtree(self.folders.root, ignore_errors=True)


@functools.cache
def can_be_private(*used: Path) -> str:
    """Return "" when a private namespace works here and covers none of `used`, else the reason why not."""
    for path in used:
        for covered in _COVERED:
            if path.resolve().is_relative_to(covered):
                return f"{path} lies under {covered}, which would be covered"
    if not shutil.which("unshare") or not shutil.which("nsenter"):
        return "unshare and nsenter (util-linux) are not installed"
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        try:
            Dwelling(Folders(here / "root", here, here, here, here), private=True).close()
        except (IsolationError, OSError) as error:
            return str(error) or "the kernel forbids mount namespaces"
    return ""


def merge_layers(layers: Sequence[Path], target: Path) -> Path:
    """Return one folder with the content of all layers, later ones above earlier ones; a single layer is itself."""
    if len(layers) == 1:
        return layers[0].resolve()
    target.mkdir()
    for layer in layers:
        shutil.copytree(layer, target, symlinks=True, dirs_exist_ok=True)
    return target
