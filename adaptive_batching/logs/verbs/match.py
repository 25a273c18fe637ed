"""`logs match`: the log events that a filter pattern of CloudWatch matches, as grep prints lines."""

from __future__ import annotations

import os
from datetime import UTC
from typing import TYPE_CHECKING

from adaptive_batching.command_line import Argument, Command, Option, refusing, shown
from adaptive_batching.logs.cli import COMMANDS
from adaptive_batching.logs.verbs.making import OUTPUT
from adaptive_batching.option_types import File, Text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_STDIN = "-"


def _match(pattern: str, files: tuple[Path, ...], *, count: bool) -> int:
    from adaptive_batching.console import consoles  # noqa: PLC0415 - --help must not load slow modules
    from adaptive_batching.logs.filter_pattern import FilterPattern, FilterPatternError  # noqa: PLC0415
    from adaptive_batching.logs.verbs.output import Output  # noqa: PLC0415

    with refusing(FilterPatternError):
        filter_pattern = FilterPattern(pattern)
    out, notes = Output(UTC), consoles()[1]
    matched, unread = 0, False
    for name in map(str, files or (_STDIN,)):
        begin, found = f"{name}:" if len(files) > 1 else "", 0
        try:
            for line in _lines(name):
                if filter_pattern.matches(line.decode("utf-8", "replace")):
                    found += 1
                    if not count:
                        out.raw(os.fsencode(begin) + line)
        except _UnreadError as error:
            unread = True
            notes.say(shown(f"logs match: {error}"))
            continue
        finally:
            matched += found
        if count:
            out.line(f"{begin}{found}")
    return 2 if unread else int(not matched)


class _UnreadError(Exception):
    """A file cannot be read."""


def _lines(name: str) -> Iterator[bytes]:
    try:
        with open(0 if name == _STDIN else name, "rb", closefd=name != _STDIN) as file:
            yield from (line.rstrip(b"\r\n") for line in file)
    except OSError as error:
        raise _UnreadError(f"{name}: {error.strerror or error}") from None


match = Command(
    "match",
    callback=_match,
    help=f"{COMMANDS['match'][1]}. Exit codes as grep's: 0 a line matched, 1 none did, 2 it could not be done.",
    params=[
        Argument(
            ["pattern"],
            type=Text(),
            metavar="PATTERN",
            help="""as in a metric filter: 'ERROR -"404"', '{ $.level = "ERROR" }'""",
        ),
        Argument(
            ["files"],
            type=File(),
            nargs=-1,
            metavar="[FILE]...",
            help="of lines, each a log event (default: standard input)",
        ),
        Option(["-c", "--count"], is_flag=True, group=OUTPUT, help="print how many lines match, not the lines"),
    ],
)
