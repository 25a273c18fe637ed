"""The store of the simulated world: late, stalled, failing, refusing, ignorant of conditional writes.

It knows what it holds.
"""

from __future__ import annotations

import json
import re
import zlib
from collections import Counter
from typing import TYPE_CHECKING

from extension import events
from extension.errors import StoreError
from extension.records import objects

if TYPE_CHECKING:
    import random

    from extension.core.outbox import Delivery

FAILURES = (
    StoreError.TRANSPORT,
    StoreError.SERVER,
    StoreError.THROTTLED,
    StoreError.CONFIGURATION,
    StoreError.CREDENTIALS,
)
NEVER = float("inf")
PATIENCE = (2.0, 16.0)  # s after which an attempt without an answer fails, or the answer comes at last
FOREIGN = b"somebody else's\n"
TOKEN = re.compile(rb"<(\d+)>")


class Violation(AssertionError):  # noqa: N818 - an invariant that does not hold
    """An invariant does not hold."""


def check(holds: object, invariant: str) -> None:
    if not holds:
        raise Violation(invariant)


def tokens(body: bytes) -> list[int]:
    """The records of the world in some bytes: each has a number of its own in it."""
    return [int(number) for number in TOKEN.findall(body)]


class Attempt:
    """A PUT on its way."""

    def __init__(self, upload: events.Upload, delivery: Delivery, answer_at: float) -> None:
        self.number = upload.attempt
        self.delivery = delivery
        self.chunk = upload.chunk
        self.key = upload.chunk.key
        self.conditional = upload.conditional
        self.answer_at = answer_at  # mono
        self.began = 0.0  # on the core's clock
        self.stalls = False  # no answer comes, or only after the sender's patience
        self.abandoned = False
        self.frozen = False  # a freeze fell into it: its connection is not trusted any more
        self.disturbed = False  # a freeze or a release fell into it: what comes of it may say nothing of the store
        self.collides = False  # somebody else's object has the key


