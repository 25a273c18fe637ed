"""What was received and not yet shipped, on /tmp, so that a crash of the process loses nothing.

A write-ahead log in segment files: the bodies of the platform's POSTs as they came, and seals, which say how a chunk is
made of them again. It survives the process, not the machine: nothing is synced. Whatever is wrong with /tmp, callers
see no exception: memory serves instead, and that is said once.
"""

from __future__ import annotations

from extension.journal.journal import Journal
from extension.journal.scan import Leftover

__all__ = ["Journal", "Leftover"]
