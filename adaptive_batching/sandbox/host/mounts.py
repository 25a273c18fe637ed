"""What the processes of an environment see: their own /tmp, and /opt, /var/task and /var/runtime as in production.

With root, or user namespaces, a private mount namespace is made once for each environment and entered by each of
its processes. Where the kernel forbids that (or the interpreter itself lies under a path that would be covered) the
folders stay where they are and TMPDIR names the environment's own temporary folder.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from adaptive_batching.sandbox.errors import IsolationError
from adaptive_batching.sandbox.host.names import Names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Everything is bound below /mnt first, since the sources may lie under a path that is covered next. Arguments:
#: temporary, task, opt, runtime, hosts, resolv.conf, megabytes of /tmp or ""; then files that stay visible.
_MOUNTS = """set -e
mount -t tmpfs -o mode=755,size=1m sandbox /mnt
mkdir /mnt/task /mnt/runtime /mnt/opt /mnt/temporary /mnt/kept
[ -z "$7" ] || mount -t tmpfs -o "mode=1777,size=$7m" sandbox "$1"
mount --bind "$1" /mnt/temporary
mount --bind "$2" /mnt/task; mount -o remount,bind,ro /mnt/task
mount --bind "$3" /mnt/opt; mount -o remount,bind,ro /mnt/opt
mount --bind "$4" /mnt/runtime; mount -o remount,bind,ro /mnt/runtime
mount --bind "$5" /etc/hosts
[ -z "$6" ] || mount --bind "$6" /etc/resolv.conf
shift 7
number=0
for file in "$@"; do
  number=$((number + 1)); : > "/mnt/kept/$number"; mount --bind "$file" "/mnt/kept/$number"
done
mount --bind /mnt/opt /opt
mount --bind /mnt/temporary /tmp
ln -s /tmp /mnt/tmp
mount --rbind /mnt /var
number=0
for file in "$@"; do
  number=$((number + 1)); mkdir -p "${file%/*}"; : > "$file"; mount --bind "/mnt/kept/$number" "$file"
done
echo ready
read -r _ || :
"""

_COVERED = ("/mnt", "/opt", "/tmp", "/var")  # noqa: S108 - named, not used
_REPLACED = ("/tmp", "/var")  # noqa: S108 - covered by something into which files can be put
#: Variables that name a file of certificates: the file stays visible wherever it lies.
CERTIFICATES = ("AWS_CA_BUNDLE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
#: MB of a /tmp that can be filled.
SMALL_TMP = 16
_BALLAST = "full"


@dataclass(frozen=True)
class Folders:
    """The folders of one environment on the host."""

    root: Path
    temporary: Path
    task: Path
    opt: Path
    runtime: Path


@dataclass(frozen=True)
class MountOptions:
    """What a private environment has beyond its folders."""

    small_tmp: bool = False
    """Bound the /tmp to SMALL_TMP MB, so that it can be filled."""
    hanging_dns: bool = False
    """The resolver can be made to wait for a name server that never answers."""
    visible: tuple[Path, ...] = ()
    """Files that stay visible although they lie under a path that is covered."""


class Mounts:
    """One environment's view of the file system. `private` says whether it has mounts of its own."""

    def __init__(self, folders: Folders, options: MountOptions | None = None, *, private: bool) -> None:
        self.folders = folders
        self.private = private
        self._options = options or MountOptions()
        self._names: Names | None = None
        self._holder: subprocess.Popen[bytes] | None = None
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

    @property
    def outside(self) -> Path:
        """The environment's /tmp, as a folder of the host."""
        if self._holder and self._options.small_tmp:
            return Path(f"/proc/{self._holder.pid}/root/tmp")
        return self.folders.temporary

    def _make(self) -> None:
        options = self._options
        self._names = names = Names(self.folders.root, hanging=options.hanging_dns)
        sources = (self.folders.temporary, self.folders.task, self.folders.opt, self.folders.runtime)
        user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        size = SMALL_TMP if options.small_tmp else ""
        words = [*sources, names.hosts, names.resolv_conf or "", size, *options.visible]
        self._holder = holder = subprocess.Popen(
            [shutil.which("unshare") or "unshare", *user, "--mount", "/bin/sh", "-c", _MOUNTS, "sh", *map(str, words)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            process_group=0,
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

    def resolve(self, *, names: bool) -> None:
        """Let names be known inside, or only the platform's own."""
        if self._names:
            self._names.resolve(names=names)

    def fill(self) -> None:
        """Leave no byte free in /tmp, if it is one that can be filled."""
        with contextlib.suppress(OSError), (self.outside / _BALLAST).open("ab", buffering=0) as file:
            for size in (2**16, 1):
                with contextlib.suppress(OSError):
                    while file.write(bytes(size)):
                        pass

    def relieve(self) -> None:
        """Undo `fill`."""
        (self.outside / _BALLAST).unlink(missing_ok=True)

    def wipe(self) -> None:
        """Empty the environment's /tmp."""
        for entry in self.outside.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink(missing_ok=True)

    def close(self) -> None:
        """Release the namespace and remove every file of the environment."""
        if self._holder:
            self._holder.communicate(b"\n")
            self._holder = None
        if self._names:
            self._names.close()
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
            Mounts(Folders(here / "root", here, here, here, here), private=True).close()
        except (IsolationError, OSError) as error:
            return str(error) or "the kernel forbids mount namespaces"
    return ""


def certificates(variables: Mapping[str, str]) -> tuple[Path, ...]:
    """Return the files of certificates that variables name and that the private folders would hide."""
    found = [Path(variables[name]) for name in CERTIFICATES if name in variables]
    hidden = [path for path in found if path.is_file() and any(path.is_relative_to(one) for one in _REPLACED)]
    return tuple(dict.fromkeys(hidden))


def merge_layers(layers: Sequence[Path], target: Path) -> Path:
    """Return one folder with the content of all layers, later ones above earlier ones; a single layer is itself."""
    if len(layers) == 1:
        return layers[0].resolve()
    target.mkdir()
    for layer in layers:
        shutil.copytree(layer, target, symlinks=True, dirs_exist_ok=True)
    return target
