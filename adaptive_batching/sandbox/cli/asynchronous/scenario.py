"""The command `adaptive-batching async scenario`."""

from __future__ import annotations

import json
import re

import click

from adaptive_batching.command_line import Argument, Command, Mistake, Option
from adaptive_batching.sandbox.asynchronous.scenarios import SCENARIOS, START, diagnosis, play
from adaptive_batching.sandbox.asynchronous.timeline import as_json, clock, lines
from adaptive_batching.sandbox.cli.asynchronous.commands import COMMANDS
from adaptive_batching.sandbox.cli.asynchronous.jitter import JITTER, exact, jittered
from adaptive_batching.sandbox.cli.parameters import SEED

ALL = "all"
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?")


class _Time(click.ParamType):  # type: ignore[type-arg]  # not a generic class in every version
    """A time of the day, as seconds."""

    name = "time"

    def convert(self, value: str | int, _param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the second of the day. Raises Mistake."""
        if isinstance(value, int):
            return value
        found = _TIME.fullmatch(value)
        if not found:
            raise Mistake(f"--start {value!r} is not a time of the day such as {clock(START)}", ctx)
        hours, minutes, seconds = (int(one or 0) for one in found.groups())
        return hours * 3600 + minutes * 60 + seconds


def _scenario(*, name: str, start: int, jitter: bool, seed: int, output: str) -> int:
    from adaptive_batching.console import consoles  # noqa: PLC0415 - --help must not load slow modules

    out, _ = consoles()
    stretch = jittered(seed) if jitter else exact
    found = {}
    for one in SCENARIOS.values() if name == ALL else [SCENARIOS[name]]:
        history = play(one, stretch)
        judged = diagnosis(one.configuration, history.data)
        if output == "json":
            found[one.name] = as_json(history, judged, start)
            continue
        if name == ALL:
            out.say(f"{'' if one.name == next(iter(SCENARIOS)) else chr(10)}{one.name}: {one.title}")
        for line in lines(history, judged, start):
            out.say(line)
    if output == "json":
        out.say(json.dumps(found, indent=2))
    return 0


scenario = Command(
    "scenario",
    callback=_scenario,
    help=f"Show {COMMANDS['scenario'][1]}.",
    params=[
        Argument(
            ["name"],
            type=click.Choice([*SCENARIOS, ALL]),
            metavar="name",
            help=f"{', '.join(SCENARIOS)}, or {ALL}",
        ),
        Option(
            ["--start"],
            type=_Time(),
            default=START,
            metavar="TIME",
            help=f"when the first event comes, which decides where a minute ends (default: {clock(START)})",
        ),
        Option(["--jitter"], is_flag=True, help=f"each wait is up to {JITTER:.0%} shorter or longer, as on AWS"),
        Option(["--seed"], type=SEED, default=0, metavar="N", help="same seed, same waits (default: 0)"),
        Option(["--format", "output"], type=click.Choice(["text", "json"]), default="text", help="default: text"),
    ],
)