class Store:
    """What is stored, and how this store behaves in this life. Outlives the processes that put into it."""

    def __init__(self, chance: random.Random, *, collides: bool) -> None:
        self.chance = chance
        self.failure_rate = chance.choice([0.0, 0.0, 0.3, 1.0])
        self.silence_rate = chance.choice([0.0, 0.0, 0.2, 1.0])  # answers that come only after seconds
        self.stall_rate = chance.choice([0.0, 0.0, 0.0, 0.1, 1.0])  # attempts without an answer while anyone waits
        self.quick = False  # every answer comes within 20 ms, but for
        self.stalls_in: int | None = None  # the one attempt that stalls after so many others
        self.is_conditional = collides or chance.random() > 0.15
        self.collision_rate = 0.2 if collides else 0.0
        self.refusal_rate = chance.choice([0.0, 0.0, 0.0, 0.3, 1.0])  # of objects that are refused whatever is tried
        self._refuses: dict[str, bool] = {}
        self.objects: dict[str, bytes] = {}
        self.metadata: dict[str, dict[str, str]] = {}

    def mend(self) -> None:
        """A bad store is not bad for ever."""
        self.failure_rate = self.silence_rate = self.stall_rate = 0.0

    def serve(self, stalls_in: int | None) -> None:
        """Be well from here on: every attempt is answered at once, but for the one after `stalls_in` others."""
        self.mend()
        self.quick = True
        self.stalls_in = stalls_in

    @property
    def is_well(self) -> bool:
        """Whether it takes whatever it does not refuse, each at once and under its first key."""
        return self.quick and not self.collision_rate

    def begin(self, upload: events.Upload, delivery: Delivery, mono: float) -> Attempt:
        """A PUT has been started."""
        attempt = Attempt(upload, delivery, mono + self._delay())
        if self.stalls_in is not None:
            attempt.stalls = self.stalls_in == 0
            self.stalls_in -= 1
        elif self.chance.random() < self.stall_rate:
            attempt.stalls = True
        if attempt.stalls:
            attempt.answer_at = self.chance.choice([NEVER, mono + self.chance.uniform(*PATIENCE)])
        if delivery.maybe_stored:
            if delivery.attempts == 1 and self.chance.random() < 0.5:
                self._write(attempt)  # by another copy of the same snapshot
        elif delivery.attempts == 1 and upload.conditional and self.chance.random() < self.collision_rate:
            self.objects[attempt.key] = FOREIGN
            attempt.collides = True
        return attempt

    def _delay(self) -> float:
        if self.quick:
            return self.chance.uniform(0.001, 0.02)
        silent = self.chance.random() < self.silence_rate
        return self.chance.uniform(0.6, 5.0) if silent else self.chance.uniform(0.001, 0.3)

    def answer(self, attempt: Attempt) -> events.Uploaded | events.UploadFailed:
        """How it ends, as its sender learns it."""
        if attempt.conditional and not self.is_conditional:
            return events.UploadFailed(attempt.number, StoreError.UNCONDITIONAL, "NotImplemented")
        if attempt.collides:
            return events.UploadFailed(attempt.number, StoreError.EXISTS, "taken")
        if attempt.abandoned:
            self.vanish(attempt)
            return events.UploadFailed(attempt.number, StoreError.ABANDONED, "closed")
        refused = self._refuses.setdefault(attempt.key, self.chance.random() < self.refusal_rate)
        timed_out = attempt.stalls and self.chance.random() < 0.5  # the sender's patience has ended
        if timed_out or refused or self.chance.random() < self.failure_rate:
            kind = StoreError.CONFIGURATION if refused else self.chance.choice(FAILURES)
            kind = StoreError.TRANSPORT if timed_out else kind
            if kind == StoreError.TRANSPORT:
                self.vanish(attempt)
            return events.UploadFailed(attempt.number, kind, "scripted")
        if self._write(attempt):
            return events.Uploaded(attempt.number)
        return events.UploadFailed(attempt.number, StoreError.EXISTS, "taken")

    def refuses(self, key: str) -> bool:
        """Whether it takes no object with this key."""
        return self._refuses.get(key, False)

    def vanish(self, attempt: Attempt) -> None:
        """Nobody learns the answer; the object may be stored all the same."""
        may = self.is_conditional or not attempt.conditional
        if may and not attempt.collides and self.chance.random() < 0.5:
            self._write(attempt)

    def _write(self, attempt: Attempt) -> bool:
        body = attempt.chunk.body
        assert isinstance(body, bytes)
        if attempt.conditional and attempt.key in self.objects:
            return False
        there = self.objects.setdefault(attempt.key, body)
        check(there == body, "an object is never overwritten with other bytes")
        self.metadata.setdefault(attempt.key, attempt.chunk.metadata)
        return True

    def ours(self) -> list[bytes]:
        """The bodies of our objects, as they are stored."""
        return [body for body in self.objects.values() if body != FOREIGN]

    def stored(self) -> Counter[int]:
        """How often each of the world's records is stored."""
        return Counter(number for body in self.ours() for number in tokens(plain(body)))

    def sequences(self) -> Counter[tuple[object, object]]:
        """How often each pair of environment and sequence number is stored."""
        lines = (line for body in self.ours() for line in objects.decode(body))
        return Counter((line["environment"], line["sequence"]) for line in lines)

    def requests(self) -> dict[int, object]:
        """The request that each of the world's records is stored with."""
        lines = (line for body in self.ours() for line in objects.decode(body))
        return {token: line["requestId"] for line in lines for token in tokens(json.dumps(line["record"]).encode())}


def plain(body: bytes) -> bytes:
    """An object's lines, decompressed."""
    return zlib.decompress(body, 16 + zlib.MAX_WBITS) if body[:2] == b"\x1f\x8b" else body
