"""The fenced blocks of a page, and the commands of a console block with their output. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block. `start` and `end` are the positions of its body in the page."""

    language: str
    body: str
    start: int
    end: int


@dataclass(frozen=True)
class Step:
    """A command of a console block as it is typed, with continuation lines, and the output that is shown for it."""

    typed: str
    output: tuple[str, ...]

    @property
    def command(self) -> str:
        """The command as one line, without the prompt."""
        return re.sub(r"\\\n\s*", "", self.typed.removeprefix("$ "))


def blocks(text: str) -> Iterator[Block]:
    """Yield the blocks of a page."""
    for found in _BLOCK.finditer(text):
        yield Block(found[1], found[2], found.start(2), found.end(2))


def steps(body: str) -> list[Step]:
    """Return the commands of a console block. Lines before the first command belong to none and are left out."""
    found: list[tuple[str, list[str]]] = []
    continued = False
    for line in body.splitlines():
        if line.startswith("$ "):
            found.append((line, []))
        elif continued:
            found[-1] = (f"{found[-1][0]}\n{line}", [])
        elif found:
            found[-1][1].append(line)
        continued = (line.startswith("$ ") or continued) and line.endswith("\\")
    return [Step(typed, tuple(output)) for typed, output in found]
