"""A small process that cleans up if the sandbox is killed: it kills the process groups and removes the folders.

The processes of an environment are often stopped, and would stay so without the sandbox. The watchdog reads a pipe
from the sandbox. The end of the pipe means that the sandbox has ended, for whatever reason.
"""

from __future__ import annotations

import contextlib
import subprocess
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

#: The arguments are folders. Control groups are removed with rmdir, the others with everything in them.
_SCRIPT = """trap '' INT TERM HUP
groups=' '
while read -r word pid; do
  case $word in
    +) groups="$groups$pid " ;;
    -) groups="${groups%% $pid *} ${groups#* $pid }" ;;
  esac
done
for group in $groups; do kill -KILL "-$group"; done
for folder in "$@"; do
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    case $folder in /sys/*) rmdir "$folder" ;; *) rm -rf "$folder" ;; esac
    [ -e "$folder" ] || break
    sleep 0.1
  done
done
"""


class Watchdog:
    """Guards the process groups that `add` names, and `folders`."""

    def __init__(self, folders: Sequence[Path] = ()) -> None:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", _SCRIPT, "watchdog", *map(str, folders)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # only the sandbox handles Ctrl-C
            cwd="/",
        )

    def add(self, group: int) -> None:
        """Start guarding a process group."""
        self._send(f"+ {group}\n")

    def forget(self, group: int) -> None:
        """Stop guarding a group. Must be called before the kernel can give its id to another group."""
        self._send(f"- {group}\n")

    def _send(self, text: str) -> None:
        with self._lock, contextlib.suppress(BrokenPipeError, ValueError):
            if self._process.stdin:
                self._process.stdin.write(text.encode())
                self._process.stdin.flush()

    def stop(self) -> None:
        """End the watchdog. It kills the groups that it still guards, and removes the folders."""
        with self._lock:
            self._process.communicate()
