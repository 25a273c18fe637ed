"""The command `adaptive-batching async scenario`."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from adaptive_batching.command_line import Argument, Command, Mistake, Option, refusing
from adaptive_batching.option_types import File, Number, format_option
from adaptive_batching.sandbox.asynchronous.picture import Scene
from adaptive_batching.sandbox.asynchronous.picture import svg as picture
from adaptive_batching.sandbox.asynchronous.scenarios import SCENARIOS, START, diagnosis, play
from adaptive_batching.sandbox.asynchronous.timeline import as_json, clock, lines
from adaptive_batching.sandbox.cli.asynchronous.commands import COMMANDS
from adaptive_batching.sandbox.cli.asynchronous.jitter import JITTER, exact, jittered
from adaptive_batching.sandbox.cli.parameters import SEED
from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.values.bounds import Bounds

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from adaptive_batching.console import Console
    from adaptive_batching.sandbox.asynchronous.scenarios import Scenario
    from adaptive_batching.sandbox.asynchronous.virtual import History

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


@dataclass(frozen=True)
class _Real:
    """The options of --real. `scale` is None for the default."""

    scale: float | None
    log_folder: Path | None


def _scenario(
    *,
    name: str,
    start: int,
    jitter: bool,
    seed: int,
    output: str,
    svg: Path | None,
    real: bool,
    **options: Any,  # noqa: ANN401 - click's own
) -> int:
    """Print the scenarios. Return 1 if a real one's logs are not all on S3. Raises Mistake if it cannot be played."""
    from adaptive_batching.console import consoles  # noqa: PLC0415 - --help must not load slow modules

    for option, given in options.items():
        if given is not None and not real:
            raise Mistake(f"--{option.replace('_', '-')} is for --real; without it a scenario takes no time")
    out, err = consoles()
    stretch = jittered(seed) if jitter else exact
    agrees, found, scenes = True, {}, []
    for one in SCENARIOS.values() if name == ALL else [SCENARIOS[name]]:
        if real:
            history, agrees_here = _really(one, _Real(options["time_scale"], options["log_folder"]), stretch, err)
            agrees = agrees and agrees_here
        else:
            history = play(one, stretch)
        judged = diagnosis(one.configuration, history.data)
        found[one.name] = as_json(history, judged, start)
        scenes.append(Scene(f"{one.name}: {one.title}", history, start))
        if output == "json":
            continue
        if name == ALL:
            out.say(f"{'' if one.name == next(iter(SCENARIOS)) else chr(10)}{one.name}: {one.title}")
        for line in lines(history, judged, start):
            out.say(line)
    if output == "json":
        out.say(json.dumps(found, indent=2))
    if svg:
        svg.write_text(picture(scenes), encoding="utf-8")
    return 0 if agrees else 1


def _really(scenario: Scenario, wanted: _Real, stretch: Callable[[float], float], err: Console) -> tuple[History, bool]:
    """Play a scenario in the sandbox. Return what happened, and whether its logs are on S3."""
    from adaptive_batching import clone  # noqa: PLC0415 - as above
    from adaptive_batching.sandbox.cli.asynchronous import real  # noqa: PLC0415
    from adaptive_batching.sandbox.s3.embedded import embedded_s3  # noqa: PLC0415

    with refusing(SandboxError, clone.LayerError), embedded_s3() as endpoint:
        scale = wanted.scale or real.SCALE
        err.say(f"{scenario.name}: in the sandbox, a second is {scale:g} of Lambda's")
        played = real.play(scenario, endpoint, scale, stretch, wanted.log_folder)
    err.say(f"{scenario.name}: s3 {played.balance.text}")
    return played.history, played.balance.agrees


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
        Option(["--svg"], type=File(), metavar="FILE", help="draw it, too, into this file"),
        Option(["--real"], is_flag=True, help="in the sandbox, with the built layer and an S3, over Lambda's API"),
        Option(
            ["--time-scale"],
            type=Number(float, Bounds(1, 1000)),
            metavar="N",
            help="with --real, a second here is N of Lambda's (default: 30)",
        ),
        Option(["--log-folder"], type=File(), help="with --real, keep log streams here, as CloudWatch would show them"),
        Option(["--seed"], type=SEED, default=0, metavar="N", help="same seed, same waits (default: 0)"),
        format_option("text", "json"),
    ],
)
