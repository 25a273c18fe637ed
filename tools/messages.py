"""The tables of docs/troubleshooting.md: a row for each message that the extension can write, from its syntax tree.

Level and text come from the code. What a message means, what is lost and what to do is written in the page by hand; the
script keeps those cells, adds a row for a new message and drops the row of one that is gone.
"""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tools.page import DOCS, ROOT, PageError, filled, part

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

PAGE = DOCS / "troubleshooting.md"
#: The same rows for `doctor`, which is installed without the documents.
ENTRIES = ROOT / "adaptive_batching" / "operate" / "doctor" / "entries.json"
#: Beginning of a module's path below extension/ -> heading. The first that fits.
GROUPS = {
    "core/outbox": "Uploads",
    "stores": "Store and credentials",
    "journal": "Journal and recovery",
    "core/recovery": "Journal and recovery",
    "": "Life of the extension",
}
#: Functions that write a message: name -> position of its text among the arguments. The level stands before it.
WRITERS = {"say": 1, "_say": 1, "Say": 1, "tell": 1}
#: Texts that a writer gets from elsewhere, as file:expression, and why they are read there.
PASSED_ON = {
    "__main__.py:problem": "from kinds.py and settings.py: the reasons",
    "shell/consumer.py:problem": "from next_event.py: the second of what its `read` returns",
    "shell/executor.py:action.message": "from a Say of the core",
}
BLANK = " | | |"


@dataclass(frozen=True, order=True)
class Message:
    """One message. In `text`, … stands for what differs from case to case."""

    group: str
    text: str
    level: str


@dataclass
class Scope:
    """The names that a function or module assigns, each with the expressions, and its parameters."""

    file: str
    outer: Scope | None = None
    names: dict[str, list[ast.expr]] = field(default_factory=dict)
    parameters: set[str] = field(default_factory=set)

    def find(self, name: str) -> list[ast.expr]:
        """Return what is assigned to a name, here or outside."""
        return self.names.get(name) or (self.outer.find(name) if self.outer else [])


def pages() -> dict[Path, str]:
    """Return what the page has to contain."""
    page = PAGE.read_text(encoding="utf-8")
    kept = dict(_rows(part(page, "messages")))
    text = "\n"
    found = sorted(set(messages()))
    for group in dict.fromkeys(GROUPS.values()):
        text += f"## {group}\n\n| message | level | meaning | lost | what to do |\n|---|---|---|---|---|\n"
        text += "".join(
            f"| `{one.text}` | {one.level} |{kept.get(one.text, BLANK)}\n" for one in found if one.group == group
        )
        text += "\n"
    reasons = "".join(f"* `{one}`\n" for one in sorted(set(setting_reasons())))
    filled_in = filled(page, messages=text, reasons=f"\n{reasons}\n")
    return {PAGE: filled_in, ENTRIES: json.dumps(list(entries(filled_in)), indent=1, ensure_ascii=False) + "\n"}


def entries(page: str) -> Iterator[dict[str, str]]:
    """Yield every row of the page as an entry, those of Lambda first. Links become their text."""
    lambda_says = page.partition("<!-- lambda:")[2].partition("<!-- end of lambda -->")[0]
    for by, text in (("lambda", lambda_says), ("extension", part(page, "messages"))):
        for line in text.splitlines():
            if line.startswith("| `"):
                message, level, meaning, lost, mend = (cell.strip() for cell in line.strip("| ").split(" | "))
                cells = {"message": message[1:-1], "level": level, "meaning": meaning, "lost": lost, "mend": mend}
                links = re.compile(r"\[([^]]*)\]\([^)]*\)")
                yield {"by": by, **{name: links.sub(r"\1", cell) for name, cell in cells.items()}}


def undescribed(wanted: Mapping[Path, str]) -> list[str]:
    """Return the messages whose row has an empty cell."""
    rows = _rows(part(wanted[PAGE], "messages"))
    return [text for text, cells in rows if "" in [cell.strip() for cell in cells.split("|")[:-1]]]


def _rows(text: str) -> Iterator[tuple[str, str]]:
    """Yield the message of each row, and its cells after the level."""
    for line in text.splitlines():
        if line.startswith("| `"):
            message, _, cells = line.removeprefix("| `").partition("` | ")
            yield message, cells.partition(" |")[2]


