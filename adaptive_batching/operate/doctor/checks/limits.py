"""The function's own limits. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adaptive_batching.operate.doctor.facts import Unknown
from adaptive_batching.operate.doctor.finding import OK, WARNING, Finding, cannot_say

if TYPE_CHECKING:
    from adaptive_batching.operate.doctor.facts import Facts

#: Seconds: below it an upload over a slow connection may not end before Lambda ends the first invocation.
LEAST_TIMEOUT = 3
#: MB: with it a function has a fourteenth of a processor.
SMALLEST = 128


def judge(facts: Facts) -> list[Finding]:
    """Return which limits leave the extension too little."""
    timeout, memory = facts.function.timeout, facts.function.memory
    found = [cannot_say(one) for one in (timeout, memory) if isinstance(one, Unknown)]
    if isinstance(timeout, int) and timeout < LEAST_TIMEOUT:
        read = f"a timeout of {timeout} s: a cold start and the first upload may not fit"
        found.append(Finding(WARNING, read, f"{LEAST_TIMEOUT} seconds or more"))
    if isinstance(memory, int) and memory <= SMALLEST:
        read = f"{memory} MB, with which come 7 % of a processor for the function and the extension"
        found.append(Finding(WARNING, read, "256 MB or more, unless its cold starts are fast enough"))
    return found or [Finding(OK, f"{timeout} s, {memory} MB")]
