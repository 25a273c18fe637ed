"""The options that every command on shipped logs has: which objects, and which window of time."""

from __future__ import annotations

import functools
from contextlib import closing
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import click  # noqa: TC002 - as the other command lines

from adaptive_batching.command_line import Argument, Option, refusing
from adaptive_batching.option_types import REGION, File, Text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_WHERE, _WHICH, _CACHE = "where", "which lines", "the cache"
#: Exit codes: nothing was found; something could not be read.
NOTHING, INCOMPLETE = 1, 3


def _parameters(since: str) -> list[click.Parameter]:
    return [
        Argument(
            ["source"],
            required=False,
            envvar="ADAPTIVE_BATCHING_LOGS",
            metavar="[SOURCE]",
            group=_WHERE,
            help="s3://bucket/prefix or a folder (default: ADAPTIVE_BATCHING_LOGS)",
        ),
        Option(["--profile"], type=Text(), metavar="NAME", group=_WHERE, help="profile of the AWS configuration"),
        Option(
            ["--region"],
            type=REGION,
            metavar="REGION",
            group=_WHERE,
            help="region of the bucket (default: as for the AWS CLI)",
        ),
        Option(
            ["--layout"],
            metavar="TEMPLATE",
            group=_WHERE,
            help="the extension's S3_PREFIX, '' for flat names (default: its default)",
        ),
        Option(
            ["--since"],
            type=Text(),
            metavar="TIME",
            group=_WHICH,
            help=f"10m, 2h ago, yesterday, 13:10, 2026-11-20T09:15, epoch (default: {since}; of a folder, all)",
        ),
        Option(["--until"], type=Text(), metavar="TIME", group=_WHICH, help="the same (default: now)"),
        Option(
            ["--function", "functions"],
            type=Text(),
            multiple=True,
            metavar="GLOB",
            group=_WHICH,
            help="name of a function, with * and ?; repeatable",
        ),
        Option(
            ["--slack"],
            type=Text(),
            default="1h",
            metavar="TIME",
            group=_WHICH,
            help="how much later than its lines an object may come (default: 1h)",
        ),
        Option(["--local"], is_flag=True, group=_WHICH, help="times of this machine's zone, read and printed, not UTC"),
        Option(["--cache"], type=File(), metavar="FOLDER", group=_CACHE, help="where objects are kept, converted"),
        Option(["--no-cache"], is_flag=True, group=_CACHE, help="keep nothing"),
    ]


def reading_options(  # a decorator
    command: Callable[..., Any] | None = None,
    *,
    since: str = "1h",
    fixed: Mapping[str, Any] = MappingProxyType({}),
) -> Any:  # noqa: ANN401
    """Give a command the options of reading, and `reading`, a Reading, as an argument.

    `since` is the default of --since; what is `fixed` is no option of this command. The command returns an exit code or
    None; NothingFound stands for 1. If an object could not be read, the exit code is 3.
    """
    if command is None:
        return functools.partial(reading_options, since=since, fixed=fixed)
    parameters = [one for one in _parameters(since) if one.name not in fixed]
    names = [str(one.name) for one in parameters]

    @functools.wraps(command)
    def wrapped(**given: Any) -> int:  # noqa: ANN401 - click's own
        from adaptive_batching.console import Console, consoles  # noqa: PLC0415 - --help must not load slow modules
        from adaptive_batching.logs.interrupting import as_interrupts  # noqa: PLC0415
        from adaptive_batching.logs.reading import NothingFound, Reading, SourceError  # noqa: PLC0415

        notes: Console = consoles()[1]
        own = {name: given.pop(name) for name in names}
        with refusing(SourceError), closing(Reading(**own, **fixed, default_since=since, notes=notes)) as reading:
            try:
                with as_interrupts():
                    code = int(command(reading=reading, **given) or 0)
            except NothingFound:
                code = NOTHING
            return INCOMPLETE if reading.damaged else code

    wrapped.__click_params__ = [*getattr(command, "__click_params__", []), *reversed(parameters)]  # type: ignore[attr-defined]
    return wrapped
