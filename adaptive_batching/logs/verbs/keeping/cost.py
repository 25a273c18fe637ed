"""`logs cost`: a month on S3 against CloudWatch, from what was shipped or from what is assumed."""

from __future__ import annotations

from dataclasses import astuple
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from adaptive_batching import prices
from adaptive_batching.command_line import Mistake, Option
from adaptive_batching.logs import monthly
from adaptive_batching.logs.monthly import Traffic
from adaptive_batching.logs.verbs.making import format_option, made
from adaptive_batching.option_types import Number, Text
from adaptive_batching.values.bounds import Bounds
from adaptive_batching.wording import counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from adaptive_batching.logs.monthly import Bill
    from adaptive_batching.logs.reading import Logs, Reading

_ASSUME = "what is assumed"
_HEAD = ("function", "objects", "GB", "PUT", "storage", "GET", "Athena", "S3", "CloudWatch")
#: What --assume knows: name -> the value where it is not given.
ASSUMED = {"gb": 1.0, "object-kb": 256.0, "ratio": 0.1}
#: The options that count with --assume, too; the others say what is read.
_OWN = ("assume", "keep", "reads", "format_")
_SHIPPED = f"""
    with billed as (
        select function, sum(strlen(record) + {monthly.CLOUDWATCH_EVENT}) as bytes from logs
        where type in ('function', 'extension') or starts_with(type, 'platform.') group by function
    ), stored as (select function, count(*) as objects, sum(size) as bytes from objects group by function)
    select function, objects, stored.bytes, coalesce(billed.bytes, 0) from stored left join billed using (function)
    order by function"""


def _cost(*, reading: Reading, keep: float, reads: float, format_: str, **_: Any) -> None:  # noqa: ANN401 - --assume
    from adaptive_batching.logs.reading import NothingFound  # noqa: PLC0415 - --help must not load slow modules

    with reading.open() as logs:
        traffic, length = shipped(logs)
        if not traffic:
            raise NothingFound("no line is in the window")
        if len(traffic) > 1:
            traffic["total"] = sum(traffic.values(), start=Traffic(0, 0, 0))
        _say(traffic, f"from {spanned(length)} of logs", keep, reads, format_)


def shipped(logs: Logs) -> tuple[dict[str, Traffic], timedelta]:
    """Return what each function ships in a month, if it is as in the window, and how long the window is."""
    first, last = logs.connection.execute("select min(ts), max(ts) from logs").fetchall()[0]
    if first is None:
        return {}, timedelta()
    window = logs.window
    begin = window.since or first.replace(tzinfo=UTC)
    end = window.until or (datetime.now(UTC) if window.since else last.replace(tzinfo=UTC))
    length = max(end - begin, timedelta(minutes=1))
    months = length / timedelta(days=monthly.MONTH)
    rows = logs.connection.execute(_SHIPPED).fetchall()
    return {name: Traffic(*(float(value) / months for value in values)) for name, *values in rows}, length


def assumed(words: Sequence[str]) -> tuple[Traffic, dict[str, float]]:
    """Return the traffic that `name=value` words say, and all values. Raises Mistake. Pure."""
    values = dict(ASSUMED)
    for word in words:
        name, _, text = word.partition("=")
        try:
            values[name] = float(text)
        except ValueError:
            values[name] = 0
        if name not in ASSUMED or not 0 < values[name] < float("inf"):
            known = ", ".join(f"{one}={value:g}" for one, value in ASSUMED.items())
            raise Mistake(f"--assume {word!r} is not one of these with a number over 0: {known}")
    size = values["gb"] * monthly.GB
    return Traffic(size / (values["object-kb"] * 1000), size * values["ratio"], size), values


def _say(traffic: Mapping[str, Traffic], said: str, keep: float, reads: float, format_: str) -> None:
    from adaptive_batching.console import consoles  # noqa: PLC0415 - --help must not load slow modules
    from adaptive_batching.logs.verbs.output import Output  # noqa: PLC0415

    rows = [(name, one, monthly.bill(one, keep=keep, reads=reads)) for name, one in traffic.items()]
    out = Output(UTC)
    if format_ == "table":
        out.rows(_HEAD, [_row(*row) for row in rows], "table", _HEAD[1:])
    else:
        names = ["function", "objects", "stored_bytes", "cloudwatch_bytes", *monthly.MEMBERS]
        out.rows(names, [[name, *astuple(one), *astuple(bill)] for name, one, bill in rows], format_)
    consoles()[1].say(
        f"dollars a month, {said}: kept for {_number(keep, 'day')}, scanned {_number(reads, 'time')}; prices of "
        f"{prices.REGION}, {prices.AS_OF}; CloudWatch costs nothing only where it is denied"
    )


def spanned(length: timedelta) -> str:
    """Return how long something is, in the largest of days, hours and minutes of which there is one. Pure."""
    for noun, unit in (("day", timedelta(days=1)), ("hour", timedelta(hours=1))):
        if length >= unit:
            return _number(round(length / unit, 1), noun)
    return _number(round(length / timedelta(minutes=1)), "minute")


def _number(number: float, noun: str) -> str:
    return counted(int(number), noun) if number == int(number) else f"{number:,.10g} {noun}s"


def _row(name: str, one: Traffic, bill: Bill) -> list[str]:
    shown = (bill.put, bill.storage, bill.get, bill.athena, bill.s3, bill.cloudwatch)
    dollars = [f"{value:,.2f}" if value >= 1 else f"{value:.4f}" for value in shown]
    return [name, f"{one.objects:,.0f}", f"{one.stored / monthly.GB:,.3f}", *dollars]


def _either(**given: Any) -> Any:  # noqa: ANN401 - click's own
    """With --assume nothing is read, and SOURCE is not needed."""
    if not given["assume"]:
        return _from_source(**given)
    context = click.get_current_context()
    for one in cost.params:
        given_too = context.get_parameter_source(str(one.name)) is ParameterSource.COMMANDLINE
        if given_too and one.name not in _OWN:
            which = max(one.opts, key=len) if isinstance(one, Option) else "SOURCE"
            raise Mistake(f"--assume reads nothing, so it goes without {which}; leave out one of them")
    traffic, values = assumed(given["assume"])
    said = ", ".join(f"{name}={value:g}" for name, value in values.items())
    _say({"assumed": traffic}, f"if {said}", given["keep"], given["reads"], given["format_"])
    return 0


cost = made(
    "cost",
    _cost,
    [
        Option(
            ["--assume"],
            type=Text(),
            multiple=True,
            metavar="NAME=NUMBER",
            group=_ASSUME,
            help="instead of SOURCE: gb (of logs, a month), object-kb (an object, before compression), ratio (to which "
            "it is compressed); repeatable",
        ),
        Option(
            ["--keep"],
            type=Number(float, Bounds(0, 36_500)),
            default=monthly.MONTH,
            metavar="DAYS",
            group=_ASSUME,
            help="for how long logs are kept (default: 30)",
        ),
        Option(
            ["--reads"],
            type=Number(float, Bounds(0, 1_000_000)),
            default=1,
            metavar="N",
            group=_ASSUME,
            help="how many times a month Athena scans all of a month's logs (default: 1)",
        ),
        format_option("table", "json", "csv"),
    ],
    since="24h",
)
_from_source: Any = cost.callback
cost.callback = _either
