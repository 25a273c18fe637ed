"""The walls of the house (docs/architecture.md): who may import what, each one assertion over folders."""

from __future__ import annotations

import ast
import importlib
import sys
from typing import TYPE_CHECKING

import pytest

from adaptive_batching import cli, sandbox
from adaptive_batching.experiment import cli as experiment_cli
from adaptive_batching.logs import cli as logs_cli
from adaptive_batching.sandbox.cli import commands as sandbox_commands
from adaptive_batching.sandbox.cli.asynchronous import commands as async_commands
from tests.unit.walls import ROOT, circles, computed_imports, crossings, imported, module, ours, room, sources, tops

if TYPE_CHECKING:
    from pathlib import Path

#: Room of `extension/` -> what its modules may import beside their own room. "" is the root: what is loaded before the
#: first `event/next`.
EXTENSION = {
    "": set(),
    "records": set(),
    "core": {"records", "events", "settings", "errors"},
    "stores": {"errors"},
    "journal": {"records.chunk"},
    "shell": {"", "core", "records", "stores", "journal"},
}
#: The one arrow out of the root: the composition root loads the shell once `event/next` is written.
INTO_THE_SHELL = ["extension.__main__ imports extension.shell.app"]
PURE = (
    "extension/records",
    "extension/core",
    "adaptive_batching/experiment/core",
    "adaptive_batching/load/core",
    "adaptive_batching/sandbox/asynchronous",
    "adaptive_batching/operate/doctor/checks",
)
#: Pure modules of a room that carries out, too, what they decide.
LANDSCAPE = (
    *("partial", "description", "events", "properties", "rest/routes", "queues/batches", "queues/records"),
    *("streams/shard",),
)
IMPURE = {
    *("time", "os", "socket", "_socket", "threading", "_thread", "queue", "http", "logging", "random", "uuid", "ssl"),
    *("signal", "subprocess", "urllib", "asyncio", "datetime", "secrets", "tempfile", "select", "boto3", "botocore"),
    *("pathlib", "concurrent"),
}
#: The modules of functions/notifier that decide.
NOTIFIERS_PURE = ("events", "layout", "letters", "lines", "message", "notices", "search")
NOTHING_OF_OURS = ("kinds", "errors", "events", "stores/__init__")
SDK = ROOT / "extension/stores/sdk.py"
#: Rooms of the sandbox, from the outermost inwards: an import never runs back.
SANDBOX = ("cli", "landscape", "fleet", "asynchronous", "lifecycle", "protocol", "host", "telemetry", "template", "")
#: Room of `adaptive_batching/logs/` -> what its modules may import beside their own room. "" is the root: the options
#: and what a command gets.
LOGS: dict[str, set[str]] = {
    "verbs": {"", "athena", "compaction", "report", "trace", "language", "sql", "sources"},
    "athena": {"sql", "sources"},
    "compaction": {"", "cache", "sources"},
    "report": {"", "trace", "language", "sql"},
    "trace": {"language", "sql"},
    "language": {"sql"},
    "": {"cache", "sql", "sources"},
    "cache": {"sql", "sources"},
    "sql": set(),
    "sources": set(),
}
#: The same for `adaptive_batching/operate/`. "" is the root: the account, and the options of all commands.
OPERATE: dict[str, set[str]] = {
    "attaching": {"", "cloudwatch", "doctor", "layers", "policies"},
    "cloudwatch": {"", "doctor", "policies"},
    "doctor": {"", "layers", "policies"},
    "layers": {""},
    "policies": {""},
    "": set(),
}
#: Where the tools import by a name that only the running program knows, and why: no wall can see through those.
COMPUTED_IMPORTS = {
    "adaptive_batching.command_line": "a command's module is loaded when the command is asked for",
    "adaptive_batching.sandbox": "its public names come from rooms that import it first",
}
#: What knows click, beside the root of the tools.
CLICK = (
    "adaptive_batching.sandbox.cli.",
    "adaptive_batching.experiment.cli",
    "adaptive_batching.experiment.commands",
    "adaptive_batching.load.command",
    "adaptive_batching.load.options",
    "adaptive_batching.load.smoke_command",
    "adaptive_batching.logs.cli",
    "adaptive_batching.logs.options",
    "adaptive_batching.logs.verbs.",
    "adaptive_batching.operate.options",
    "adaptive_batching.operate.attaching.commands",
    "adaptive_batching.operate.cloudwatch.commands",
    "adaptive_batching.operate.layers.command",
    "adaptive_batching.operate.policies.command",
    "adaptive_batching.operate.doctor.command",
)
#: Modules on one level of a package: as many as are taken in at one sitting. `__init__` does not count.
MOST = 14
PACKAGES = ("extension", "adaptive_batching", "benchmarks", "layer", "tests", "tools")


