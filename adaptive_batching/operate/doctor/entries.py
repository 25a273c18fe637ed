"""The entries of docs/troubleshooting.md, by the text of a message. `make docs` writes entries.json from that page."""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from adaptive_batching import settings

if TYPE_CHECKING:
    from collections.abc import Iterable

#: What stands in an entry's message for what differs from case to case.
ANYTHING = "…"
_LAMBDA = "lambda"


@dataclass(frozen=True)
class Entry:
    """One entry. `lost` is what it costs; `level` that of the message, perhaps `error or info`.

    `by` is who writes the message: extension or lambda.
    """

    by: str
    message: str
    level: str
    meaning: str
    lost: str
    mend: str

    @functools.cached_property
    def pattern(self) -> re.Pattern[str]:
        """What matches the message. A blank is any white space: Lambda writes tabs."""
        parts = (re.sub(r"(\\ )+", r"\\s+", re.escape(part)) for part in self.message.split(ANYTHING))
        return re.compile(".*".join(parts), re.DOTALL)


@functools.cache
def known() -> tuple[Entry, ...]:
    """Return every entry, in the order of the page."""
    text = files("adaptive_batching.operate.doctor").joinpath("entries.json").read_text("utf-8")
    return tuple(Entry(**one) for one in json.loads(text))


@functools.cache
def _by_lambda() -> tuple[Entry, ...]:
    """Return the few entries that are looked for in every line."""
    return tuple(one for one in known() if one.by == _LAMBDA)


def find(message: str) -> Entry | None:
    """Return the entry of a message of the extension."""
    return _longest(one for one in known() if one.by != _LAMBDA and one.pattern.fullmatch(message))


def of_lambda(line: str) -> Entry | None:
    """Return the entry of a message of Lambda that is in a line."""
    return _longest(one for one in _by_lambda() if one.pattern.search(line))


def is_about_a_setting(message: str) -> bool:
    """Return whether a message is the sentence about a variable: those have no entry each."""
    return message.upper().startswith(settings.PREFIX.removesuffix("EXTENSION_"))


def _longest(fitting: Iterable[Entry]) -> Entry | None:
    """Return the entry with the most text of its own."""
    return max(fitting, key=lambda one: len(one.message.replace(ANYTHING, "")), default=None)
