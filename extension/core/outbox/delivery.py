"""What is known of one closed chunk on its way to the store, and of the attempt in flight. Pure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from extension.records.chunk import Chunk

FIRST_ATTEMPT_AFTER_RECOVERY = 2  # the first attempt of this process at a chunk that an earlier one left
REFUSALS = 3  # of one object, after which it is set aside
ASIDE_FIRST, ASIDE_MOST = 30.0, 300.0  # s until an object that was set aside is tried again, doubled each time


class Delivery:
    """One closed chunk, and what the outbox knows of it."""

    __slots__ = (
        "attempts",
        "chunk",
        "is_stored",
        "maybe_stored",
        "must_not_overwrite",
        "refusals",
        "retry_at",
        "seal_written",
        "tried",
        "unrecovered",
        "waited",
        "was_hurried",
        "why",
    )

    def __init__(self, chunk: Chunk, *, maybe_stored: bool) -> None:
        self.chunk = chunk
        self.attempts = 0  # an earlier process's count as one
        self.tried = 0  # number of this process's last attempt at it
        self.seal_written = False  # the journal holds its seal
        self.is_stored = False  # the store has said so
        self.maybe_stored = maybe_stored  # under this key, by an attempt without an answer or by another process
        self.must_not_overwrite = False  # recovered with records missing: the store may have it whole
        self.unrecovered = 0  # records that it had when it was closed first, and that could not be read again
        self.refusals = 0  # definite answers of the store that it does not take this object
        self.retry_at = 0.0  # once it is set aside
        self.waited: list[tuple[float, int]] = []  # who waits for it, as Freshness counts
        self.was_hurried = False  # an attempt was abandoned for want of time at SHUTDOWN
        self.why = ""  # the store's words at the last refusal

    @classmethod
    def recovered(cls, chunk: Chunk, unrecovered: int) -> Delivery:
        """Return the delivery of a chunk that an earlier process of this environment closed and perhaps stored."""
        delivery = cls(chunk, maybe_stored=True)
        delivery.attempts = 1
        delivery.seal_written = True
        delivery.unrecovered = unrecovered
        delivery.must_not_overwrite = unrecovered > 0
        return delivery

    @property
    def is_set_aside(self) -> bool:
        """Whether it was refused so often that it waits for its neighbours and for a later time."""
        return self.refusals >= REFUSALS

    def refuse(self, why: str, now: float) -> None:
        """Note a definite refusal."""
        self.refusals += 1
        self.why = why
        pause = ASIDE_FIRST * (1 << min(max(self.refusals - REFUSALS, 0), 4))
        self.retry_at = now + min(pause, ASIDE_MOST)

    @property
    def records(self) -> int:
        """Its records, those included of which only the store knows whether an earlier process stored them."""
        return self.chunk.records + self.unrecovered

    def lost_at_exit(self, *, kept: bool) -> tuple[int, int]:
        """Return the records and bytes that end with this process. `kept`: the journal outlives it."""
        chunk = self.chunk
        if not kept:
            return self.records, chunk.raw_bytes
        if self.seal_written and chunk.seal.entries:
            return 0, 0
        return chunk.unjournalled_records, chunk.unjournalled_bytes


class Attempt:
    """One PUT in flight."""

    __slots__ = ("delivery", "frozen", "number", "released", "started")

    def __init__(self, number: int, delivery: Delivery, started: float) -> None:
        self.number = number
        self.delivery = delivery
        self.started = started
        self.released = False  # an invocation was released meanwhile
        self.frozen = False  # the environment was frozen meanwhile, or time ran out; its connection has been closed