def pure() -> list[Path]:
    landscape = [ROOT / f"adaptive_batching/sandbox/landscape/{name}.py" for name in LANDSCAPE]
    return [*(path for folder in PURE for path in sources(folder)), *landscape]


def test_in_the_extension_no_import_crosses_a_wall() -> None:
    assert crossings("extension", EXTENSION) == INTO_THE_SHELL


def test_in_the_sandbox_an_arrow_never_runs_back() -> None:
    allowed = {one: set(SANDBOX[number + 1 :]) | {"s3"} for number, one in enumerate(SANDBOX)}
    allowed["s3"] = {"host", ""}
    allowed["mock"] = {""}
    allowed["cli"].add("mock")
    assert crossings("adaptive_batching.sandbox", allowed) == []


def test_in_the_reading_of_logs_an_arrow_never_runs_back() -> None:
    assert crossings("adaptive_batching.logs", LOGS) == []


def test_what_a_load_test_decides_knows_nothing_of_how_it_is_carried_out() -> None:
    assert crossings("adaptive_batching.load", {"": {"core"}, "core": set()}) == []


def test_a_load_test_knows_the_sandbox_but_not_its_commands_which_know_it() -> None:
    found = {name for path in sources("adaptive_batching.load") for name in ours(path, "adaptive_batching")}
    assert [name for name in sorted(found) if name.startswith("adaptive_batching.sandbox.cli")] == []
    assert any(name.startswith("adaptive_batching.sandbox.landscape") for name in found)


def test_what_runs_an_application_knows_nothing_of_options() -> None:
    found = {
        name for path in sources("adaptive_batching.sandbox.landscape") for name in ours(path, "adaptive_batching")
    }
    assert "adaptive_batching.option_types" not in found


def test_in_the_operating_on_aws_an_arrow_never_runs_back() -> None:
    assert crossings("adaptive_batching.operate", OPERATE) == []


@pytest.mark.parametrize("package", ["extension", "adaptive_batching"])
def test_there_is_no_circle(package: str) -> None:
    assert circles(package) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_no_folder_has_more_modules_than_are_taken_in_at_one_sitting(package: str) -> None:
    names = [room(path) for path in sources(package) if path.stem != "__init__"]
    assert {name: names.count(name) for name in names if names.count(name) > MOST} == {}


@pytest.mark.holds("twice: a duplicate body is recognized whatever the time between")
@pytest.mark.parametrize("path", pure(), ids=module)
def test_the_core_has_no_clock_and_no_io(path: Path) -> None:
    assert tops(imported(path)) & IMPURE == set()


@pytest.mark.parametrize("name", NOTHING_OF_OURS)
def test_kinds_and_errors_and_events_import_nothing_at_all(name: str) -> None:
    assert imported(ROOT / "extension" / f"{name}.py") == set()


def test_settings_import_nothing_but_their_kinds() -> None:
    assert imported(ROOT / "extension/settings.py") == {"extension.kinds"}


@pytest.mark.parametrize("path", sources("extension"), ids=module)
def test_the_extension_uses_the_standard_library_alone_and_boto3_in_one_place(path: Path) -> None:
    allowed = set(sys.stdlib_module_names) | {"extension"} | ({"boto3", "botocore"} if path == SDK else set())
    assert tops(imported(path)) <= allowed
    assert computed_imports(path) == 0


@pytest.mark.parametrize("path", sources("functions"), ids=module)
def test_a_function_uses_the_standard_library_boto3_and_what_stands_beside_it(path: Path) -> None:
    beside = {one.stem for one in path.parent.glob("*.py")} | ({path.parent.name} if is_package(path) else set())
    assert tops(imported(path)) <= set(sys.stdlib_module_names) | {"boto3", "botocore"} | beside


def is_package(path: Path) -> bool:
    return (path.parent / "__init__.py").exists()


@pytest.mark.parametrize("name", NOTIFIERS_PURE)
def test_what_the_notifier_decides_has_no_clock_and_no_io(name: str) -> None:
    allowed = {"datetime"}  # whose calendar is a function of its argument
    path = ROOT / "functions/notifier/notifier" / f"{name}.py"
    assert tops(imported(path)) & IMPURE <= allowed
    assert "now(" not in path.read_text()


def test_boto3_is_imported_lazily_even_there() -> None:
    source = ast.parse(SDK.read_text())
    at_import = {alias.name for node in source.body if isinstance(node, ast.Import) for alias in node.names}
    at_import |= {str(node.module) for node in source.body if isinstance(node, ast.ImportFrom)}
    assert tops(at_import) & {"boto3", "botocore"} == set()
    assert "boto3" in tops(imported(SDK))  # so the rule has an object


