"""Invocations, one row for each: from platform.start to the last line, with what platform.report says. Pure.

An asynchronous invocation that fails is tried again with the same request id, perhaps in the same environment. Each
platform.start therefore begins an attempt of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from adaptive_batching import prices
from adaptive_batching.logs.sql import rules
from adaptive_batching.logs.sql.columns import measured

if TYPE_CHECKING:
    from collections.abc import Sequence

_REPORT, _DONE, _START = "type = 'platform.report'", "type = 'platform.runtimeDone'", "type = 'platform.start'"


@dataclass(frozen=True)
class Invocation:
    """One attempt of a request. Moments are in UTC, without a zone; what no line says is None."""

    function: str
    environment: str
    request: str
    attempt: int  # from 1, in its environment
    begin: datetime  # platform.start, or the first line
    last: datetime  # the last line
    duration_ms: float | None  # platform.report, else platform.runtimeDone
    init_ms: float | None  # of a cold start
    billed_ms: float | None
    memory_mb: float | None
    used_mb: float | None
    status: str | None
    failed: bool
    error: str | None  # the first one
    lines: int  # that the function wrote

    @property
    def finish(self) -> datetime:
        """When it ended: by its duration, or with its last line."""
        return self.last if self.duration_ms is None else self.begin + timedelta(milliseconds=self.duration_ms)

    @property
    def start(self) -> datetime:
        """When it began, with the init before it."""
        return self.begin - timedelta(milliseconds=self.init_ms or 0)

    def cost(self, gb_second: float) -> float | None:
        """Return the price in dollars, or None without a report."""
        if self.billed_ms is None or self.memory_mb is None:
            return None
        return prices.invocation(self.billed_ms, self.memory_mb, gb_second)


def query(requests: str = "") -> str:
    """Return a query for invocations, in the order of their beginning; the columns are the fields of `Invocation`.

    `requests` is a relation with the columns function, environment and request_id, to which they are limited.
    """
    only = f" semi join {requests} using (function, environment, request_id)" if requests else ""
    return f"""
    with mine as (
        select * from logs{only} where request_id is not null
    ), starts as (
        select function, environment, request_id, sequence,
            row_number() over (partition by function, environment, request_id order by sequence) as attempt
        from (select distinct function, environment, request_id, sequence from mine where {_START})
    ), marked as (
        select mine.*, coalesce(starts.attempt, 1) as attempt
        from mine asof left join starts on mine.function = starts.function and mine.environment = starts.environment
            and mine.request_id = starts.request_id and mine.sequence >= starts.sequence
    )
    select function, environment, request_id, attempt,
        coalesce(min(ts) filter ({_START}), min(ts)) as begin,
        max(ts) as last,
        coalesce(max(duration_ms) filter ({_REPORT}), max({_metric("durationMs")}) filter ({_DONE})) as duration_ms,
        max({_metric("initDurationMs")}) filter ({_REPORT}) as init_ms,
        max({_metric("billedDurationMs")}) filter ({_REPORT}) as billed_ms,
        max({_metric("memorySizeMB")}) filter ({_REPORT}) as memory_mb,
        max({_metric("maxMemoryUsedMB")}) filter ({_REPORT}) as used_mb,
        coalesce(max(status) filter (status <> 'success'), max(status)) as status,
        {rules.FAILED} as failed,
        coalesce(first(error order by ts, sequence, line) filter (error is not null),
            max(json_extract_string(fields, '$.errorType')) filter ({_REPORT} or {_DONE})) as error,
        count(*) filter (type = 'function') as lines
    from marked group by function, environment, request_id, attempt
    order by begin, function, environment, request_id, attempt"""


def rows(found: Sequence[tuple[Any, ...]]) -> list[Invocation]:
    """Return what the rows of the query are."""
    return [Invocation(*row) for row in found]


def _metric(name: str) -> str:
    return measured(f"json_extract_string(fields, '$.metrics.{name}')")
