"""The parts of a page that a script writes: each stands between two comments. Pure."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


class PageError(Exception):
    """A document cannot be written. The message says what is missing and where."""


def filled(text: str, **parts: str) -> str:
    """Return the text of a page with these parts replaced. Raises PageError if the page has no such part."""
    for name, content in parts.items():
        head, begin, rest = text.partition(_begin(name))
        _, end, tail = rest.partition(_end(name))
        if not begin or not end:
            raise PageError(f"a page has no part called {name!r}; it begins {text[:60]!r}")
        text = f"{head}{begin}{content}{end}{tail}"
    return text


def between(text: str, begin: str, end: str, content: str) -> str:
    """Return a text with what stands between two of its lines replaced. Raises PageError if it has no such lines."""
    head, found, rest = text.partition(begin)
    _, there, tail = rest.partition(end)
    if not found or not there:
        raise PageError(
            f"there is no part between {begin.strip()!r} and {end.strip()!r}; the text begins {text[:60]!r}"
        )
    return head + begin + content + end + tail


def part(text: str, name: str) -> str:
    """Return one part of the text of a page, "" if there is none."""
    return text.partition(_begin(name))[2].partition(_end(name))[0]


def _begin(name: str) -> str:
    return f"<!-- {name}: written by `make docs` -->\n"


def _end(name: str) -> str:
    return f"<!-- end of {name} -->"
