"""The command `adaptive-batching doctor`."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import click

from adaptive_batching.command_line import Command, Mistake, Option, refusing
from adaptive_batching.option_types import FUNCTION, File, Text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from adaptive_batching.operate.doctor.report import Report

_WHAT, _TEMPLATE = "what is examined", "a template"


def _doctor(*, template: Path | None, function: str | None, parameter: Sequence[str], output: str) -> int:
    """Print the report. Return 1 if there is an error."""
    from adaptive_batching.console import consoles  # noqa: PLC0415 - --help must not load slow modules
    from adaptive_batching.operate.doctor import report  # noqa: PLC0415
    from adaptive_batching.operate.doctor.finding import ERROR  # noqa: PLC0415

    if template is None:
        raise Mistake("nothing to examine; give --template FILE", click.get_current_context())
    found = _of_template(template, function, parameter)
    out, _ = consoles()
    if output == "json":
        out.say(json.dumps(report.as_json(found), indent=2))
    else:
        width = shutil.get_terminal_size((100, 24)).columns
        for number, one in enumerate(found):
            for line in (*([""] if number else []), *report.lines(one, width, out.paint)):
                out.say(line)
    return int(any(one.count(ERROR) for one in found))


def _of_template(path: Path, function: str | None, parameters: Sequence[str]) -> list[Report]:
    from adaptive_batching.operate.doctor.checks import judged  # noqa: PLC0415
    from adaptive_batching.operate.doctor.reading import template  # noqa: PLC0415
    from adaptive_batching.operate.doctor.report import Report  # noqa: PLC0415
    from adaptive_batching.sandbox.errors import SandboxError  # noqa: PLC0415

    with refusing(SandboxError):
        return [Report(name, judged(facts)) for name, facts in template.read(path, _pairs(parameters), function)]


def _pairs(words: Sequence[str]) -> dict[str, str]:
    """Return NAME=VALUE words as a mapping. Raises Mistake."""
    found = dict(word.partition("=")[::2] for word in words if "=" in word.strip("="))
    if len(found) < len(set(words)):
        wrong = next((word for word in words if "=" not in word.strip("=")), words[-1])
        raise Mistake(
            f"--parameter {wrong!r} is not NAME=VALUE, or its name is there twice", click.get_current_context()
        )
    return found


doctor = Command(
    "doctor",
    callback=_doctor,
    help="Say whether a function ships its logs, and if not, why. Nothing is written or changed.",
    params=[
        Option(["--function"], type=FUNCTION, metavar="NAME", group=_WHAT, help="logical id (default: every function)"),
        Option(["--template"], type=File(), metavar="FILE", group=_TEMPLATE, help="of SAM, CloudFormation or the CDK"),
        Option(
            ["--parameter"],
            multiple=True,
            type=Text(),
            metavar="NAME=VALUE",
            group=_TEMPLATE,
            help="parameter of the template; repeatable",
        ),
        Option(["--format", "output"], type=click.Choice(["text", "json"]), default="text", help="default: text"),
    ],
)