def test_nothing_costly_or_forbidden_is_imported_anywhere_in_the_extension() -> None:
    for path in sources("extension"):
        assert tops(imported(path)) & {"dataclasses", "asyncio", "logging", "queue", "multiprocessing"} == set(), path


@pytest.mark.parametrize("path", sources("adaptive_batching"), ids=module)
def test_the_tools_know_nothing_of_the_extension(path: Path) -> None:
    assert tops(imported(path)) & {"extension", "tests", "benchmarks", "layer"} == set()


def test_the_tools_compute_an_import_only_where_there_is_a_reason() -> None:
    found = {module(path): computed_imports(path) for path in sources("adaptive_batching")}
    assert {name: count for name, count in found.items() if count} == dict.fromkeys(COMPUTED_IMPORTS, 1)


def test_the_sandboxs_public_names_are_those_of_its_rooms() -> None:
    """The one arrow out of the sandbox's root, which the walls do not see: it hands names out and uses none itself."""
    where = {
        name: getattr(sandbox, name).__module__.removeprefix("adaptive_batching.sandbox.") for name in sandbox.__all__
    }
    assert where == {
        "Environment": "lifecycle.environment",
        "Fleet": "fleet.fleet",
        "Function": "function",
        "Landscape": "landscape.landscape",
        "Options": "options",
        "parse_faults": "faults",
    }
    assert not hasattr(sandbox, "absent")
    assert imported(ROOT / "adaptive_batching/sandbox/__init__.py") == {"typing.TYPE_CHECKING", "importlib"}


def test_every_command_that_is_named_is_there() -> None:
    tables = (
        cli.COMMANDS,
        sandbox_commands.COMMANDS,
        experiment_cli.COMMANDS,
        logs_cli.COMMANDS,
        async_commands.COMMANDS,
    )
    for lazy in tables:
        for place, line in lazy.values():
            name, _, attribute = place.partition(":")
            assert getattr(importlib.import_module(name), attribute).help or line


def test_argparse_has_left_the_tools() -> None:
    assert not any("argparse" in tops(imported(path)) for path in sources("adaptive_batching"))


@pytest.mark.parametrize("path", sources("adaptive_batching"), ids=module)
def test_only_a_command_line_knows_click_and_only_the_console_rich(path: Path) -> None:
    allowed = {
        "click": {f"adaptive_batching.{name}" for name in ("cli", "command_line", "option_types")},
        "rich": {"adaptive_batching.console"},
    }
    for library, modules in allowed.items():
        own = module(path) in modules or (library == "click" and module(path).startswith(CLICK))
        assert own or library not in tops(imported(path))


def test_the_experiments_pure_part_knows_itself_alone() -> None:
    for path in sources("adaptive_batching/experiment/core"):
        names = ours(path, "adaptive_batching")
        assert {name.rpartition(".")[0] for name in names} <= {"adaptive_batching.experiment.core"}, path


def test_only_the_composition_root_reads_the_environment_and_exits() -> None:
    for path in sources("extension"):
        read = {ast.unparse(node) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
        if path.stem not in ("__main__", "minimal"):
            assert "os.environ" not in read, path
        if path.stem != "__main__":
            assert not {"sys.exit", "os._exit"} & read, path


# the tests of these tests: whatever is forbidden is found


def test_the_walls_are_really_read(tmp_path: Path) -> None:
    file = tmp_path / "guilty.py"
    file.write_text(
        "import os.path\nfrom extension.core import shipper\n"
        "def f(name):\n    import queue\n    __import__('random')\n    __import__(name)\n"
        "if TYPE_CHECKING:\n    import uuid\nelse:\n    import socket\n"
    )
    assert imported(file) == {"os.path", "extension.core.shipper", "queue", "random", "socket"}
    assert computed_imports(file) == 1


def plant(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / "house" / (name.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_a_planted_import_against_a_wall_is_found(tmp_path: Path) -> None:
    plant(
        tmp_path, top="", core__a="from house import top\nfrom house.shell.b import x\n", shell__b="import house.core.a"
    )
    allowed = {"": set(), "core": {"top"}, "shell": {"core"}}
    assert crossings("house", allowed, tmp_path) == ["house.core.a imports house.shell.b"]


def test_a_planted_import_out_of_the_root_is_found(tmp_path: Path) -> None:
    plant(tmp_path, top="def f():\n    from house import core\n    from house.core import a\n", core__a="")
    assert crossings("house", {"": set(), "core": set()}, tmp_path) == ["house.top imports house.core.a"]


def test_a_planted_circle_is_found(tmp_path: Path) -> None:
    plant(
        tmp_path, a="from house import b\n", b="from house import c\n", c="import house.a\n", d="from house import a\n"
    )
    assert circles("house", tmp_path) == [["house.a", "house.b", "house.c"]]
