"""Small changes of the syntax tree, each at an address: `module` or `module:Class.method`.

A place is found by names: what a statement calls, or what it sets. Only what a defect puts there is written as code. A
change that finds no place, or several, that changes nothing, or that names what the module does not have, is an error.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable
from typing import TypeAlias, TypeVar

Node = TypeVar("Node", bound=ast.AST)

#: Whether a statement is the one that is meant.
Place: TypeAlias = Callable[[ast.stmt], bool]
#: Makes its change in a function's body, or in a module's.
Change: TypeAlias = Callable[[ast.AST], None]


class NoPlaceError(Exception):
    """A change found nothing to be made at, or more than one thing."""


def patched(source: str, address: str, change: Change) -> str:
    """The module's source with a change made at the address."""
    tree = ast.parse(source)
    known = _names(tree) | set(dir(builtins))
    try:
        change(_found(tree, address.partition(":")[2]))
    except NoPlaceError as error:
        raise NoPlaceError(f"{address}: {error}") from None
    text = ast.unparse(ast.fix_missing_locations(tree))
    if text == ast.unparse(ast.parse(source)):
        raise NoPlaceError(f"{address}: nothing is changed")
    if strange := _names(tree) - known:  # it would be caught as a NameError, whatever the tests are worth
        raise NoPlaceError(f"{address}: the module has no {', '.join(sorted(strange))}")
    compile(text, address, "exec")
    return text


def calls(name: str) -> Place:
    """The statement that calls a function or a method of this name."""
    return lambda statement: any(
        isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == name for node in ast.walk(statement)
    )


def sets(name: str) -> Place:
    """The statement that sets this name or attribute (dotted), alone or together with others."""
    return lambda statement: name in _targets(statement)


def drop(place: Place) -> Change:
    """The statement is not there."""
    return _with(place, lambda _: [])


def instead(place: Place, code: str) -> Change:
    """Other code stands in the statement's place."""
    return _with(place, lambda _: ast.parse(code).body)


def before(place: Place, code: str) -> Change:
    """Code is added in front of the statement."""
    return _with(place, lambda statement: [*ast.parse(code).body, statement])


def after(place: Place, code: str) -> Change:
    """Code is added behind the statement."""
    return _with(place, lambda statement: [statement, *ast.parse(code).body])


def only_if(place: Place, condition: str) -> Change:
    """The statement runs under a condition."""
    return _with(place, lambda statement: [ast.If(_expression(condition), [statement], [])])


def value(name: str, code: str) -> Change:
    """What a name or attribute is set to, or increased by."""

    def changed(statement: ast.stmt) -> list[ast.stmt]:
        if not isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign):
            raise NoPlaceError(f"{name} is set by something else than an assignment")
        statement.value = _expression(code)
        return [statement]

    return _with(sets(name), changed)


def gives(code: str) -> Change:
    """What the function returns."""

    def change(scope: ast.AST) -> None:
        _one(scope, ast.Return).value = _expression(code)

    return change


def one_alternative_less() -> Change:
    """The last operand of the condition that the function returns is not there."""

    def change(scope: ast.AST) -> None:
        _one(scope, ast.BoolOp).values.pop()

    return change


def catches(exceptions: str) -> Change:
    """What each of the function's handlers of exceptions is for."""

    def change(scope: ast.AST) -> None:
        handlers = [node for node in ast.walk(scope) if isinstance(node, ast.ExceptHandler)]
        if not handlers:
            raise NoPlaceError("no exception is handled")
        for handler in handlers:
            handler.type = _expression(exceptions)

    return change


def both(*some: Change) -> Change:
    """Several changes at one address."""

    def change(scope: ast.AST) -> None:
        for one in some:
            one(scope)

    return change


def _names(tree: ast.AST) -> set[str]:
    nodes = list(ast.walk(tree))
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    return names | {node.attr for node in nodes if isinstance(node, ast.Attribute)}


def _found(tree: ast.Module, path: str) -> ast.AST:
    scope: ast.Module | ast.ClassDef | ast.FunctionDef = tree
    for name in filter(None, path.split(".")):
        inner = [one for one in scope.body if isinstance(one, ast.ClassDef | ast.FunctionDef) and one.name == name]
        if len(inner) != 1:
            raise NoPlaceError(f"{name} is defined {len(inner)} times")
        scope = inner[0]
    return scope


def _with(place: Place, replace: Callable[[ast.stmt], list[ast.stmt]]) -> Change:
    """Replace the one innermost statement at the place; a block that becomes empty passes."""

    def change(scope: ast.AST) -> None:
        found = [
            (block, statement)
            for node in ast.walk(scope)
            for field in ("body", "orelse", "finalbody")
            if isinstance(block := getattr(node, field, None), list)
            for statement in block
            if place(statement) and not any(place(one) for one in _inside(statement))
        ]
        if len(found) != 1:
            raise NoPlaceError(f"{len(found)} statements are at the place")
        block, statement = found[0]
        at = block.index(statement)
        block[at : at + 1] = replace(statement)
        if not block:
            block.append(ast.Pass())

    return change


def _inside(statement: ast.stmt) -> list[ast.stmt]:
    return [node for node in ast.walk(statement) if isinstance(node, ast.stmt) and node is not statement]


def _targets(statement: ast.stmt) -> set[str]:
    match statement:
        case ast.Assign(targets=targets):
            parts = [
                part for target in targets for part in (target.elts if isinstance(target, ast.Tuple) else [target])
            ]
        case ast.AnnAssign(target=target) | ast.AugAssign(target=target):
            parts = [target]
        case _:
            parts = []
    return {ast.unparse(part) for part in parts}


def _one(scope: ast.AST, kind: type[Node]) -> Node:
    found = [node for node in ast.walk(scope) if isinstance(node, kind)]
    if len(found) != 1:
        raise NoPlaceError(f"{kind.__name__} is there {len(found)} times")
    return found[0]


def _expression(code: str) -> ast.expr:
    return ast.parse(code, mode="eval").body
