"""The function's log group: its metric filters, and the lines of the extension in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adaptive_batching import settings
from adaptive_batching.operate.aws import AwsError, answers
from adaptive_batching.operate.doctor.checks.flowing import WINDOW
from adaptive_batching.operate.doctor.reading.attempt import unknown

if TYPE_CHECKING:
    from adaptive_batching.operate.aws import Account
    from adaptive_batching.operate.doctor.facts import Function, Unknown

#: What is looked for, each by itself: the extension's own lines, and what the platform says of an extension.
TERMS = (settings.EXTENSION, "Extension.LaunchError", "exec format error", "lambda:GetLayerVersion")
_MOST_PAGES, _MOST_LINES = 20, 2000


def metric_filters(account: Account, function: Function) -> tuple[str, ...] | Unknown:
    """Return the names of the metric filters of the log group."""
    try:
        with answers():
            pages = account.client("logs").get_paginator("describe_metric_filters")
            found = [one for page in pages.paginate(logGroupName=function.log_group) for one in page["metricFilters"]]
    except AwsError as error:
        return () if error.is_absent else unknown(error)
    return tuple(str(one["filterName"]) for one in found)


def lines(account: Account, function: Function, now: float) -> tuple[str, ...] | Unknown:
    """Return the lines of the last hour that have one of the terms, as far as a bounded number of pages goes."""
    pattern = " ".join(f'?"{one}"' for one in TERMS)
    found: list[str] = []
    try:
        with answers():
            pages = account.client("logs").get_paginator("filter_log_events")
            start = int((now - WINDOW) * 1000)
            for number, page in enumerate(
                pages.paginate(logGroupName=function.log_group, startTime=start, filterPattern=pattern), 1
            ):
                found += [one["message"] for one in page["events"]]
                if number >= _MOST_PAGES or len(found) >= _MOST_LINES:
                    break
    except AwsError as error:
        return () if error.is_absent else unknown(error)
    return tuple(one for one in found if any(term in one for term in TERMS))