def messages(folder: Path = ROOT / "extension") -> Iterator[Message]:
    """Yield every message of the modules in a folder. Raises PageError for a text that is not in the source."""
    for path in sorted(folder.rglob("*.py")):
        name = str(path.relative_to(folder))
        group = next(title for start, title in GROUPS.items() if name.startswith(start))
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for scope, call in _calls(tree, Scope(name)):
            for level, text in _written(scope, call):
                yield Message(group, text, level)
        if name == "shell/next_event.py":
            yield from (Message(group, text, "warning") for text in _problems(tree, name))


def setting_reasons() -> Iterator[str]:
    """Yield the reasons for which a setting's value is refused, and the sentences about names."""
    for name in ("kinds.py", "settings.py"):
        tree = ast.parse((ROOT / "extension" / name).read_text(encoding="utf-8"))
        for scope, call in _calls(tree, Scope(name)):
            if _name(call.func) == "Problem":
                yield from _texts(scope, call.args[0])


def _problems(tree: ast.AST, file: str) -> Iterator[str]:
    """Yield the texts that `read` returns beside the event."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == "read":
            scope = _scope(node, Scope(file))
            for one in ast.walk(node):
                if isinstance(one, ast.Return) and isinstance(one.value, ast.Tuple):
                    yield from filter(None, _texts(scope, one.value.elts[1]))


def _calls(node: ast.AST, scope: Scope) -> Iterator[tuple[Scope, ast.Call]]:
    """Yield every call with the scope in which it stands."""
    inner = _scope(node, scope) if isinstance(node, ast.Module | ast.FunctionDef) else scope
    for child in ast.iter_child_nodes(node):
        yield from _calls(child, inner)
    if isinstance(node, ast.Call):
        yield inner, node


def _scope(node: ast.Module | ast.FunctionDef, outer: Scope) -> Scope:
    scope = Scope(outer.file, outer)
    if isinstance(node, ast.FunctionDef):
        arguments = node.args
        scope.parameters = {one.arg for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}
    todo: list[ast.AST] = list(ast.iter_child_nodes(node))
    while todo:
        one = todo.pop(0)
        if isinstance(one, ast.FunctionDef | ast.ClassDef):
            continue
        if isinstance(one, ast.Assign) and isinstance(one.targets[0], ast.Name):
            scope.names.setdefault(one.targets[0].id, []).append(one.value)
        todo += ast.iter_child_nodes(one)
    return scope


def _name(function: ast.expr) -> str:
    return (
        function.id if isinstance(function, ast.Name) else function.attr if isinstance(function, ast.Attribute) else ""
    )


def _written(scope: Scope, call: ast.Call) -> Iterator[tuple[str, str]]:
    """Yield level and text of what a call writes, nothing if it writes no message."""
    name, arguments = _name(call.func), call.args
    if name == "write" and scope.file == "minimal.py":  # it has the one line of its own
        yield from (("error", text) for text in _texts(scope, scope.find("text")[0]))
        return
    if name not in WRITERS or not arguments:
        return
    warning: ast.expr = ast.Constant("warning")
    if len(arguments) == 1:
        level, text = warning, arguments[0]  # a store's, which the executor says
    else:
        level, text = warning if name == "tell" else arguments[0], arguments[WRITERS[name]]
    if isinstance(text, ast.Name) and text.id in scope.parameters:
        return  # a writer that hands on what its caller gave
    if f"{scope.file}:{ast.unparse(text)}" in PASSED_ON:
        return
    levels = " or ".join(_texts(scope, level))
    yield from ((levels, one) for one in _texts(scope, text))


def _texts(scope: Scope, node: ast.expr) -> Iterator[str]:
    """Yield what a text can be. Raises PageError where the source does not say."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp(body=body, orelse=orelse):
            yield from _texts(scope, body)
            yield from _texts(scope, orelse)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            yield from (one + two for one in _texts(scope, left) for two in _pieces(scope, right))
        case ast.JoinedStr(values=values):
            yield from _joined(scope, values)
        case ast.Name(id=name) if scope.find(name):
            for one in scope.find(name):
                yield from _texts(scope, one)
        case _:
            raise PageError(f"extension/{scope.file}, line {node.lineno}: {ast.unparse(node)} is not a text to be read")


def _joined(scope: Scope, values: Iterable[ast.expr]) -> Iterator[str]:
    texts = [""]
    for value in values:
        pieces = _pieces(scope, value.value if isinstance(value, ast.FormattedValue) else value)
        texts = [text + piece for text in texts for piece in pieces]
    yield from texts


def _pieces(scope: Scope, node: ast.expr) -> list[str]:
    """Return what a part of a text can be, … if that is known only when the program runs."""
    try:
        return list(dict.fromkeys(_texts(scope, node)))
    except PageError:
        return ["…"]
