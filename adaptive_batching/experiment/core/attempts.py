"""From observations to attempts: each time that a request ran, with the lines that are there. Pure.

An asynchronous event is run again under the same id; its second run is an attempt of its own, not a copy. A line is a
copy when its attempt has such a line already and nothing says that it was written at another time.
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

    `times`: when each kind of line was written, "" where unknown. `copies`: how many times too often `begin` or `end`
    is there. `trouble`: why the platform says it failed. `last`: whether nothing ran after it in its stream.
    """

    request: str
    stream: str
    times: dict[Kind, str] = field(default_factory=dict)
    copies: int = 0
    trouble: str = ""
    last: bool = False

    @property
    def missing(self) -> tuple[str, ...]:
        """The function's lines that are not there."""
        return tuple(kind.value for kind in (Kind.BEGIN, Kind.END) if kind not in self.times)


def attempts(streams: Mapping[str, Sequence[Observation]]) -> dict[str, list[Attempt]]:
    """Return the attempts of every request, by its id."""
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
    """Whether this observation opens the next attempt of its request. An outcome always belongs to the one before."""
    if observation.kind is Kind.OUTCOME:
        return False
    if observation.kind not in attempt.times:
        # A START that comes late may follow its `begin`; after an `end` or an outcome it starts another attempt.
        return observation.kind is Kind.START and (Kind.END in attempt.times or Kind.OUTCOME in attempt.times)
    if observation.kind is Kind.START:
        return not observation.time or observation.time != attempt.times[Kind.START]
    return bool(observation.time) and observation.time != attempt.times[observation.kind]


def _joined(pieces: list[Attempt]) -> list[Attempt]:
    """Put together what one attempt left in two streams: an extension that starts anew may take another environment id.

    Such a rest has neither START nor `begin`; it goes to an attempt elsewhere that lacks exactly what it brings.
    """
    whole = [piece for piece in pieces if Kind.START in piece.times or Kind.BEGIN in piece.times]
    for rest in pieces:
        if rest in whole:
            continue
        home = next((one for one in whole if one.stream != rest.stream and not set(one.times) & set(rest.times)), None)
        if home is None:
            whole.append(rest)
        else:
            home.times.update(rest.times)
            home.copies += rest.copies
            home.trouble = home.trouble or rest.trouble
    return whole
