"""Mutants of the core that no test can catch, because nothing that anybody can see changes: each with the reason.

They count as missed in the first figure of the report. An entry names the function, the line as it is and the line as
the mutant has it, without the blanks around them. An edit of the line makes the entry useless, and the report says so.
"""

from __future__ import annotations

#: (function, line, line of the mutant): why nothing changes.
EQUIVALENT = {
    (
        "extension.settings._common",
        "length = 0",
        "length = 1",
    ): "both names begin with ADAPTIVE_BATCHING_: the loop passes 1 whatever it starts from",
    (
        "extension.core.shipper.Shipper._close",
        "self._close_partial(now)",
        "self._close_partial(None)",
    ): "the moment is that of a chunk's first record, and here the open chunk has one already",
}


def reason(function: str, before: str, after: str) -> str:
    """Return why this change changes nothing; "" if that is not known."""
    return EQUIVALENT.get((function, before, after), "")
