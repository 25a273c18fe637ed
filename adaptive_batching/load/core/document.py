"""A YAML text as plain values, with the line of each key. Pure.

YAML 1.2's core schema, as artillery reads its files: `yes`, `12:30` and `2019-10-15` are texts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_TAG = "tag:yaml.org,2002:"
_SCALARS = {
    "null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    "bool": (r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    "int": (r"[-+]?(?:0|[1-9][0-9]*)", list("-+0123456789")),
    "float": (r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?", list("-+.0123456789")),
    "merge": (r"<<", ["<"]),
}
_TAGS = {*_SCALARS, "str", "map", "seq"}
#: Deeper than any script; each level costs the reader of YAML a few calls.
_DEEPEST = 50
#: More values than any script has, those that aliases repeat included: a few of them can spell an endless document.
_MOST = 100_000


class DocumentError(ValueError):
    """A text cannot be read. The message is a sentence; `line` counts from 1, if it is of one line."""

    def __init__(self, why: str, line: int | None = None) -> None:
        super().__init__(why)
        self.line = line


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """Reads scalars as YAML 1.2 does."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - as the base class has it


for _name, (_pattern, _first) in _SCALARS.items():
    _Loader.add_implicit_resolver(_TAG + _name, re.compile(rf"^(?:{_pattern})$"), _first)


@dataclass(frozen=True)
class Document:
    """The values of a text, and where they stand."""

    value: Any
    root: yaml.Node

    def line(self, place: Sequence[str | int]) -> int:
        """Return the line of what is at a place (keys and positions from the top), or of what it would be in."""
        node, line = self.root, _line(self.root)
        for part in place:
            if isinstance(node, yaml.MappingNode) and isinstance(part, int):
                continue  # one where a list is taken, too
            found = next((pair for pair in _pairs(node) if pair[0] == part), None)
            if found is None:
                return line
            _, line, node = found
        return line

    def texts(self, place: Sequence[str | int]) -> Iterator[tuple[int, str]]:
        """Yield each text at and below a place, with its line."""
        node = self.root
        for part in place:
            node = next((pair[2] for pair in _pairs(node) if pair[0] == part), None)
            if node is None:
                return
        yield from _texts(node)


def read(text: str) -> Document:
    """Read a text. Raises DocumentError."""
    loader = None
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        if root is None:
            raise DocumentError("it is empty")
        _check(root, [_MOST])
        return Document(loader.construct_document(root), root)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise DocumentError(f"it is not YAML: {error.problem}", mark.line + 1 if mark else None) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        if isinstance(error, DocumentError):
            raise
        why = "it is nested too deeply" if isinstance(error, RecursionError) else str(error).partition("\n")[0]
        raise DocumentError(f"it is not YAML: {why}") from None
    finally:
        if loader:
            loader.dispose()


def _line(node: yaml.Node) -> int:
    line: int = node.start_mark.line
    return line + 1


def _check(node: yaml.Node, left: list[int], above: tuple[int, ...] = ()) -> None:
    """Raise DocumentError for what contains itself, for keys that cannot be, and for more than `left` values."""
    line = _line(node)
    left[0] -= 1
    if left[0] < 0:
        raise DocumentError(f"it has more than {_MOST:,} values, with those that its aliases (*) repeat")
    if id(node) in above:
        raise DocumentError("what is written here contains itself", line)
    if len(above) > _DEEPEST:
        raise DocumentError("it is nested too deeply", line)
    tag = node.tag.removeprefix(_TAG)
    pattern = _SCALARS[tag][0] if tag in _SCALARS else None
    if tag not in _TAGS or (pattern and not re.fullmatch(pattern, str(node.value))):
        raise DocumentError(f"{str(node.value)[:40]!r} is no {tag!r}", line)
    if isinstance(node, yaml.MappingNode):
        _check_keys(node)
    for _, _, child in _pairs(node):
        _check(child, left, (*above, id(node)))


def _check_keys(node: yaml.MappingNode) -> None:
    """Raise DocumentError for a key that is there twice."""
    seen: dict[str, int] = {}
    for key, _ in node.value:
        if key.tag == f"{_TAG}merge":
            continue
        if not isinstance(key, yaml.ScalarNode):
            raise DocumentError("a key is not a text", _line(key))
        if key.value in seen:
            raise DocumentError(f"{key.value!r} is there twice", _line(key))
        seen[key.value] = key.start_mark.line


def _pairs(node: yaml.Node) -> list[tuple[str | int, int, yaml.Node]]:
    """Return the members of a node: key or position, line, node."""
    if isinstance(node, yaml.MappingNode):
        return [(key.value, _line(key), value) for key, value in node.value]
    if isinstance(node, yaml.SequenceNode):
        return [(number, _line(one), one) for number, one in enumerate(node.value)]
    return []


def _texts(node: yaml.Node) -> Iterator[tuple[int, str]]:
    if isinstance(node, yaml.ScalarNode):
        yield _line(node), node.value
    for key, line, child in _pairs(node):
        if isinstance(key, str):
            yield line, key
        yield from _texts(child)
