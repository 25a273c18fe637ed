"""Reads a text from left to right. What a character means depends on where it stands: / divides, or begins a regex."""

from __future__ import annotations

import re

from adaptive_batching.logs.language.errors import LanguageError

_BLANK = re.compile(r"(?:\s|#[^\n]*)*")  # a comment runs to the end of its line
_NAME = re.compile(r"@?[^\W\d]\w*(?:\.\w+)*")
_NUMBER = re.compile(r"(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?![\w.])")
#: A value without quotes: an id, a time, a word.
_BARE = re.compile(r"[^\s()\[\],\"'`|=<>!]+")
_QUOTES = "\"'"
#: What a backslash means in a quoted text; before any other character it stands for itself.
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "'": "'"}
#: Characters of what follows a mistake that a message quotes.
_QUOTED = 30


class Scanner:
    """A position in a text. Each `take_…` returns None and stays where it is if something else stands there."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.skip()

    def skip(self) -> None:
        """Go on behind blanks and comments."""
        self.at = _BLANK.match(self.text, self.at).end()  # type: ignore[union-attr]  # it matches nothing, too

    def done(self) -> bool:
        """Return whether the text is read."""
        return self.at == len(self.text)

    def sign(self, *signs: str) -> str | None:
        """Take the first of these signs that stands here."""
        for one in signs:
            if self.text.startswith(one, self.at):
                self.at += len(one)
                self.skip()
                return one
        return None

    def peek(self, *signs: str) -> bool:
        """Return whether one of these signs stands here."""
        return self.text.startswith(signs, self.at)

    def word(self, *words: str) -> str | None:
        """Take one of these words, in small or capital letters, if it stands here whole."""
        found = _NAME.match(self.text, self.at)
        if found and found[0].lower() in words:
            self.at = found.end()
            self.skip()
            return found[0].lower()
        return None

    def peek_word(self, *words: str) -> bool:
        """Return whether one of these words stands here."""
        found = _NAME.match(self.text, self.at)
        return bool(found) and found[0].lower() in words  # type: ignore[index]

    def name(self) -> str | None:
        """Take a name: letters, digits, _ and dots, perhaps with @ before it, or anything between backticks."""
        if self.peek("`"):
            end = self.text.find("`", self.at + 1)
            if end < 0:
                raise LanguageError(f"the name that begins at {self.rest()} has no closing `")
            return self._taken(self.text[self.at + 1 : end], end + 1)
        return self._matched(_NAME)

    def number(self) -> str | None:
        """Take a number."""
        return self._matched(_NUMBER)

    def bare(self) -> str | None:
        """Take a value that has no quotes."""
        return self._matched(_BARE)

    def quoted(self) -> str | None:
        """Take a text in "…" or '…'."""
        quote = self.text[self.at : self.at + 1]
        if not quote or quote not in _QUOTES:
            return None
        parts, at = [], self.at + 1
        while at < len(self.text) and self.text[at] != quote:
            if self.text[at] == "\\" and self.text[at + 1 : at + 2] in _ESCAPES:
                parts.append(_ESCAPES[self.text[at + 1]])
                at += 2
            else:
                parts.append(self.text[at])
                at += 1
        if at == len(self.text):
            raise LanguageError(f"the text that begins at {self.rest()} has no closing {quote}")
        return self._taken("".join(parts), at + 1)

    def regex(self) -> str | None:
        r"""Take a regular expression between slashes, in which \/ is a slash."""
        if not self.peek("/"):
            return None
        found = re.compile(r"/((?:[^/\\]|\\.)*)/", re.DOTALL).match(self.text, self.at)
        if not found:
            raise LanguageError(f"the regular expression that begins at {self.rest()} has no closing /")
        return self._taken(found[1].replace("\\/", "/"), found.end())

    def rest(self) -> str:
        """Return what stands here, for a message."""
        rest = self.text[self.at :].strip()
        if not rest:
            return "the end"
        return repr(rest if len(rest) <= _QUOTED else rest[:_QUOTED] + "…")

    def since(self, start: int) -> str:
        """Return what was read since a position, in one line."""
        return " ".join(self.text[start : self.at].split())

    def _matched(self, pattern: re.Pattern[str]) -> str | None:
        found = pattern.match(self.text, self.at)
        return self._taken(found[0], found.end()) if found else None

    def _taken(self, value: str, end: int) -> str:
        self.at = end
        self.skip()
        return value
