"""What a check says. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adaptive_batching.operate.doctor.facts import Unknown

OK, WARNING, ERROR, CANNOT_SAY = "ok", "warning", "error", "cannot say"


@dataclass(frozen=True)
class Finding:
    """One judgement. `read` is what was read, a clause; `mend` what to do about it, "" where nothing is to be done."""

    status: str
    read: str
    mend: str = ""


def cannot_say(unknown: Unknown, otherwise: str = "") -> Finding:
    """Return the finding for a fact that could not be read. `otherwise`: what to do where the fact does not tell."""
    mend = f"allow these credentials {unknown.action}" if unknown.action else unknown.mend
    return Finding(CANNOT_SAY, unknown.why, mend or otherwise)
