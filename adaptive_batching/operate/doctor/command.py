"""The command `adaptive-batching doctor`."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import click

from adaptive_batching.command_line import Command, Mistake, Option, refusing
from adaptive_batching.operate.options import where_options
from adaptive_batching.option_types import FUNCTION, File, Pair, format_option
from adaptive_batching.values.json_text import no_json

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from adaptive_batching.operate.doctor.report import Report

_WHAT, _TEMPLATE = "what is examined", "a template"


class _Json(click.ParamType):  # type: ignore[type-arg]  # not a generic class in every version
    """An event as JSON."""

    name = "json"

    def convert(self, value: str | bytes, _param: click.Parameter | None, ctx: click.Context | None) -> bytes:
        """Return the text in UTF-8. Raises Mistake if it is not JSON."""
        if isinstance(value, bytes):
            return value
        try:
            json.loads(value, parse_constant=no_json)
            return value.encode()
        except (ValueError, RecursionError):
            raise Mistake(f"--invoke {value!r} is not JSON, such as '{{}}'", ctx) from None


def _doctor(
    *,
    template: Path | None,
    function: str | None,
    parameter: Sequence[tuple[str, str]],
    output: str,
    payload: bytes | None,
    **where: Any,  # noqa: ANN401 - of an Account
) -> int:
    """Print the report. Return 1 if there is an error."""
    from adaptive_batching.console import consoles  # noqa: PLC0415 - --help must not load slow modules
    from adaptive_batching.operate.doctor import report  # noqa: PLC0415
    from adaptive_batching.operate.doctor.finding import ERROR  # noqa: PLC0415

    context = click.get_current_context()
    if template is None and function is None:
        raise Mistake("nothing to examine; give --function NAME, or --template FILE", context)
    if template is None and parameter:
        raise Mistake("--parameter is for a template; give --template FILE", context)
    if template is not None and (given := [name for name, value in where.items() if value]):
        raise Mistake(f"--{given[0].replace('_', '-')} is for AWS, and a template is read offline", context)
    if template is not None and payload is not None:
        raise Mistake("--invoke is for AWS, and a template is read offline", context)
    found = (
        [_on_aws(function or "", payload, **where)] if template is None else _of_template(template, function, parameter)
    )
    out, _ = consoles()
    if output == "json":
        out.say(json.dumps(report.as_json(found), indent=2))
    else:
        width = shutil.get_terminal_size((100, 24)).columns
        for number, one in enumerate(found):
            for line in (*([""] if number else []), *report.lines(one, width, out.paint)):
                out.say(line)
    return int(any(one.count(ERROR) for one in found))


def _of_template(path: Path, function: str | None, parameters: Sequence[tuple[str, str]]) -> list[Report]:
    from adaptive_batching.operate.doctor.checks import judged  # noqa: PLC0415
    from adaptive_batching.operate.doctor.facts import Unknown  # noqa: PLC0415
    from adaptive_batching.operate.doctor.finding import cannot_say  # noqa: PLC0415
    from adaptive_batching.operate.doctor.reading import template  # noqa: PLC0415
    from adaptive_batching.operate.doctor.report import Report  # noqa: PLC0415
    from adaptive_batching.sandbox.errors import SandboxError  # noqa: PLC0415

    with refusing(SandboxError):
        found = template.read(path, dict(parameters), function)
    return [
        Report(name, {"template": [cannot_say(one)]} if isinstance(one, Unknown) else judged(one))
        for name, one in found
    ]


def _on_aws(function: str, payload: bytes | None, **where: Any) -> Report:  # noqa: ANN401 - of an Account
    from adaptive_batching.console import consoles  # noqa: PLC0415
    from adaptive_batching.operate import function as functions  # noqa: PLC0415
    from adaptive_batching.operate.aws import Account, AwsError  # noqa: PLC0415
    from adaptive_batching.operate.doctor.checks import invoked, judged  # noqa: PLC0415
    from adaptive_batching.operate.doctor.reading import aws  # noqa: PLC0415
    from adaptive_batching.operate.doctor.reading import invocation as invoking  # noqa: PLC0415
    from adaptive_batching.operate.doctor.report import Report  # noqa: PLC0415

    _, notes = consoles()
    account, qualifier = Account(**where), functions.qualifier(function)
    steps = iter(range(1, aws.STEPS + 1))
    with refusing(AwsError):
        try:
            facts = aws.read(
                account, function, lambda what: notes.progress(f"reading the {what}", next(steps), aws.STEPS)
            )
        finally:
            notes.clear()
        found = judged(facts)
        if payload is not None:
            notes.say("invoking the function, and waiting for its request id on S3")
            invocation = invoking.invoke(account, facts.function, payload, qualifier=qualifier)
            found["invoked"] = invoked.judge(facts, invocation)
        return Report(f"{facts.function.name}{qualifier and f':{qualifier}'}", found)


doctor = Command(
    "doctor",
    callback=_doctor,
    help="Say whether a function ships its logs, and if not, why. Nothing is changed; only --invoke runs the function.",
    params=[
        Option(
            ["--function"],
            type=FUNCTION,
            metavar="NAME",
            group=_WHAT,
            help="its name or ARN; with --template its logical id",
        ),
        Option(
            ["--invoke", "payload"],
            type=_Json(),
            metavar="JSON",
            group=_WHAT,
            help="invoke it once with this event, and wait for its request id on S3",
        ),
        *where_options(),
        Option(["--template"], type=File(), metavar="FILE", group=_TEMPLATE, help="of SAM, CloudFormation or the CDK"),
        Option(
            ["--parameter"],
            multiple=True,
            type=Pair(),
            metavar="NAME=VALUE",
            group=_TEMPLATE,
            help="parameter of the template; repeatable",
        ),
        format_option("text", "json"),
    ],
)
