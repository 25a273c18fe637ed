"""Keep the whole log streams of requests that lost a line, for a reader who wants to see for himself."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from adaptive_batching.experiment.core.verdicts import Findings

_LONGEST = 80  # characters of a request id or a stream in a file name


def keep(found: Findings, folder: Path) -> int:
    """Write the stream of each lost request below a folder of its source, and return how many there were.

    A request that left no trace has no stream. Raises OSError.
    """
    source = folder / _safe(found.evidence.name)
    traced = [one for one in found.losses if one.attempts]
    for one in traced:
        source.mkdir(parents=True, exist_ok=True)
        stream = re.split(r"[/\]]", one.stream)[-1]
        text = "".join(f"{line}\n" for line in found.evidence.texts(one.stream))
        (source / f"req_{_safe(one.request)}_stream_{_safe(stream)}.txt").write_text(text, encoding="utf-8")
    return len(traced)


def _safe(text: str) -> str:
    """Return a text that is a file name whatever a log line said: it is never a path, and never hidden."""
    return re.sub(r"[^\w.-]+", "_", text).strip("._")[-_LONGEST:] or "_"
