"""`logs search`: the lines that match."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from adaptive_batching.command_line import Option, refusing
from adaptive_batching.logs.verbs.making import OUTPUT, batches, format_option, made, refusing_sql
from adaptive_batching.logs.verbs.matching import Matching, options
from adaptive_batching.option_types import Number, Text
from adaptive_batching.values.bounds import Bounds

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adaptive_batching.logs.reading import Reading
    from adaptive_batching.logs.verbs.lines import Entry
    from adaptive_batching.logs.verbs.output import Output

_ORDER = "ts {0} NULLS LAST, environment {0}, sequence {0}, line {0}"
_FORMATS = ("short", "json", "raw", "csv")
#: How far around a moment is looked, and how many lines of it are shown.
_NEAR, _AROUND = timedelta(minutes=10), 20


def _near(given: dict[str, Any]) -> None:
    """Make a moment of --around, and the window around it unless --since or --until say otherwise."""
    from adaptive_batching.logs import times  # noqa: PLC0415 - --help must not load slow modules

    if given["around"] is None:
        return
    now = datetime.now().astimezone()
    with refusing(times.TimeError):
        moment = times.moment(given["around"], now, (now.tzinfo or UTC) if given["local"] else UTC)
    given["around"] = moment
    given["since"] = given["since"] or (moment - _NEAR).isoformat()
    given["until"] = given["until"] or (moment + _NEAR).isoformat()


def _search(
    *,
    reading: Reading,
    format_: str,
    count: int | None,
    around: datetime | None,
    **which: Any,  # noqa: ANN401 - the options
) -> None:
    from adaptive_batching.logs.reading import NothingFound  # noqa: PLC0415 - --help must not load slow modules
    from adaptive_batching.logs.verbs.lines import COLUMNS, Entry  # noqa: PLC0415
    from adaptive_batching.logs.verbs.output import Output  # noqa: PLC0415

    condition = Matching(**which).condition()
    with reading.open() as logs, refusing_sql():
        out = Output(logs.zone)
        sql = f"SELECT {', '.join(COLUMNS)} FROM logs WHERE {condition}"
        found = logs.connection.execute(f"{_limited(sql, count, around)} ORDER BY {_ORDER.format('ASC')}")
        entries = (Entry(*row) for row in batches(found))
        written = _raw(reading, entries, out) if format_ == "raw" else _entries(entries, out, format_)
        if not written:
            raise NothingFound("no line matches")


def _limited(sql: str, count: int | None, around: datetime | None) -> str:
    """Return the query for the newest lines, or for those before and after a moment. Pure."""
    if around is None:
        newest = f" ORDER BY {_ORDER.format('DESC')} LIMIT {count}" if count else ""
        return f"SELECT * FROM ({sql}{newest})"
    moment = f"TIMESTAMP '{around.astimezone(UTC).replace(tzinfo=None).isoformat(sep=' ')}'"
    half = ((count or _AROUND) + 1) // 2
    before = f"{sql} AND ts < {moment} ORDER BY {_ORDER.format('DESC')} LIMIT {half}"
    after = f"{sql} AND ts >= {moment} ORDER BY {_ORDER.format('ASC')} LIMIT {half}"
    return f"SELECT * FROM (({before}) UNION ALL ({after}))"


def _entries(entries: Iterable[Entry], out: Output, kind: str) -> int:
    from adaptive_batching.logs.verbs import lines  # noqa: PLC0415

    write = {"short": lines.short, "json": lines.as_json, "csv": lines.csv_row}[kind]
    count = 0
    for count, entry in enumerate(entries, 1):
        if count == 1 and kind == "csv":
            out.line(lines.as_csv(list(lines.SHOWN)))
        out.line(write(entry, out.zone))
    return count


def _raw(reading: Reading, entries: Iterable[Entry], out: Output) -> int:
    """Write the bytes that were shipped. Each object is read once more, since nothing else has them."""
    from adaptive_batching.logs.sources.inflating import inflated  # noqa: PLC0415

    places = [(entry.object, entry.line) for entry in entries]
    wanted: dict[str, set[int]] = {}
    for key, number in places:
        wanted.setdefault(key, set()).add(number)
    shipped: dict[tuple[str, int], bytes] = {}
    for key, body in reading.bodies(list(wanted)):
        lines = [line for line in inflated(body)[0].split(b"\n") if line.strip()]
        shipped |= {(key, number): lines[number - 1] for number in wanted[key] if number <= len(lines)}
    for place in places:
        if place in shipped:
            out.raw(shipped[place])
    return len(shipped)


search = made(
    "search",
    _search,
    [
        *options(),
        Option(
            ["--around"],
            type=Text(),
            metavar="TIME",
            group="which lines",
            help="the -n lines around a moment, half of them before it (default: 20, within 10 minutes)",
        ),
        Option(
            ["-n", "count"],
            type=Number(int, Bounds(1, 10**9)),
            metavar="N",
            group=OUTPUT,
            help="the newest N of the lines that match (default: all)",
        ),
        format_option(*_FORMATS),
    ],
    before=_near,
)
