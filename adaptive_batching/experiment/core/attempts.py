"""Group observations into attempts: each run of a request, with the lines that were found. Pure.

Lambda runs a failed asynchronous event again under the same id. The second run is an attempt of its own, not a copy. A
line is a copy if its attempt already has such a line and both were written at the same time, as far as is known.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from adaptive_batching.experiment.core.observations import Kind, Observation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass
class Attempt:
    """One run of one request, in one stream.

    `times` maps the kind of a line to the time at which it was written, "" if unknown. `copies` is the number of
    surplus `begin` and `end` lines. `trouble` is the reason that the platform gives for a failure. `last` says that it
    is the last attempt of its stream.
    """

    request: str
    stream: str
    times: dict[Kind, str] = field(default_factory=dict)
    copies: int = 0
    trouble: str = ""
    last: bool = False

    @property
    def missing(self) -> tuple[str, ...]:
        """The function's lines that were not found."""
        return tuple(kind.value for kind in (Kind.BEGIN, Kind.END) if kind not in self.times)


def attempts(streams: Mapping[str, Sequence[Observation]]) -> dict[str, list[Attempt]]:
    """Return the attempts of every request, by request id."""
    found: dict[str, list[Attempt]] = {}
    for stream, observations in streams.items():
        for attempt in _of_stream(stream, observations):
            found.setdefault(attempt.request, []).append(attempt)
    return {request: _joined(pieces) for request, pieces in found.items()}


def _of_stream(stream: str, observations: Sequence[Observation]) -> list[Attempt]:
    made: list[Attempt] = []
    newest: dict[str, Attempt] = {}
    for observation in observations:
        attempt = newest.get(observation.request)
        if attempt is None or _opens_another(attempt, observation):
            attempt = newest[observation.request] = Attempt(observation.request, stream)
            made.append(attempt)
        elif observation.kind in (Kind.BEGIN, Kind.END) and observation.kind in attempt.times:
            attempt.copies += 1
        attempt.times.setdefault(observation.kind, observation.time)
        attempt.trouble = attempt.trouble or observation.trouble
    if made:
        made[-1].last = True
    return made


def _opens_another(attempt: Attempt, observation: Observation) -> bool:
    """Return whether the observation opens the next attempt of its request. An outcome never does."""
    if observation.kind is Kind.OUTCOME:
        return False
    if observation.kind not in attempt.times:
        # A late START may follow its own `begin`. After an `end` or an outcome, it opens another attempt.
        return observation.kind is Kind.START and (Kind.END in attempt.times or Kind.OUTCOME in attempt.times)
    if observation.kind is Kind.START:
        return not observation.time or observation.time != attempt.times[Kind.START]
    return bool(observation.time) and observation.time != attempt.times[observation.kind]


def _joined(pieces: list[Attempt]) -> list[Attempt]:
    """Join the two parts of an attempt that are in two streams.

    An extension that is restarted may use another environment id. The second part then has neither START nor `begin`.
    It is joined to an attempt of another stream that lacks all of its lines.
    """
    whole = [piece for piece in pieces if Kind.START in piece.times or Kind.BEGIN in piece.times]
    for rest in pieces:
        if rest in whole:
            continue
        first = next((one for one in whole if one.stream != rest.stream and not set(one.times) & set(rest.times)), None)
        if first is None:
            whole.append(rest)
        else:
            first.times.update(rest.times)
            first.copies += rest.copies
            first.trouble = first.trouble or rest.trouble
    return whole
