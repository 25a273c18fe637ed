"""Looks into shipped logs, over and over, until traces have reached a milestone."""

from __future__ import annotations

import contextlib
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from adaptive_batching import prices
from adaptive_batching.logs import interrupting
from adaptive_batching.logs.reading import EmptySourceError, Reading
from adaptive_batching.logs.verbs.trace import found

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from adaptive_batching.logs.reading import Logs
    from adaptive_batching.logs.trace.waterfall import Trace

#: Seconds between two looks. A listing costs a request for each hour and function.
INTERVAL = 2.0
#: Lines of this much before the test count too: clocks differ.
_BEFORE = timedelta(minutes=1)
DAMAGED = "not all objects could be read, so a milestone may be missing: the view objects of `logs sql` has which"
_REACHED = """select id, min(ts) from (
    select unnest([trace_id, xray_id, request_id]) as id, ts from logs where milestone = ?
) where id is not null and ts is not null group by id"""


def reading(
    source: str,
    started: datetime | None,
    *,
    profile: str | None = None,
    region: str | None = None,
    layout: str | None = None,
) -> Reading:
    """Return the reading of all lines since a test was started (None: it starts now). Raises SourceError."""
    since = ((started or datetime.now(UTC)) - _BEFORE).isoformat(timespec="milliseconds")
    return Reading(source, since=since, profile=profile, region=region, layout=layout)


def checked(source: Reading) -> None:
    """List a source before anything is sent. Raises SourceError; one that is empty is no mistake."""
    with contextlib.suppress(EmptySourceError):
        source.listed()


def reached(source: Reading, milestone: str) -> dict[str, datetime]:
    """Return when each id passed a milestone for the first time. Ids are those of traces and requests.

    Raises SourceError.
    """
    with _opened(source) as logs:
        rows = logs.connection.execute(_REACHED, [milestone]).fetchall() if logs else []
    return {id_: ts.replace(tzinfo=UTC) for id_, ts in rows}


def trace(source: Reading, ids: Sequence[str]) -> Trace | None:
    """Return the trace of an answer as far as its lines are there. Raises SourceError."""
    with _opened(source) as logs:
        each = (found(logs.connection, one, prices.gb_second) for one in ids) if logs else ()
        return next((one for one in each if one), None)


@contextlib.contextmanager
def _opened(source: Reading) -> Iterator[Logs | None]:
    """Open a source; None while it is empty. Ctrl-C during a query is a KeyboardInterrupt."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(interrupting.as_interrupts())
        try:
            logs = stack.enter_context(source.open(told=False))
        except EmptySourceError:
            logs = None
        yield logs


def wait(
    source: Reading, milestone: str, wanted: Collection[tuple[str, ...]], drain: float, progress: Callable[[int], None]
) -> dict[str, datetime]:
    """Look until each of `wanted` (the ids of one trace) has reached a milestone, or for `drain` seconds.

    Return what was found last. Raises SourceError.
    """
    until = time.monotonic() + drain
    while True:
        found = reached(source, milestone)
        missing = sum(not any(one in found for one in ids) for ids in wanted)
        progress(len(wanted) - missing)
        left = until - time.monotonic()
        if not missing or left <= 0:
            return found
        time.sleep(min(INTERVAL, left))
