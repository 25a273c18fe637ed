"""Namespaces of a program's own, as this user may have them."""

from __future__ import annotations

import functools
import subprocess


@functools.cache
def unshare(*kinds: str) -> tuple[str, ...]:
    """The command that runs a program in new namespaces ("--mount", "--net"); empty where the kernel forbids them."""
    for command in (("unshare", *kinds), ("unshare", *kinds, "--map-root-user")):
        try:
            subprocess.run([*command, "true"], check=True, capture_output=True, timeout=10)
        except (OSError, subprocess.SubprocessError):
            continue
        return command
    return ()
