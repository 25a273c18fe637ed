"""Name resolution inside an environment: its hosts file, and a name server that never answers."""

from __future__ import annotations

import random
import socket
from pathlib import Path

from adaptive_batching.sandbox.errors import IsolationError

#: The names of the host of extensions, and the name of an S3 on this machine.
OWN_NAMES, S3_NAME = ("sandbox.localdomain", "sandbox"), "s3.sandbox.localdomain"


class Names:
    """The files that are mounted over /etc/hosts and, with `hanging`, over /etc/resolv.conf.

    Raises IsolationError if the silent name server cannot be started.
    """

    def __init__(self, folder: Path, *, hanging: bool) -> None:
        host = Path("/etc/hosts")
        self._known = host.read_text(encoding="utf-8") if host.exists() else ""
        self._silent: socket.socket | None = None
        self.hosts = folder / "hosts"
        self.resolv_conf: Path | None = None
        folder.mkdir(exist_ok=True)
        self.resolve(names=True)
        if hanging:
            self._silent, self.resolv_conf = silent_resolver(folder)

    def resolve(self, *, names: bool) -> None:
        """Write the hosts file with the names of the host and of the S3, or only with the platform's own names.

        The file is changed in place because it is mounted.
        """
        known = f"{self._known}\n127.0.0.1 {S3_NAME}\n" if names else "127.0.0.1 localhost\n"
        self.hosts.write_text(f"{known}127.0.0.1 {' '.join(OWN_NAMES)}\n", encoding="utf-8")

    def close(self) -> None:
        """Close the silent name server's socket."""
        if self._silent:
            self._silent.close()


def silent_resolver(folder: Path) -> tuple[socket.socket, Path]:
    """Return a socket that never answers, on port 53 of a loopback address, and a resolv.conf that names it.

    Raises IsolationError if this user may not bind port 53.
    """
    silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    address = f"127.{random.randrange(1, 255)}.{random.randrange(1, 255)}.{random.randrange(2, 255)}"  # noqa: S311
    try:
        silent.bind((address, 53))
    except OSError as error:
        silent.close()
        why = f"port 53 of a loopback address cannot be bound ({error.strerror}), which needs root"
        raise IsolationError(f"the fault hang-dns needs a silent name server: {why}") from None
    file = folder / "resolv.conf"
    file.write_text(f"nameserver {address}\n", encoding="ascii")
    return silent, file
