"""Makes a chunk again that an earlier process of this environment had closed: same key, same bytes.

Pure: a function of what the journal holds. The same bodies, read by a reader in the same state, become the same lines.
"""

from extension.core.batcher import Batcher
from extension.events import Moment
from extension.records import objects
from extension.records.reader import Reader

REPLAYS = 2  # that may fail; what was begun so often and never ended is poison, and set aside


def rebuild(
    sealed: "Sealed",
    entries: "Iterable[tuple[int, float, bytes]]",
    settings: "Settings",
    origin: objects.Origin,
    new_body: "Callable[[], Body]",
) -> "objects.Chunk | None":
    """The chunk of this seal, or None if nothing is left to ship. `entries` are serial, arrival, body."""
    seal = sealed.seal
    there = objects.Origin(origin.function, origin.version, sealed.environment or origin.environment)
    there.arn, there.api, there.schema = origin.arn, origin.api, origin.schema
    reader = Reader(settings.log_types, there)
    reader.restore(seal.state)
    batches = Batcher(settings, there, lambda: "", new_body)
    last = 0.0
    for serial, wall, body in entries:
        last = wall
        batches.push(reader.read(body, wall), Moment(0.0, wall), serial)
        if serial in seal.cuts:
            batches.push(reader.give_up(), Moment(0.0, wall), serial)
    if reader.unfinished:  # what finished it was in memory alone
        batches.push(reader.give_up(), Moment(0.0, last), seal.last)
    if not batches.records:
        return None
    chunk = batches.close(seal.key, seal.reason, seal.tail)
    chunk.seal, chunk.after = seal, sealed.after
    return chunk


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from extension.journal import Sealed
    from extension.records.objects import Body
    from extension.settings import Settings
