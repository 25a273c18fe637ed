"""Judge each request from its attempts and the ledger. Pure.

The classes, worst first: `none`: neither line was found. `no begin`. `no end`. `duplicate`: a line was found twice.
`retried`: the request ran more than once, and each run is complete or its missing `end` is explained. `ok`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from adaptive_batching.experiment.core.attempts import Attempt, attempts
from adaptive_batching.experiment.core.observations import Kind
from adaptive_batching.experiment.core.rate import excluded, wilson

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from adaptive_batching.experiment.core.evidence import Evidence
    from adaptive_batching.experiment.core.ledger import Ledger

CLASSES = ("ok", "no end", "no begin", "none", "duplicate", "retried")


@dataclass(frozen=True)
class Verdict:
    """The verdict on one request.

    `missing` are the lines that were not found. `explained` says why that is not a loss, "" if it is one. `last` says
    whether the attempt that lost them was the last of its stream, and is None if it is not known where the request ran.
    `trouble` is the reason of the failure according to the platform or to Lambda's response.
    """

    request: str
    kind: str
    missing: tuple[str, ...] = ()
    explained: str = ""
    last: bool | None = None
    stream: str = ""
    attempts: int = 0
    copies: int = 0
    trouble: str = ""

    @property
    def lost(self) -> bool:
        """Whether a line is missing and nothing explains it."""
        return bool(self.missing) and not self.explained


@dataclass(frozen=True)
class Findings:
    """The verdicts on one source. `unknown_requests` counts the requests that are not in the ledger: no verdicts."""

    evidence: Evidence
    verdicts: tuple[Verdict, ...]
    unknown_requests: int
    ledger: Ledger | None

    @property
    def losses(self) -> tuple[Verdict, ...]:
        """The verdicts on requests that lost a line."""
        return tuple(one for one in self.verdicts if one.lost)

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % Wilson interval of the loss rate. Raises ValueError if nothing was judged."""
        return wilson(len(self.losses), len(self.verdicts))

    @property
    def excluded(self) -> float | None:
        """The smallest loss rate that is excluded at 95 %, None if there are losses or nothing was judged."""
        return None if self.losses or not self.verdicts else excluded(len(self.verdicts))

    @property
    def inconclusive(self) -> str:
        """The reason why the source is inconclusive, "" if it is not."""
        if not self.evidence.holders and self.evidence.incomplete:
            return f"nothing of {self.evidence.name} could be read"
        if not self.evidence.holders:
            return (
                f"{self.evidence.name} contains nothing to read; check the address, and whether the logs have arrived"
            )
        if not self.verdicts:
            what = "the ledger contains no accepted invocation" if self.ledger else "no begin and no end line was found"
            return f"there is nothing to judge: {what}"
        if all(one.attempts == 0 for one in self.verdicts):
            return f"no request of the ledger left any trace in {self.evidence.name}; check the address"
        if self.losses and self.evidence.incomplete:
            return "lines are missing, and they may be in the part that was not read"
        return ""

    @property
    def exit_code(self) -> int:
        """0 if there are no losses, 1 if there are losses, 2 if the source is inconclusive."""
        return 2 if self.inconclusive else 1 if self.losses else 0


def judge(evidence: Evidence, ledger: Ledger | None) -> Findings:
    """Judge every accepted request of the ledger, or without a ledger every request that left a trace.

    Without a ledger, streams that have neither a `begin` nor an `end` are ignored: they belong to other functions.
    """
    found = attempts(evidence.streams())
    if ledger is None:
        streams = _streams_of_the_experiment(found.values())
        known = {request: ones for request, ones in found.items() if any(one.stream in streams for one in ones)}
        return Findings(evidence, tuple(verdict(request, ones) for request, ones in known.items()), 0, None)
    errors = ledger.accepted()
    verdicts = tuple(verdict(request, found.get(request, []), errors[request]) for request in errors)
    unknown = sum(any(_of_the_function(one) for one in found[request]) for request in found if request not in errors)
    return Findings(evidence, verdicts, unknown, ledger)


def verdict(request: str, ran: Sequence[Attempt], error: str = "") -> Verdict:
    """Return the verdict on one request. `error` is the function's error in Lambda's synchronous response."""
    if not ran:
        return Verdict(request, "none", ("begin", "end"), trouble=error)
    copies = sum(one.copies for one in ran)
    faulty = [(one, one.trouble or (error if len(ran) == 1 else "")) for one in ran if one.missing]
    unexplained = [(one, trouble) for one, trouble in faulty if not _explains(one, trouble)]
    if unexplained or (faulty and len(ran) == 1):
        one, trouble = (unexplained or faulty)[0]
        return Verdict(
            request,
            _kind_of_missing(ran, [attempt for attempt, _ in unexplained or faulty]),
            one.missing,
            "" if unexplained else f"the attempt ended in {trouble}",
            one.last,
            one.stream,
            len(ran),
            copies,
            trouble,
        )
    kind = "duplicate" if copies else "retried" if len(ran) > 1 else "ok"
    return Verdict(request, kind, stream=ran[-1].stream, attempts=len(ran), copies=copies, last=ran[-1].last)


def _explains(attempt: Attempt, trouble: str) -> bool:
    """Return whether the failure explains the missing lines. It can prevent the `end`, and never the `begin`."""
    return bool(trouble) and attempt.missing == (Kind.END.value,)


def _kind_of_missing(ran: Sequence[Attempt], faulty: Sequence[Attempt]) -> str:
    if all(len(one.missing) == len((Kind.BEGIN, Kind.END)) for one in ran):
        return "none"
    return "no end" if any(Kind.END.value in one.missing for one in faulty) else "no begin"


def _streams_of_the_experiment(found: Iterable[Sequence[Attempt]]) -> set[str]:
    return {one.stream for ones in found for one in ones if _of_the_function(one)}


def _of_the_function(attempt: Attempt) -> bool:
    return Kind.BEGIN in attempt.times or Kind.END in attempt.times
