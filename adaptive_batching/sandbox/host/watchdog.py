"""What remains when the sandbox is killed: a small process that then kills the groups and removes the folders.

Processes of an environment are often stopped, and without the sandbox they would stay so. The watchdog reads a pipe
from the sandbox; the end of the pipe means that the sandbox has ended, in whatever way.
"""

from __future__ import annotations

import contextlib
import subprocess
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

#: The arguments are folders: control groups are removed as empty folders, the others with all that is in them.
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
    """Guards the process groups that it is told of, and the folders that it was made with."""

    def __init__(self, folders: Sequence[Path] = ()) -> None:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", _SCRIPT, "watchdog", *map(str, folders)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the sandbox, which ends what must end then
            cwd="/",
        )

    def add(self, group: int) -> None:
        """Guard a process group."""
        self._tell(f"+ {group}\n")

    def forget(self, group: int) -> None:
        """Guard a group no longer. To be called before its id can belong to another one."""
        self._tell(f"- {group}\n")

    def _tell(self, text: str) -> None:
        with self._lock, contextlib.suppress(BrokenPipeError, ValueError):
            if self._process.stdin:
                self._process.stdin.write(text.encode())
                self._process.stdin.flush()

    def stop(self) -> None:
        """End it. Groups that were not forgotten are killed, its folders are removed."""
        with self._lock:
            self._process.communicate()
