"""Small changes to a module, one at a time: what a slip of the pen would do. Pure.

Left alone: annotations, `__slots__`, blocks for type checkers, docstrings and other texts.
"""

from __future__ import annotations

import ast
import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
}
_CALLS = {"min": "max", "max": "min"}
_SKIPPED_FIELDS = {"annotation", "returns", "type_params", "decorator_list"}


@dataclass(frozen=True)
class Change:
    """One possible change of one tree. `make` carries it out, on the tree it was found in."""

    line: int
    before: str
    after: str
    make: Callable[[], None]

    def __str__(self) -> str:
        return f"{self.line}: {self.before}  ->  {self.after}"


def changes(tree: ast.Module) -> list[Change]:
    """Every change, always in the same order for the same source."""
    return list(_in(tree))


def changed(source: str, number: int) -> ast.Module:
    """The tree of the source with the change of this number made."""
    tree = ast.parse(source)
    changes(tree)[number].make()
    return ast.fix_missing_locations(tree)


def _in(parent: ast.AST) -> Iterator[Change]:
    for name, value in ast.iter_fields(parent):
        if name in _SKIPPED_FIELDS:
            continue
        children = value if isinstance(value, list) else [value]
        for index, child in enumerate(children):
            if not isinstance(child, ast.AST) or _skipped(child):
                continue
            for other in _instead(child):
                yield _change(parent, name, index if isinstance(value, list) else None, child, other)
            yield from _in(child)


def _change(parent: ast.AST, name: str, index: int | None, child: ast.AST, other: ast.AST) -> Change:
    def make() -> None:
        if index is None:
            setattr(parent, name, other)
        else:
            getattr(parent, name)[index] = other

    return Change(getattr(child, "lineno", 0), _short(child), _short(other), make)


def _short(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 90 else text[:87] + "..."


def _skipped(node: ast.AST) -> bool:
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
        return True
    if isinstance(node, ast.Assign):
        return any(isinstance(one, ast.Name) and one.id in {"__slots__", "TYPE_CHECKING"} for one in node.targets)
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _instead(node: ast.AST) -> Iterator[ast.AST]:
    """What may stand in a node's place."""
    if isinstance(node, ast.stmt):
        yield from _instead_of_statement(node)
    elif isinstance(node, ast.Compare | ast.BoolOp):
        yield from _instead_of_condition(node)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield copy.deepcopy(node.operand)
    elif isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
        yield _with(node, op=_ARITHMETIC[type(node.op)]())
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _CALLS:
        yield _with(node, func=ast.Name(_CALLS[node.func.id], ast.Load()))
    elif isinstance(node, ast.Constant):
        yield from _instead_of_constant(node)
    elif isinstance(node, ast.IfExp):
        yield _with(node, test=ast.UnaryOp(ast.Not(), copy.deepcopy(node.test)))


def _instead_of_condition(node: ast.Compare | ast.BoolOp) -> Iterator[ast.AST]:
    if isinstance(node, ast.BoolOp):
        yield _with(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
        for index in range(len(node.values)):
            rest = [copy.deepcopy(value) for number, value in enumerate(node.values) if number != index]
            yield rest[0] if len(rest) == 1 else ast.BoolOp(copy.deepcopy(node.op), rest)
        return
    for index, operator in enumerate(node.ops):
        if type(operator) in _COMPARISONS:
            other = copy.deepcopy(node)
            other.ops[index] = _COMPARISONS[type(operator)]()
            yield other


def _instead_of_constant(node: ast.Constant) -> Iterator[ast.AST]:
    if isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node.value, int | float):
        yield ast.Constant(node.value + 1)


def _instead_of_statement(node: ast.stmt) -> Iterator[ast.AST]:
    if isinstance(node, ast.If):
        yield _with(node, test=ast.UnaryOp(ast.Not(), copy.deepcopy(node.test)))
    elif isinstance(node, ast.AugAssign):
        yield _with(node, op=_ARITHMETIC.get(type(node.op), ast.Sub)())
        yield ast.Pass()
    elif isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
        yield ast.Return(ast.Constant(None))
    elif isinstance(node, ast.Break):
        yield ast.Continue()
    elif isinstance(node, ast.Continue):
        yield ast.Break()
    elif isinstance(node, ast.Expr | ast.Delete) or _sets_an_attribute(node):
        yield ast.Pass()


def _sets_an_attribute(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and not isinstance(node.targets[0], ast.Name)


def _is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _with(node: ast.AST, **fields: ast.AST) -> ast.AST:
    other = copy.deepcopy(node)
    for name, value in fields.items():
        setattr(other, name, value)
    return other
