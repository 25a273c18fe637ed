"""The walls of the house (docs/architecture.md), read from the source by `ast`: who may import what."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CORE = (
    "recovery",
    "echoes",
    "envelopes",
    "accounts",
    "circuit",
    "hold",
    "outbox",
    "batcher",
    "shipper",
    "policy",
    "telemetry",
    "objects",
    "settings",
    "events",
    "errors",
)
EDGES = ("keeper", "spool", "extensions_api", "listener", "inbox", "poller", "uploader", "messages")
SHELL = ("__init__", "__main__", "app", "consumer", "environment", "startup", "minimal")  # put edges and core together
IMPURE = {
    *("time", "os", "socket", "_socket", "threading", "_thread", "queue", "http", "logging", "random", "uuid", "ssl"),
    *("signal", "subprocess", "urllib", "asyncio", "datetime", "secrets", "tempfile", "select", "boto3", "botocore"),
}
SDK_PLACE = "extension.stores.sdk"


def imported(path: Path) -> set[str]:
    """Every module that a file imports, except under TYPE_CHECKING: dotted, `from a import b` also as a.b."""
    found: set[str] = set()
    todo: list[ast.AST] = [ast.parse(path.read_text())]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            found.add(str(node.module))
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            if name in ("__import__", "import_module"):
                argument = node.args[0] if node.args else None
                assert isinstance(argument, ast.Constant), f"{path}: an import by a computed name cannot be judged"
                found.add(str(argument.value))
        todo.extend(ast.iter_child_nodes(node))
    return found


def sources(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def tops(names: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in names}


def ours(names: set[str]) -> set[str]:
    """The modules of `extension` among the names: `extension.x` and not what is inside it."""
    return {name.split(".")[1] for name in names if name.startswith("extension.")}


def test_the_lists_name_every_module_of_the_extension() -> None:
    listed = {*CORE, *EDGES, *SHELL}
    assert {path.stem for path in (ROOT / "extension").glob("*.py")} == listed


@pytest.mark.holds("twice: an echo is known whatever the time between")
@pytest.mark.parametrize("name", CORE)
def test_the_core_has_no_clock_and_no_io(name: str) -> None:
    assert tops(imported(ROOT / "extension" / f"{name}.py")) & IMPURE == set()


@pytest.mark.parametrize("name", CORE)
def test_the_core_knows_no_edge(name: str) -> None:
    assert ours(imported(ROOT / "extension" / f"{name}.py")) <= set(CORE)


@pytest.mark.parametrize("name", EDGES)
def test_an_edge_knows_no_other_edge_and_not_the_shipper(name: str) -> None:
    known = ours(imported(ROOT / "extension" / f"{name}.py"))
    assert known & (set(EDGES) - {"messages"} | {"shipper", "batcher", "policy", "telemetry"} | set(SHELL)) == set()


@pytest.mark.parametrize("path", sources("extension/stores"), ids=module)
def test_a_store_knows_errors_and_other_files_of_stores_alone(path: Path) -> None:
    assert ours(imported(path)) <= {"stores", "errors"}


def test_settings_and_errors_and_events_import_nothing_at_all() -> None:
    for name in ("settings", "errors", "events", "stores/__init__"):
        assert imported(ROOT / "extension" / f"{name}.py") == set()


@pytest.mark.parametrize("path", sources("extension"), ids=module)
def test_the_extension_uses_the_standard_library_alone_and_boto3_in_one_place(path: Path) -> None:
    allowed = set(sys.stdlib_module_names) | {"extension"}
    if module(path) == SDK_PLACE:
        allowed |= {"boto3", "botocore"}
    assert tops(imported(path)) <= allowed


def test_boto3_is_imported_lazily_even_there() -> None:
    source = ast.parse((ROOT / (SDK_PLACE.replace(".", "/") + ".py")).read_text())
    at_import = {alias.name for node in source.body if isinstance(node, ast.Import) for alias in node.names}
    at_import |= {str(node.module) for node in source.body if isinstance(node, ast.ImportFrom)}
    assert tops(at_import) & {"boto3", "botocore"} == set()
    assert "boto3" in tops(imported(ROOT / (SDK_PLACE.replace(".", "/") + ".py")))  # so the rule has an object


@pytest.mark.parametrize("path", sources("extension"), ids=module)
def test_the_extension_knows_nothing_of_sandbox_and_insights(path: Path) -> None:
    assert tops(imported(path)) & {"sandbox", "insights", "tests", "benchmarks"} == set()


def test_nothing_costly_or_forbidden_is_imported_anywhere_in_the_extension() -> None:
    for path in sources("extension"):
        assert tops(imported(path)) & {"dataclasses", "asyncio", "logging", "queue", "multiprocessing"} == set(), path


@pytest.mark.parametrize("path", sources("sandbox"), ids=module)
def test_the_sandbox_is_a_second_reading_of_the_protocol(path: Path) -> None:
    assert tops(imported(path)) & {"extension", "insights", "tests"} == set()


def test_insights_knows_the_format_of_the_objects_alone() -> None:
    for path in sources("insights"):
        assert ours(imported(path)) <= {"objects"}, path


def test_only_the_composition_root_reads_the_environment_and_exits() -> None:
    for path in sources("extension"):
        source = path.read_text()
        if path.stem not in ("__main__", "minimal"):
            assert "os.environ" not in source, path
        if path.stem != "__main__":
            assert "sys.exit" not in source, path
            assert "os._exit" not in source, path


def test_the_walls_are_really_read(tmp_path: Path) -> None:
    file = tmp_path / "guilty.py"
    file.write_text(
        "import os.path\nfrom extension import shipper\n"
        "def f():\n    import queue\n    __import__('random')\n"
        "if TYPE_CHECKING:\n    import uuid\n"
    )
    assert imported(file) == {"os.path", "extension", "extension.shipper", "queue", "random"}
