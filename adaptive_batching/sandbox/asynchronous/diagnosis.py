"""Say why asynchronous events are late or missing, from metrics and settings. Pure.

It is the decision tree of AWS's guide to these metrics: received, dropped, age, throttled or erring, settings.
"""

from __future__ import annotations

from dataclasses import dataclass

from adaptive_batching.sandbox.asynchronous.queue import FIRST_WAIT, LONGEST_WAIT, RETRY_WAITS


@dataclass(frozen=True)
class Figures:
    """The sums of the metrics. `age` is the greatest AsyncEventAge in seconds, None if there is no datum of it.

    The settings are None where they are not known; `reserved` also without a reserved concurrency. `expected` is how
    many events were sent, None if the user does not say.
    """

    received: int
    dropped: int
    throttled: int
    errors: int
    age: float | None
    retries: int | None = None
    max_age: float | None = None
    reserved: int | None = None
    expected: int | None = None


#: An age below this is no delay, in seconds: events usually run within a second.
DELAY = 1.0
#: The longest wait of a retry after an error, in seconds, with jitter.
_LONGEST_RETRY = RETRY_WAITS[-1] * 1.2
_NONE_LATE = "and no event was late: those were synchronous invocations, or events that are due again"
_SOURCE = "Look at the source: its permission to invoke, its filter, its own metrics of failed calls"


@dataclass(frozen=True)
class Diagnosis:
    """What is wrong and what to do, a sentence each. `found` is False if nothing is wrong."""

    kind: str
    cause: str
    remedy: str
    figures: Figures

    @property
    def found(self) -> bool:
        """Whether something is wrong."""
        return self.kind != NOTHING

    def lines(self) -> list[str]:
        """Return the diagnosis for a person."""
        one = self.figures
        counts = (
            f"received {one.received:,}, dropped {one.dropped:,}, throttled {one.throttled:,}, errors {one.errors:,}"
        )
        return [f"{counts}: {self.cause}.", *([f"{self.remedy}."] if self.remedy else [])]


NOTHING, NOT_RECEIVED, ZERO, EXPIRED, EXHAUSTED, DELAYED_BY_THROTTLES, DELAYED_BY_ERRORS, LATE = (
    "nothing",
    "not-received",
    "zero-reserved-concurrency",
    "expired-while-throttled",
    "retries-exhausted",
    "delayed-by-throttling",
    "delayed-by-errors",
    "late",
)


def diagnose(figures: Figures) -> Diagnosis:
    """Go down the tree."""
    kind, cause, remedy = _tree(figures)
    return Diagnosis(kind, cause, remedy, figures)


def _tree(one: Figures) -> tuple[str, str, str]:
    if one.received == 0 and one.expected != 0:
        return NOT_RECEIVED, "no event reached Lambda", _SOURCE
    if one.expected is not None and one.received < one.expected:
        missing = one.expected - one.received
        return (
            NOT_RECEIVED,
            f"{missing:,} of {one.expected:,} events did not reach Lambda",
            _SOURCE,
        )
    if one.dropped:
        return _dropped(one)
    return _delayed(one)


def _dropped(one: Figures) -> tuple[str, str, str]:
    if one.reserved == 0 or (one.age is None and not one.throttled):
        was = "neither an age nor a throttle: reserved concurrency was 0"
        return (
            ZERO,
            "reserved concurrency is 0" if one.reserved == 0 else was,
            "Lambda drops each event at once: raise it, or delete it",
        )
    if one.throttled and (not one.errors or _may_expire(one, _longest_back_off(one.age or 0.0))):
        return EXPIRED, "expired while throttled", f"{_reserved(one)}, or {_max_age(one)}"
    if one.errors:
        return EXHAUSTED, _failed(one), "Read its log for the error"
    return LATE, "expired before it ran", f"Raise {_max_age(one)}"


def _failed(one: Figures) -> str:
    if one.retries is None:
        return "the function failed each time"
    if one.errors >= one.dropped * (one.retries + 1):
        return f"the function failed each time, {one.retries} retr{'y' if one.retries == 1 else 'ies'} included"
    if _may_expire(one, _LONGEST_RETRY):
        return f"the function failed, and a retry would have been due after {_max_age(one)}"
    return "the function failed"


def _may_expire(one: Figures, wait: float) -> bool:
    """Return whether an event of the greatest age that was measured can be too old after a wait."""
    return one.age is None or one.max_age is None or one.age + wait >= one.max_age


def _longest_back_off(age: float) -> float:
    """Return what a throttled event of this age waits at most: each wait is twice the one before, with jitter."""
    return min(2 * (age + FIRST_WAIT), LONGEST_WAIT * 1.2)


def _delayed(one: Figures) -> tuple[str, str, str]:
    late = one.age is not None and one.age > DELAY
    if one.throttled and not late:
        return DELAYED_BY_THROTTLES, f"throttled, {_NONE_LATE}", _reserved(one)
    if one.errors and not late:
        return DELAYED_BY_ERRORS, f"the function failed, {_NONE_LATE}", "Read its log for the error"
    if one.throttled:
        return DELAYED_BY_THROTTLES, f"{_late(one)} by throttling", _reserved(one)
    if one.errors:
        return DELAYED_BY_ERRORS, f"{_late(one)} by errors and retries", "Read the function's log for the error"
    if late:
        return (
            LATE,
            f"{_late(one)}, without throttles or errors",
            "Lambda polls a long queue more slowly: look at Duration",
        )
    return NOTHING, "nothing is wrong", ""


def _late(one: Figures) -> str:
    return f"delayed for up to {one.age:,.0f} s"


def _reserved(one: Figures) -> str:
    if one.reserved is None:
        return "Raise the reserved concurrency, or the account's"
    return f"Reserved concurrency is {one.reserved:,}: raise it"


def _max_age(one: Figures) -> str:
    return "MaximumEventAge" if one.max_age is None else f"MaximumEventAge ({one.max_age:,.0f} s)"
