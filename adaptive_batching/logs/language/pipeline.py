"""Reads a query in Logs Insights' language into its commands."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adaptive_batching.logs.language.errors import LanguageError
from adaptive_batching.logs.language.parser import Parser
from adaptive_batching.logs.language.scanner import Scanner

if TYPE_CHECKING:
    from adaptive_batching.logs.language.nodes import Node

#: What this reads.
COMMANDS = ("fields", "display", "filter", "stats", "sort", "limit", "dedup")
#: What Logs Insights has besides.
ELSEWHERE = ("anomaly", "diff", "filterindex", "join", "lookup", "parse", "pattern", "source", "unmask", "unnest")


@dataclass(frozen=True)
class Column:
    """An expression and the name of its column."""

    node: Node
    name: str


@dataclass(frozen=True)
class Fields:
    """fields a, b + 1 as c: shown, and known from here on. `only`: display, which shows nothing else."""

    columns: tuple[Column, ...]
    only: bool = False


@dataclass(frozen=True)
class Filter:
    """filter …: the rows for which the condition is true."""

    condition: Node


@dataclass(frozen=True)
class Stats:
    """stats count(*) as n by function, bin(5m): a row for each group."""

    columns: tuple[Column, ...]
    by: tuple[Column, ...]


@dataclass(frozen=True)
class Sort:
    """sort a desc, b: the order, and for each whether it descends."""

    keys: tuple[tuple[Node, bool], ...]


@dataclass(frozen=True)
class Limit:
    """limit 20."""

    count: int


@dataclass(frozen=True)
class Dedup:
    """dedup a, b: the first row for each combination of values."""

    columns: tuple[Node, ...]


Command = Fields | Filter | Stats | Sort | Limit | Dedup


def read(text: str) -> list[Command]:
    """Return the commands of a query. Raises LanguageError with a sentence."""
    scanner = Scanner(text)
    if scanner.done():
        raise LanguageError("the query is empty; write one such as fields @timestamp, @message | limit 20")
    try:
        commands = [_command(scanner)]
        while scanner.sign("|"):
            commands.append(_command(scanner))
    except RecursionError:
        raise LanguageError("the query is nested too deeply") from None
    if not scanner.done():
        raise LanguageError(f"`|` and a command are expected where {scanner.rest()} stands")
    return commands


def _command(scanner: Scanner) -> Command:  # noqa: PLR0911 - one for each command
    parser = Parser(scanner)
    match scanner.word(*COMMANDS):
        case "fields":
            return Fields(_columns(parser))
        case "display":
            return Fields(_columns(parser), only=True)
        case "filter":
            return Filter(parser.condition())
        case "stats":
            columns = _columns(parser)
            return Stats(columns, _columns(parser) if scanner.word("by") else ())
        case "sort":
            scanner.word("by")  # as older queries write it
            return Sort(_keys(parser))
        case "limit":
            return Limit(_count(scanner))
        case "dedup":
            return Dedup(tuple(column.node for column in _columns(parser)))
    raise LanguageError(_unknown(scanner))


def _unknown(scanner: Scanner) -> str:
    there = f"commands are {', '.join(COMMANDS)}"
    word = scanner.name()
    if word is None:
        return f"a command is expected where {scanner.rest()} stands; {there}"
    if word.lower() in ELSEWHERE:
        return f"the command {word!r} of Logs Insights is not known here; {there}"
    close = difflib.get_close_matches(word.lower(), COMMANDS, 1)
    return f"the command {word!r} is not known; {f'did you mean {close[0]}?' if close else there}"


def _columns(parser: Parser) -> tuple[Column, ...]:
    found = [_column(parser)]
    while parser.scanner.sign(","):
        found.append(_column(parser))
    return tuple(found)


def _column(parser: Parser) -> Column:
    start = parser.scanner.at
    node = parser.condition()
    name = node.name if hasattr(node, "name") else parser.scanner.since(start)
    if parser.scanner.word("as"):
        given = parser.scanner.name()
        if given is None:
            raise LanguageError(f"a name is expected behind `as`, where {parser.scanner.rest()} stands")
        name = given
    return Column(node, name)


def _keys(parser: Parser) -> tuple[tuple[Node, bool], ...]:
    found: list[tuple[Node, bool]] = []
    while not found or parser.scanner.sign(","):
        node = parser.condition()
        found.append((node, parser.scanner.word("asc", "desc") == "desc"))
    return tuple(found)


def _count(scanner: Scanner) -> int:
    written = scanner.number()
    if written is None or not written.isdigit() or not 0 < int(written) < 10**9:
        raise LanguageError(f"limit takes a whole number above 0, not {written or scanner.rest()}")
    return int(written)
