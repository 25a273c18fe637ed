"""The command `adaptive-batching load`. The module `run`, which takes longer to load, carries it out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adaptive_batching.command_line import Argument, Command, Option, refusing
from adaptive_batching.load.options import access_options, source_options, with_access
from adaptive_batching.option_types import DAY, File, Number, Pair, Text, format_option
from adaptive_batching.values.bounds import Bounds

if TYPE_CHECKING:
    from pathlib import Path

_MOST = 2_000


def _load(
    *,
    script: Path,
    output: str,
    max_in_flight: int,
    parameter: tuple[tuple[str, str], ...],
    layer: tuple[Path, ...],
    **given: Any,  # noqa: ANN401 - click's own
) -> int:
    from adaptive_batching.console import consoles  # noqa: PLC0415 - --help must not load slow modules
    from adaptive_batching.load.destinations import LoadError, LocalOptions  # noqa: PLC0415
    from adaptive_batching.load.run import Wanted, carry_out  # noqa: PLC0415
    from adaptive_batching.load.targets import TargetError  # noqa: PLC0415
    from adaptive_batching.logs.reading import SourceError  # noqa: PLC0415

    wanted = Wanted(
        script=script,
        output=output,
        places=max_in_flight,
        local=LocalOptions(parameter, layer),
        **with_access(given),
    )
    out, err = consoles()
    with refusing(LoadError, TargetError, SourceError):
        return carry_out(wanted, out, err)


load = Command(
    "load",
    callback=_load,
    help="Send the requests of a script in artillery's format when they are due, whatever the answers do.",
    params=[
        Argument(["script"], type=File(), metavar="SCRIPT", help="YAML as artillery has it"),
        Option(
            ["--target"],
            type=Text(),
            metavar="TARGET",
            help="URL, lambda:NAME, or sandbox:TEMPLATE, which runs meanwhile (default: config.target of the script)",
        ),
        Option(
            ["--max-in-flight"],
            type=Number(int, Bounds(1, _MOST)),
            default=200,
            metavar="N",
            help="arrivals that may wait for answers at a time; further ones wait for a place (default: 200)",
        ),
        Option(
            ["--seed"],
            type=Number(int, Bounds(0, 2**63)),
            metavar="N",
            help="same seed, same arrivals and values (default: a new one, which is printed)",
        ),
        format_option("text", "json"),
        *source_options(),
        Option(
            ["--until"],
            type=Text(),
            metavar="MILESTONE",
            group="the logs",
            help="wait until each answered trace has a line with this milestone, and tell its lead time",
        ),
        Option(
            ["--drain"],
            type=Number(float, Bounds(0, DAY)),
            default=120.0,
            metavar="S",
            group="the logs",
            help="for so many seconds after the last answer (default: 120)",
        ),
        Option(
            ["--parameter"],
            multiple=True,
            type=Pair(),
            metavar="NAME=VALUE",
            group="the sandbox",
            help="parameter of the template; repeatable",
        ),
        Option(
            ["--layer"],
            type=File(),
            multiple=True,
            group="the sandbox",
            help="folder laid out as /opt, instead of the layers of each function that has layers; repeatable",
        ),
        *access_options(),
    ],
)
