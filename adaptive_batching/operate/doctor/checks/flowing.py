"""Do objects arrive while the function is invoked. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adaptive_batching.operate.doctor.checks.known import lacking
from adaptive_batching.operate.doctor.facts import Unknown
from adaptive_batching.operate.doctor.finding import CANNOT_SAY, ERROR, OK, Finding, cannot_say
from adaptive_batching.wording import counted

if TYPE_CHECKING:
    from adaptive_batching.operate.doctor.facts import Facts, Traffic

#: Seconds in which invocations are counted, and in which the newest object is looked for.
WINDOW, BACK = 3600, 86_400


def judge(facts: Facts) -> list[Finding]:
    """Hold the invocations of the last hour against the newest object."""
    traffic = facts.traffic
    if lacks := lacking(facts):
        return [lacks]
    if isinstance(traffic, Unknown):
        return [cannot_say(traffic, "doctor --function NAME, once it is deployed")]
    unknown = [one for one in (traffic.invocations, traffic.newest) if isinstance(one, Unknown)]
    return [cannot_say(one) for one in unknown] or [_held(facts, traffic)]


def _held(facts: Facts, traffic: Traffic) -> Finding:
    """Judge figures that are known.

    An environment ships after its first invocation and at its end. What it does in between may wait while it is frozen.
    """
    count = traffic.invocations if isinstance(traffic.invocations, int) else 0
    read = f"{counted(count, 'invocation')} in the last hour, {_last(traffic)}"
    if isinstance(traffic.newest, float) and traffic.now - traffic.newest <= WINDOW:
        return Finding(OK, read)
    if not count:
        return Finding(CANNOT_SAY, read, "invoke it: doctor --function NAME --invoke '{}'")
    if traffic.newest and count < _may_wait(facts):
        return Finding(CANNOT_SAY, f"{read}: so few may wait in a frozen environment", "wait, or invoke it")
    return Finding(ERROR, read, "see the other checks; doctor --function NAME --invoke '{}' shows one invocation")


def _may_wait(facts: Facts) -> int:
    """Return after how many invocations an environment ships, whatever their age."""
    values = facts.function.variables
    return int(values["SHIP_RATE_INVOKES"]) if values["MODE"] == "thresholds" else 1


def _last(traffic: Traffic) -> str:
    if traffic.newest is None or isinstance(traffic.newest, Unknown):
        return f"no object in the last {BACK // 3600} h"
    return f"last object {ago(traffic.now - traffic.newest)} ago"


def ago(age: float) -> str:
    """Return a length of time, in seconds, in one unit."""
    seconds = max(0, int(age))
    for size, unit in ((86_400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size or (unit != "days" and seconds >= size):
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
