"""`logs tail`: the newest lines, and with -f those that come."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from adaptive_batching.command_line import Option
from adaptive_batching.logs.verbs.making import OUTPUT, made, refusing_sql
from adaptive_batching.logs.verbs.matching import Matching, options
from adaptive_batching.option_types import DAY, Bounds, Number

if TYPE_CHECKING:
    from adaptive_batching.console import Console
    from adaptive_batching.logs.reading import Logs, Reading
    from adaptive_batching.logs.verbs.following import Following, Shown
    from adaptive_batching.logs.verbs.output import Output

_WHEN = "which lines"
#: Seconds of silence after which the age of the newest line is told again.
_SILENCE = 60.0


def _tail(*, reading: Reading, follow: bool, interval: float, count: int, **which: Any) -> None:  # noqa: ANN401 - the options
    from adaptive_batching.console import consoles  # noqa: PLC0415 - --help must not load slow modules
    from adaptive_batching.logs.reading import NothingFound  # noqa: PLC0415
    from adaptive_batching.logs.verbs.following import Following  # noqa: PLC0415
    from adaptive_batching.logs.verbs.output import Output  # noqa: PLC0415

    condition = Matching(**which).condition()
    out, following = Output(reading.zone), Following()
    notes = consoles()[1]
    with reading.open(told=not follow) as logs:
        shown = _new(logs, following, condition)
        _write(shown[-count:], out)
        sentence = logs.complete().sentence if follow else ""
    if follow:
        _follow(reading, _Followed(following, condition, out, notes, sentence), interval)
    elif not shown:
        raise NothingFound("no line matches")


class _Followed:
    """What a poll needs, and what the last one found."""

    def __init__(self, following: Following, condition: str, out: Output, notes: Console, sentence: str) -> None:
        self.following = following
        self.condition = condition
        self.out = out
        self.notes = notes
        self.sentence = sentence
        self.trouble = ""
        self.told = 0.0

    def tell(self) -> None:
        """Say how old the newest line is."""
        from adaptive_batching.logs.verbs.following import age  # noqa: PLC0415

        self.notes.say(age(self.following.newest, datetime.now(UTC).replace(tzinfo=None)))
        self.told = time.monotonic()


def _follow(reading: Reading, followed: _Followed, interval: float) -> None:
    followed.tell()
    try:
        while True:
            time.sleep(interval)
            if _poll(reading, followed) or time.monotonic() - followed.told >= _SILENCE:
                followed.tell()
    finally:  # Ctrl-C is how this ends
        followed.notes.say(followed.sentence)


def _poll(reading: Reading, followed: _Followed) -> bool:
    """Look once for lines, and write them. Return whether there were some. A source that fails is tried again."""
    from adaptive_batching.logs.reading import SourceError  # noqa: PLC0415

    try:
        with reading.open(told=False) as logs:
            shown = _new(logs, followed.following, followed.condition)
            followed.sentence = logs.complete().sentence
    except SourceError as error:
        if followed.trouble != str(error):
            followed.notes.say(f"{error}; trying again")
        followed.trouble = str(error)
        return False
    if followed.trouble:
        followed.notes.say("the source can be read again")
    followed.trouble = ""
    _write(shown, followed.out)
    return bool(shown)


def _new(logs: Logs, following: Following, condition: str) -> list[Shown]:
    """Return the lines of new objects that match."""
    from adaptive_batching.logs.verbs.lines import COLUMNS, Entry  # noqa: PLC0415

    listed = logs.connection.execute("select key from objects where damage is null or lines > 0").fetchall()
    keys = following.unseen(key for (key,) in listed)
    with refusing_sql():
        rows = logs.connection.execute(
            f"select {', '.join(COLUMNS)}, {condition} from logs where object in (select unnest(?))", [keys]
        ).fetchall()
    matches = {(row[-3], row[-2]) for row in rows if row[-1]}
    shown = following.take(keys, [Entry(*row[:-1]) for row in rows])
    return [one for one in shown if (one.entry.object, one.entry.line) in matches]


def _write(shown: list[Shown], out: Output) -> None:
    from adaptive_batching.logs.verbs.following import mark  # noqa: PLC0415
    from adaptive_batching.logs.verbs.lines import short  # noqa: PLC0415

    for one in shown:
        if (text := mark(one)) is not None:
            out.line(text)
        out.line(short(one.entry, out.zone))
    out.flush()


tail = made(
    "tail",
    _tail,
    [
        Option(["-f", "--follow"], is_flag=True, group=_WHEN, help="go on with the lines that come, until Ctrl-C"),
        Option(
            ["--interval"],
            type=Number(float, Bounds(0.1, DAY)),
            default=5.0,
            metavar="S",
            group=_WHEN,
            help="seconds between two looks at the source (default: 5)",
        ),
        *options(),
        Option(
            ["-n", "count"],
            type=Number(int, Bounds(1, 10**9)),
            default=20,
            metavar="N",
            group=OUTPUT,
            help="begin with the newest N lines (default: 20)",
        ),
    ],
)
