"""Reads who imports what from the source, by `ast`."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]


def imported(path: Path) -> set[str]:
    """Everything that a file imports, except for its types alone: dotted, `from a import b` as a.b."""
    found: set[str] = set()
    todo: list[ast.AST] = [ast.parse(path.read_text())]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            todo.extend(node.orelse)
            continue
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module != "__future__":
            assert node.level == 0, f"{path}: imports are absolute"
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            if name in ("__import__", "import_module") and node.args and isinstance(node.args[0], ast.Constant):
                found.add(str(node.args[0].value))
        todo.extend(ast.iter_child_nodes(node))
    return found


def computed_imports(path: Path) -> int:
    """How many imports there are by a name that only the running program knows."""
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call) and node.args]
    named = [node for node in calls if ast.unparse(node.func).rpartition(".")[2] in ("__import__", "import_module")]
    return sum(not isinstance(node.args[0], ast.Constant) for node in named)


def sources(package: str, root: Path = ROOT) -> list[Path]:
    return sorted((root / package.replace(".", "/")).rglob("*.py"))


def module(path: Path, root: Path = ROOT) -> str:
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def room(path: Path, root: Path = ROOT) -> str:
    """The folder that a module stands in, dotted."""
    return ".".join(path.relative_to(root).parent.parts)


def tops(names: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in names}


def ours(path: Path, package: str, root: Path = ROOT) -> set[str]:
    """The modules of `package` that a file imports, itself not among them."""
    modules = {module(one, root) for one in sources(package, root)}
    found = {next((one for one in _outward(name) if one in modules), "") for name in imported(path)}
    return {one for one in found if one and one not in (package, module(path, root))}


def crossings(package: str, allowed: dict[str, set[str]], root: Path = ROOT) -> list[str]:
    """Each import from one room of `package` into another that `allowed` does not name for it; sorted.

    `allowed`: room -> what it may import, rooms and single modules, without the package's name; "" is the package's own
    folder.
    """
    rooms = {
        module(path, root): _nearest(room(path, root).removeprefix(package).lstrip("."), allowed)
        for path in sources(package, root)
    }
    found: list[str] = []
    for path in sources(package, root):
        own = rooms[module(path, root)]
        found += [
            f"{module(path, root)} imports {name}"
            for name in ours(path, package, root)
            if not {rooms[name], name.removeprefix(package + ".")} & (allowed[own] | {own})
        ]
    return sorted(found)


def circles(package: str, root: Path = ROOT) -> list[list[str]]:
    """Each group of modules of `package` that import one another in a circle."""
    edges = {module(path, root): ours(path, package, root) for path in sources(package, root)}
    reached: dict[str, set[str]] = {}
    for start in edges:
        seen: set[str] = set()
        todo = [start]
        while todo:
            more = edges.get(todo.pop(), set()) - seen
            seen |= more
            todo.extend(more)
        reached[start] = seen
    groups = {frozenset({one, *(other for other in reached[one] if one in reached[other])}) for one in edges}
    return sorted(sorted(group) for group in groups if len(group) > 1)


def _outward(name: str) -> list[str]:
    """a.b.c -> a.b.c, a.b, a."""
    words = name.split(".")
    return [".".join(words[:count]) for count in range(len(words), 0, -1)]


def _nearest(inner: str, named: dict[str, set[str]]) -> str:
    """The room that is named, or the one around it that is. KeyError if there is none: a room without a rule."""
    return next((one for one in _outward(inner) if one in named), inner)
