"""What of the function's and the extensions' records is shipped, and what is taken out of it. Pure.

Made of what the user has told, as text; a seal carries the same text, so that what is read again comes out the same.
Records of the platform always pass as they are: reports and counts need them. So does, unfiltered, what could not be
read, which stands for any number of records; it is redacted like all others.
"""

from __future__ import annotations

from extension.records import levels
from extension.records.pattern_syntax import PatternError
from extension.records.patterns import Pattern
from extension.records.redaction import NAMES, Redaction, record_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from extension.records.envelopes import Entry

FILTERED = ("function", "extension")  # types to which the filters apply


class Filters:
    """See the module. `told`: EXCLUDE, INCLUDE, MIN_LEVEL, REDACT (names with commas) and REDACT_PATTERN; "": not set.

    `problems` has name, value and reason of each pattern that cannot be used.
    """

    __slots__ = ("_exclude", "_include", "_rank", "_redaction", "problems", "told")

    def __init__(self, told: tuple[str, ...]) -> None:
        exclude, include, level, names, pattern = self.told = told
        self.problems: list[tuple[str, str, str]] = []
        self._exclude = self._pattern("EXCLUDE", exclude)
        self._include = self._pattern("INCLUDE", include)
        self._rank = levels.LEVELS.index(level) if level in levels.LEVELS else 0
        hidden = self._pattern("REDACT_PATTERN", pattern)
        if pattern and hidden is None:
            names = ",".join(NAMES)  # what it should have hidden is not known: all that can be found is
        self._redaction = Redaction(names.split(","), hidden) if names or hidden else None

    def _pattern(self, name: str, text: str) -> Pattern | None:
        try:
            return Pattern(text) if text else None
        except PatternError as error:
            self.problems.append((name, text, str(error)))
        return None

    def keeps(self, entry: Entry) -> bool:
        """Return whether this record of the function or of an extension is shipped."""
        if entry.type not in FILTERED:
            return True
        if self._rank:
            rank = levels.rank(entry.record)
            if rank is not None and rank < self._rank:
                return False
        if self._exclude is None and self._include is None:
            return True
        text = _text(entry)
        if self._exclude is not None and self._exclude.search(text):
            return False
        return self._include is None or self._include.search(text)

    def redact(self, entry: Entry) -> bool:
        """Take out of the record's text what is not to be shipped; return whether there was anything."""
        if self._redaction is None:
            return False
        raw = self._redaction.envelope(entry.raw)
        changed = raw != entry.raw
        entry.raw = raw
        return changed


def _text(entry: Entry) -> str:
    """Return the text of a record: that of an object is its JSON as it is shipped."""
    if isinstance(entry.record, str):
        return entry.record
    at = record_at(entry.raw)
    return entry.raw[at : -1 if at else None].rstrip()
