"""Every fenced block of the pages is what it says it is: JSON parses, Python runs, commands and options exist."""

from __future__ import annotations

import ast
import json
import re
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import botocore.session
import click
import pytest
import yaml  # type: ignore[import-untyped]
from botocore import xform_name

from adaptive_batching.cli import adaptive_batching
from adaptive_batching.logs.report.patterns import KNOWN, parse
from extension.settings import PREFIX, TABLE
from tests.documents.pages import FACTS, PAGES, README, label, name, of_language
from tools.blocks import blocks, steps
from tools.page import DOCS, ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tools.blocks import Block

CHECKED = {"", "console", "json", "yaml", "python", "sql", "hcl", "javascript", "dockerfile", "text", "toml"}
#: Options of every AWS command, and those that the AWS CLI adds to an operation.
AWS_OPTIONS = {"query", "output", "region", "endpoint-url", "no-sign-request", "zip-file", "cli-binary-format"}
AWS_S3 = {"ls": {"recursive"}, "cp": set[str](), "sync": set[str]()}
#: Other programs, and what the pages do with them.
OTHERS = {"sam build", "sam deploy --guided", "pipx install ."}
RUNS = [pair for pair in of_language("python") if "adaptive_batching" in pair[1].body]


@pytest.mark.parametrize("page", [page for page in PAGES if page != FACTS], ids=name)
def test_every_block_is_closed_and_of_a_language_that_is_checked(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text.count("\n```") + text.startswith("```") == 2 * len(list(blocks(text)))
    assert {block.language for block in blocks(text)} <= CHECKED


@pytest.mark.parametrize("pair", of_language("json"), ids=label)
def test_json_is_json(pair: tuple[Path, Block]) -> None:
    value = json.loads(pair[1].body)
    for statement in value.get("Statement", [value] if "Effect" in value else []):
        assert {"Effect", "Action", "Resource"} <= set(statement)


class Loader(yaml.SafeLoader):  # type: ignore[misc]
    """Takes every tag of CloudFormation for nothing."""


Loader.add_multi_constructor("!", lambda _loader, _suffix, _node: None)


@pytest.mark.parametrize("pair", of_language("yaml"), ids=label)
def test_yaml_is_yaml_and_names_the_settings(pair: tuple[Path, Block]) -> None:
    yaml.load(pair[1].body, Loader)  # noqa: S506 - a SafeLoader with tags
    assert "ADAPTIVE_BATCHING_EXTENSION_S3_BUCKET" in pair[1].body


@pytest.mark.parametrize("pair", of_language("toml"), ids=label)
def test_toml_is_a_file_of_patterns(pair: tuple[Path, Block]) -> None:
    assert len(parse(pair[1].body)) > len(KNOWN)


@pytest.mark.parametrize("pair", of_language("python"), ids=label)
def test_python_is_python(pair: tuple[Path, Block]) -> None:
    ast.parse(pair[1].body)


@pytest.mark.parametrize("pair", RUNS, ids=label)
def test_python_of_this_project_runs(pair: tuple[Path, Block]) -> None:
    command = [sys.executable, "-c", pair[1].body]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("pair", of_language("console"), ids=label)
def test_the_commands_of_a_console_exist_with_their_options(pair: tuple[Path, Block]) -> None:
    found = steps(pair[1].body)
    assert found
    for step in found:
        for words in piped(shlex.split(step.command)):
            if " ".join(words) not in OTHERS:
                {"adaptive-batching": ours, "aws": aws, "make": make, "gunzip": other, "jq": other}[words[0]](words[1:])


def piped(words: list[str]) -> list[list[str]]:
    """The words of each program of a pipe, without redirections."""
    found: list[list[str]] = [[]]
    for before, word in zip(["", *words], words, strict=False):
        if word == "|":
            found.append([])
        elif not word.startswith((">", "2>")) and before != ">":
            found[-1].append(word)
    return found


def ours(words: list[str]) -> None:
    """Parse a command line of this project as click does, without running it."""
    command: click.Command = adaptive_batching
    context = click.Context(command, info_name="adaptive-batching")
    words = [word for word in words if word != "--version"]
    while words and isinstance(command, click.Group):
        found = command.get_command(context, words.pop(0))
        assert found, f"{words} has no such command"
        command = found
    if not isinstance(command, click.Group):
        command.make_context(command.name, words, parent=context)


def aws(words: list[str]) -> None:
    service, operation, *rest = words
    given = {word.removeprefix("--") for word in rest if word.startswith("--")} - AWS_OPTIONS
    if service == "s3":
        assert given <= AWS_S3[operation]
        return
    model = botocore.session.get_session().get_service_model(service)
    names = {xform_name(one, "-"): one for one in model.operation_names}
    shape = model.operation_model(names[operation]).input_shape
    assert given <= {xform_name(one, "-") for one in (shape.members if shape else ())}


def make(words: list[str]) -> None:
    targets = set(re.findall(r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {word for word in words if "=" not in word} <= targets


def other(_words: list[str]) -> None:
    """Take a filter of the machine as it is."""


def test_the_policy_of_the_examples_is_the_one_that_the_page_shows() -> None:
    page = (DOCS / "iam.md").read_text(encoding="utf-8")
    first = next(block for block in blocks(page) if block.language == "json")
    assert first.body == (ROOT / "examples" / "policy.json").read_text(encoding="utf-8")


def rows(text: str, heading: str) -> list[list[str]]:
    """The cells of the table below a heading."""
    part = text.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("| ")]
    return [[cell.strip().strip("`") for cell in line.strip("|").split(" | ")] for line in lines[1:]]


def test_the_settings_that_the_readme_shows_have_these_defaults_here_and_in_the_template() -> None:
    template: dict[str, Any] = yaml.load((ROOT / "template.yaml").read_text(), Loader)  # noqa: S506 - as above
    parameters = {one.lower(): str(value.get("Default")) for one, value in template["Parameters"].items()}
    defaults = {row.name.removeprefix(PREFIX): row.default for row in TABLE}
    shown = rows(README.read_text(encoding="utf-8"), "The settings that matter")
    assert len(shown) == 7
    for setting, default, recommended, _ in shown:
        assert default == (defaults[setting] or "required")
        assert setting == "S3_BUCKET" or recommended == (parameters[setting.replace("_", "").lower()] or "not set")


def test_make_lists_its_targets_in_the_width_of_a_terminal() -> None:
    done = subprocess.run(["make", "help"], capture_output=True, text=True, check=True, timeout=30, cwd=ROOT)
    lines = done.stdout.splitlines()
    assert len(lines) > 10
    assert [line for line in lines if len(line) > 80] == []
