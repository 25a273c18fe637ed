"""The file system of an environment's processes: a /tmp of their own, /opt, /var/task and /var/runtime.

Each environment has a private mount namespace, which its processes enter. It needs root or user namespaces. If the
kernel forbids it, or the interpreter is below a path that would be covered, the folders are used at their paths on the
host, and TMPDIR names the environment's temporary folder.
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

#: The script first binds everything below /mnt, because a source may be below a path that is covered later. Its
#: arguments are the sources temporary, task, opt, runtime, lang, hosts, resolv.conf or "", the size of /tmp in MB or
#: "", and then the files that stay visible.
_MOUNTS = """set -e
mount -t tmpfs -o mode=755,size=1m sandbox /mnt
mkdir /mnt/task /mnt/runtime /mnt/lang /mnt/opt /mnt/temporary /mnt/kept
[ -z "$8" ] || mount -t tmpfs -o "mode=1777,size=$8m" sandbox "$1"
mount --bind "$1" /mnt/temporary
mount --bind "$2" /mnt/task; mount -o remount,bind,ro /mnt/task
mount --bind "$3" /mnt/opt; mount -o remount,bind,ro /mnt/opt
mount --bind "$4" /mnt/runtime; mount -o remount,bind,ro /mnt/runtime
mount --bind "$5" /mnt/lang; mount -o remount,bind,ro /mnt/lang
mount --bind "$6" /etc/hosts
[ -z "$7" ] || mount --bind "$7" /etc/resolv.conf
shift 8
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
_REPLACED = ("/tmp", "/var")  # noqa: S108 - covered by a writable folder
#: Variables that name a file of certificates. The file stays visible, wherever it is.
CERTIFICATES = ("AWS_CA_BUNDLE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
#: The size, in MB, of a /tmp that a fault can fill.
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

    @property
    def lang(self) -> Path:
        """The folder of the file with which the runtime starts."""
        return self.root / "lang"


@dataclass(frozen=True)
class MountOptions:
    """Options of a private mount namespace."""

    small_tmp: bool = False
    """Whether the size of /tmp is SMALL_TMP MB, so that a fault can fill it."""
    hanging_dns: bool = False
    """Whether the resolver uses a name server that never answers, so that a fault can make it wait."""
    visible: tuple[Path, ...] = ()
    """Files that stay visible although they are below a path that is covered."""


class Mounts:
    """One environment's view of the file system. `private` says whether it has a mount namespace of its own.

    Raises IsolationError if the namespace cannot be created.
    """

    def __init__(self, folders: Folders, options: MountOptions | None = None, *, private: bool) -> None:
        self.folders = folders
        self.private = private
        self._options = options or MountOptions()
        self._names: Names | None = None
        self._holder: subprocess.Popen[bytes] | None = None
        self._namespaces: list[IO[bytes]] = []
        self._enter: list[str] = []
        folders.lang.mkdir(parents=True, exist_ok=True)
        if private:
            self._make()

    @property
    def task(self) -> str:
        """The path of the function's code for processes inside."""
        return "/var/task" if self.private else str(self.folders.task)

    @property
    def opt(self) -> str:
        """The path of the layers for processes inside."""
        return "/opt" if self.private else str(self.folders.opt)

    @property
    def runtime(self) -> str:
        """The path of the runtime for processes inside."""
        return "/var/runtime" if self.private else str(self.folders.runtime)

    @property
    def lang(self) -> str:
        """The path of the folder `lang` for processes inside."""
        return "/var/lang" if self.private else str(self.folders.lang)

    def host(self, path: str) -> Path:
        """Return the path on the host of a file that processes inside know by `path`."""
        if self.private:
            folders = self.folders
            inside = {
                "/opt": folders.opt,
                "/tmp": self.outside,  # noqa: S108 - named, not used
                "/var/lang": folders.lang,
                "/var/runtime": folders.runtime,
                "/var/task": folders.task,
            }
            for covered, source in inside.items():
                if Path(path).is_relative_to(covered):
                    return source / Path(path).relative_to(covered)
        return Path(path)

    @property
    def temporary(self) -> str | None:
        """The value of TMPDIR, None if /tmp itself is private."""
        return None if self.private else str(self.folders.temporary)

    def command(self, words: Sequence[str], folder: str) -> list[str]:
        """Return the command that runs the command `words` inside, with `folder` as its working directory."""
        return [*self._enter, "/bin/sh", "-c", 'cd "$0" && exec "$@"', folder, *words]

    @property
    def outside(self) -> Path:
        """The path of the environment's /tmp on the host."""
        if self._holder and self._options.small_tmp:
            return Path(f"/proc/{self._holder.pid}/root/tmp")
        return self.folders.temporary

    def _make(self) -> None:
        options = self._options
        self._names = names = Names(self.folders.root, hanging=options.hanging_dns)
        folders = self.folders
        sources = (folders.temporary, folders.task, folders.opt, folders.runtime, folders.lang)
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
            _, errors = holder.communicate()
            raise IsolationError(errors.decode("utf-8", "replace").strip())
        kinds = ["user", "mnt"] if user else ["mnt"]
        own = os.getpid()
        self._enter = [shutil.which("nsenter") or "nsenter"]
        for kind in kinds:
            handle = Path(f"/proc/{holder.pid}/ns/{kind}").open("rb")  # noqa: SIM115 - keeps the namespace alive
            self._namespaces.append(handle)
            option = "--mount" if kind == "mnt" else "--user"
            self._enter.append(f"{option}=/proc/{own}/fd/{handle.fileno()}")
        if user:
            self._enter.append("--preserve-credentials")

    def resolve(self, *, names: bool) -> None:
        """Let all names be resolved inside, or only the platform's own. See `Names.resolve`."""
        if self._names:
            self._names.resolve(names=names)

    def fill(self) -> None:
        """Fill /tmp to the last byte. Its size must be limited by the option `small_tmp`."""
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
        """Release the namespace and remove the folders of the environment."""
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
    """Return "" if a private namespace works on this machine and hides none of the paths `used`, else the reason."""
    for path in used:
        for covered in _COVERED:
            if path.resolve().is_relative_to(covered):
                return f"{path} is below {covered}, which the mounts would hide"
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
    """Return the files of certificates that the variables name and that the mounts would hide."""
    found = [Path(variables[name]) for name in CERTIFICATES if name in variables]
    hidden = [path for path in found if path.is_file() and any(path.is_relative_to(one) for one in _REPLACED)]
    return tuple(dict.fromkeys(hidden))
