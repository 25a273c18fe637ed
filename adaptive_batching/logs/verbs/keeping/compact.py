"""`logs compact`: many small objects of a function's day become few that are cheap to keep and fast to read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from adaptive_batching.command_line import Mistake, Option, refusing
from adaptive_batching.logs.options import INCOMPLETE
from adaptive_batching.logs.verbs.making import made
from adaptive_batching.option_types import Text
from adaptive_batching.wording import counted

if TYPE_CHECKING:
    from datetime import timedelta

    from adaptive_batching.logs.compaction.run import Done
    from adaptive_batching.logs.reading import Reading

#: Nothing is kept, so that old logs do not drive out of the cache what is read every day.
_FIXED = {"since": None, "until": None, "slack": "1h", "local": False, "cache": None, "no_cache": True}


def _compact(*, reading: Reading, older_than: str, delete_sources: bool) -> int:
    from adaptive_batching.console import consoles  # noqa: PLC0415 - --help must not load slow modules
    from adaptive_batching.logs.compaction.run import compact as run  # noqa: PLC0415

    out, notes = consoles()
    age = _age(older_than)
    done = run(
        reading,
        age,
        datetime.now(UTC),
        delete=delete_sources,
        progress=lambda at, total: notes.progress("compacting days", at, total),
    )
    notes.clear()
    out.say(sentence(done, deleting=delete_sources))
    for key, why in done.left.items():
        notes.say(f"{key} is kept: {why}")
    return INCOMPLETE if done.left or done.damaged else 0


def _age(text: str) -> timedelta:
    from adaptive_batching.logs import times  # noqa: PLC0415 - --help must not load slow modules
    from adaptive_batching.logs.sources.compacted import YOUNGEST  # noqa: PLC0415

    with refusing(times.TimeError):
        age = times.duration(text)
    if age < YOUNGEST:
        raise Mistake(f"--older-than {text!r} is less than 1d: objects of a day may still come")
    return age


def sentence(done: Done, *, deleting: bool) -> str:
    """Return what was done, as a line. Pure."""
    said = "nothing is to be compacted"
    if done.objects:
        said = (
            f"{counted(done.objects, 'object')} of {counted(done.days, 'day')} ({done.size:,} bytes) "
            f"are in {done.made:,} now "
            f"({done.made_size:,} bytes)"
        )
    if deleting:
        said += f"; {counted(done.deleted, 'source')} deleted"
    if done.unfit:
        said += f"; {done.unfit:,} left as they are: damaged, empty, or with a line that cannot be read"
    return said


compact = made(
    "compact",
    _compact,
    [
        Option(
            ["--older-than"],
            type=Text(),
            default="1d",
            metavar="TIME",
            group="which objects",
            help="of days (UTC) that ended so long ago (default and least: 1d)",
        ),
        Option(
            ["--delete-sources"],
            is_flag=True,
            group="which objects",
            help="delete what was compacted, after its lines were read back",
        ),
    ],
    since="all",
    fixed=_FIXED,
)
