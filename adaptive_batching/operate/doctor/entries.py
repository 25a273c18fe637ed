"""The entries of docs/troubleshooting.md, by the text of a message. `make docs` writes entries.json from that page."""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass
from importlib.resources import files

from adaptive_batching import settings

#: What stands in an entry's message for what differs from case to case.
ANYTHING = "…"


@dataclass(frozen=True)
class Entry:
    """One entry. `lost` is what it costs; `level` that of the message, perhaps `error or info`."""

    message: str
    level: str
    meaning: str
    lost: str
    mend: str


@functools.cache
def known() -> tuple[Entry, ...]:
    """Return every entry, in the order of the page."""
    text = files("adaptive_batching.operate.doctor").joinpath("entries.json").read_text("utf-8")
    return tuple(Entry(**one) for one in json.loads(text))


def find(message: str, *, of_extension: bool = True) -> Entry | None:
    """Return the entry of a message: of the extension, whose whole text it is, or of Lambda, in whose line it is.

    If several fit, the one with the most text of its own.
    """
    fitting = [
        one
        for one in known()
        if (re.fullmatch if of_extension else re.search)(_pattern(one.message), message, re.DOTALL)
    ]
    return max(fitting, key=lambda one: len(one.message.replace(ANYTHING, "")), default=None)


def is_about_a_setting(message: str) -> bool:
    """Return whether a message is the sentence about a variable: those have no entry each."""
    return message.startswith(settings.PREFIX.removesuffix("EXTENSION_"))


def _pattern(message: str) -> str:
    """Return a pattern in which a blank is any white space: Lambda writes tabs."""
    return ".*".join(re.sub(r"(\\ )+", r"\\s+", re.escape(part)) for part in message.split(ANYTHING))
