"""Read evidence from a log group by FilterLogEvents, page by page."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from adaptive_batching.experiment import exports
from adaptive_batching.experiment.core.evidence import Evidence
from adaptive_batching.operate.aws import Account, answers

if TYPE_CHECKING:
    from collections.abc import Callable

    from adaptive_batching.experiment.core.ledger import Ledger

#: The clocks of Lambda and of this machine may differ by this much.
_EARLIER = timedelta(minutes=5)


def read(
    account: Account, name: str, known: Ledger | None, progress: Callable[[int], None], *, keep: bool = False
) -> Evidence:
    """Return the events of a log group, from the first invocation of the ledger on, or all. Raises AwsError.

    `progress` is called with the number of pages. With `keep` the evidence also keeps the lines.
    """
    evidence = Evidence(f"log group {name}", keep=keep)
    seen: set[str] = set()
    since = begun(known)
    with answers():
        pages = account.client("logs").get_paginator("filter_log_events")
        for number, page in enumerate(pages.paginate(logGroupName=name, **({"startTime": since} if since else {})), 1):
            exports.add_page(page, evidence, seen, f"page {number}")
            progress(number)
    return evidence


def begun(known: Ledger | None) -> int | None:
    """Return when the ledger begins, in milliseconds of the epoch, less what clocks may differ. Pure."""
    times = []
    for entry in known.entries if known else ():
        try:
            times.append(datetime.fromisoformat(entry.at))
        except ValueError:
            return None
    return int((min(times) - _EARLIER).timestamp() * 1000) if times else None
