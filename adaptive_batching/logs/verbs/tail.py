"""`logs tail`: the newest lines, and with -f those that come."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from adaptive_batching.command_line import Option
from adaptive_batching.logs.verbs.making import OUTPUT, made, refusing_sql
from adaptive_batching.logs.verbs.matching import Matching, options
from adaptive_batching.option_types import DAY, Number
from adaptive_batching.values.bounds import Bounds

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
        shown = _new(logs, following, condition, count)
        _write(shown, out)
        sentence = logs.complete().sentence if follow else ""
        if not shown and not follow:
            raise NothingFound("no line matches")
    if follow:
        _follow(reading, _Followed(following, condition, out, notes, sentence), interval)


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


def _new(logs: Logs, following: Following, condition: str, count: int | None = None) -> list[Shown]:
    """Return the lines of new objects that match, or only the newest of them."""
    from adaptive_batching.logs.verbs.lines import COLUMNS, Entry  # noqa: PLC0415

    run = logs.connection.execute
    listed = run("select key from objects where damage is null or lines > 0").fetchall()
    keys = following.unseen(key for (key,) in listed)
    new = "logs where object in (select unnest(?))"
    limit = f"limit {count}" if count else ""
    with refusing_sql():
        rows = run(
            f"""select * exclude (matches) from (
                select {", ".join(COLUMNS)},
                    lag(sequence) over (partition by environment order by sequence) as before, {condition} as matches
                from {new}
            ) where matches order by ts desc, environment desc, sequence desc, line desc {limit}""",
            [keys],
        ).fetchall()
    highest = run(
        f"select environment, max(sequence) from {new} and environment is not null and sequence is not null group by 1",
        [keys],
    ).fetchall()
    (newest,) = run(f"select max(ts) from {new}", [keys]).fetchone() or (None,)
    following.newest = max((one for one in (newest, following.newest) if one is not None), default=None)
    return following.take(keys, [(Entry(*row[:-1]), row[-1]) for row in rows], dict(highest))


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
