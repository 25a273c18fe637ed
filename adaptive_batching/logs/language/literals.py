"""Values and names as they are written into SQL. Nothing else writes text of a user into SQL.

DuckDB knows no escape in '…' but the doubled quote, so doubling is all that is needed. Literals are used instead of
bound parameters because DuckDB compiles a regular expression and a path into JSON once only if they are constants.
"""

from __future__ import annotations

import math

from adaptive_batching.logs.language.errors import LanguageError


def text(value: str) -> str:
    """Return a text as a literal. Raises LanguageError if it contains what no query can contain."""
    if "\0" in value:
        raise LanguageError(f"{value!r} contains the character NUL, which cannot be searched for")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise LanguageError(f"{value!r} is not valid Unicode") from None
    return "'" + value.replace("'", "''") + "'"


def number(value: float) -> str:
    """Return a finite number as a literal of type DOUBLE."""
    if not math.isfinite(value):
        raise LanguageError(f"{value} is not a number that can be calculated with")
    return f"CAST({text(repr(float(value)))} AS DOUBLE)"


def pointer(parts: list[str]) -> str:
    """Return a path into a JSON document as a literal: an RFC 6901 pointer."""
    return text("".join("/" + part.replace("~", "~0").replace("/", "~1") for part in parts))
