"""Regular expressions whose cost grows with the length of the text alone, whatever the text is. Pure.

Python's `re` parses a pattern and says what one character matches. It does not run the pattern over a text on its own,
for it tries one way after the other: `a*a*b` takes the cube of the length, and even `"[^"]*x` the square. It looks only
for the beginning of the pattern, as far as that can match in few ways (BOUND). From there on an automaton takes all
ways at once, one step for each character. What an automaton cannot have (back-references, look-around) is refused, and
so are repeats of repeats, of which each multiplies its size.
"""

from __future__ import annotations

from extension.records.automaton import Automaton
from extension.records.pattern_syntax import beginning, compiled, parsed, trimmed

REMEMBERED = 8192  # steps of an automaton, fewer of a large one; then it forgets all and goes on


class Pattern:
    """One pattern. Raises PatternError if it is none, or one that is refused.

    Line breaks that end a text are not a part of it.
    """

    def __init__(self, text: str, remembered: int = REMEMBERED) -> None:
        items, flags = parsed(text)
        self._all = Automaton(items, flags, remembered)
        searched = trimmed(items)
        begins, self._is_whole = beginning(searched)
        self._beginning = compiled(begins, flags).search
        self._some = self._all if self._is_whole else Automaton(searched, flags, remembered)

    def search(self, text: str) -> bool:
        """Return whether it matches anywhere in the text."""
        text = text.rstrip("\n")
        begins = self._beginning(text)
        if begins is None or self._is_whole:
            return begins is not None
        return self._some.matches(text, begins.start())

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return what is part of any match, the longest from each place included; neighbours are one."""
        return self._all.spans(text.rstrip("\n")) if self.search(text) else []
