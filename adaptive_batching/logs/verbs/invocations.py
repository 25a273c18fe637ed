"""`logs invocations`: a row for each invocation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adaptive_batching import prices
from adaptive_batching.command_line import Option
from adaptive_batching.logs.verbs.making import format_option, made, price_options, refusing_sql
from adaptive_batching.option_types import Number
from adaptive_batching.values.bounds import Bounds

if TYPE_CHECKING:
    from adaptive_batching.logs.reading import Reading
    from adaptive_batching.logs.trace.invocations import Invocation

_WHICH = "which invocations"
_HEAD = ("time", "function", "duration", "init", "memory", "status", "cost", "error", "request")
_FIGURES = ("duration", "init", "memory", "cost")
#: The members in JSON and CSV. Durations are in milliseconds, memory in MB, the cost in dollars.
_MEMBERS = (
    *("begin", "function", "request", "attempt", "environment", "duration_ms", "init_ms", "billed_ms", "memory_mb"),
    *("used_mb", "status", "failed", "error", "lines"),
)
_LONGEST_ERROR = 60


def _invocations(
    *,
    reading: Reading,
    failed: bool,
    cold: bool,
    slowest: int | None,
    given_price: float | None,
    arm: tuple[str, ...],
    format_: str,
) -> None:
    from adaptive_batching.logs.reading import NothingFound  # noqa: PLC0415 - --help must not load slow modules
    from adaptive_batching.logs.trace import invocations as sql  # noqa: PLC0415
    from adaptive_batching.logs.verbs.output import Output  # noqa: PLC0415

    def cost(one: Invocation) -> float | None:
        return one.cost(prices.gb_second(one.function, arm, given_price))

    with reading.open() as logs, refusing_sql():
        found = chosen(sql.rows(logs.connection.execute(sql.query()).fetchall()), failed, cold, slowest)
        out = Output(logs.zone)
        if format_ == "table":
            out.rows(_HEAD, [_row(one, cost(one), out) for one in found], "table", _FIGURES)
        else:
            rows = [[*(getattr(one, name) for name in _MEMBERS), cost(one)] for one in found]
            out.rows([*_MEMBERS, "cost"], rows, format_)
        if not found:
            raise NothingFound("no invocation matches")


def chosen(found: list[Invocation], failed: bool, cold: bool, slowest: int | None) -> list[Invocation]:  # noqa: FBT001
    """Return those that are asked for; with `slowest` the longest first. Pure."""
    kept = [one for one in found if (one.failed or not failed) and (one.init_ms is not None or not cold)]
    if slowest is None:
        return kept
    known = [one for one in kept if one.duration_ms is not None]
    return sorted(known, key=lambda one: one.duration_ms or 0, reverse=True)[:slowest]


def _row(one: Invocation, cost: float | None, out: Any) -> list[str]:  # noqa: ANN401 - Output, which is loaded late
    return [
        out.cell(one.begin),
        one.function,
        "" if one.duration_ms is None else f"{one.duration_ms:,.0f} ms",
        "" if one.init_ms is None else f"{one.init_ms:,.0f} ms",
        "" if one.memory_mb is None else f"{_whole(one.used_mb)} of {_whole(one.memory_mb)} MB",
        _status(one),
        "" if cost is None else f"${cost:.7f}",
        out.fitting(one.error or "", _LONGEST_ERROR),
        one.request if one.attempt == 1 else f"{one.request} (attempt {one.attempt})",
    ]


def _status(one: Invocation) -> str:
    if one.failed and one.status in (None, "success"):
        return "failed"  # an error's line; the runtime still says success
    return one.status or ("running" if one.duration_ms is None else "")


def _whole(number: float | None) -> str:
    return "?" if number is None else f"{number:,.0f}"


invocations = made(
    "invocations",
    _invocations,
    [
        Option(["--failed"], is_flag=True, group=_WHICH, help="those that failed: by status, or by an unhandled error"),
        Option(["--cold"], is_flag=True, group=_WHICH, help="those with an init"),
        Option(
            ["--slowest"],
            type=Number(int, Bounds(1, 10**9)),
            metavar="N",
            group=_WHICH,
            help="the N that took longest, longest first",
        ),
        format_option("table", "json", "csv"),
        *price_options(),
    ],
)
