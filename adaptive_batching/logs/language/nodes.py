"""Expressions as they were read. `source` is the text that a node was read from, for the names of columns."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Name:
    """A field: @timestamp, price, order.id."""

    name: str
    source: str = field(default="", compare=False)


@dataclass(frozen=True)
class Number:
    """A number, and how it was written: 200, 0.5, 1e3."""

    value: float
    source: str = field(default="", compare=False)


@dataclass(frozen=True)
class Text:
    """A text. `quoted` is false for a word without quotes, which may stand for a number too."""

    value: str
    quoted: bool = True
    source: str = field(default="", compare=False)


@dataclass(frozen=True)
class Call:
    """A function and its arguments: ceil(avg(@duration))."""

    function: str
    arguments: tuple[Node, ...]
    source: str = field(default="", compare=False)


@dataclass(frozen=True)
class Bin:
    """bin(5m): @timestamp, rounded down to a multiple of `count` units."""

    count: int
    unit: str
    source: str = field(default="", compare=False)


@dataclass(frozen=True)
class Arithmetic:
    """Operands with operators between them, from left to right: a - b + c."""

    operators: tuple[str, ...]
    operands: tuple[Node, ...]
    source: str = field(default="", compare=False)


@dataclass(frozen=True)
class Comparison:
    """A comparison: one of = != < <= > >=."""

    operator: str
    left: Node
    right: Node
    source: str = field(default="", compare=False)


@dataclass(frozen=True)
class Like:
    """A search in a text: for a part of it, or for a regular expression."""

    left: Node
    pattern: str
    regex: bool
    source: str = field(default="", compare=False)


@dataclass(frozen=True)
class In:
    """Whether a value is in a list."""

    left: Node
    items: tuple[Number | Text, ...]
    source: str = field(default="", compare=False)


@dataclass(frozen=True)
class Absent:
    """The negation in `x not like …` and `x not in …`: true where x is there and the search does not find it."""

    inner: Like | In
    source: str = field(default="", compare=False)


@dataclass(frozen=True)
class Negation:
    """not (…)."""

    inner: Node
    source: str = field(default="", compare=False)


@dataclass(frozen=True)
class Junction:
    """Conditions joined by one operator, `and` or `or`."""

    operator: str
    inner: tuple[Node, ...]
    source: str = field(default="", compare=False)


Node = Name | Number | Text | Call | Bin | Arithmetic | Comparison | Like | In | Absent | Negation | Junction
