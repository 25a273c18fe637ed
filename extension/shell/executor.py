"""What belongs to one execution environment: journal, core, store; what the last process left is taken up.

It carries out those actions of the core that concern the store and the journal.
"""

import os

from extension import events
from extension.core import recovery
from extension.core.batcher import Batcher
from extension.core.duplicates import Echoes
from extension.core.shipper import Shipper
from extension.journal import Journal
from extension.messages import say
from extension.records import objects
from extension.records.reader import Reader
from extension.shell import spool
from extension.shell.uploader import Uploader
from extension.stores import factory

SHARE = 3  # a chunk may take a third of the journal: its bodies, its encoded form, and what arrives meanwhile


class Environment:
    """See the module. Constructing it opens the journal, lets bodies in, and warms the store up."""

    def __init__(self, settings: "Settings", started: "Started", environ: "Mapping[str, str]") -> None:
        self._settings = settings
        parent = environ.get("TMPDIR") or "/tmp"  # noqa: S108 - Lambda's only writable place
        self._journal = Journal.open(parent, _new_environment(), say, settings.journal_bytes)
        started.keeper.open(self._journal, Echoes(self._journal.recent()))
        self._origin = objects.Origin(
            environ.get("AWS_LAMBDA_FUNCTION_NAME", "function"),
            environ.get("AWS_LAMBDA_FUNCTION_VERSION", ""),
            self._journal.environment,
        )
        self._origin.api, self._origin.schema = started.api, started.schema
        batches = Batcher(settings, self._origin, _unique, self._new_body)
        self._fit(batches)
        self.shipper = Shipper(
            settings,
            batches,
            Reader(settings.log_types, self._origin),
            managed=started.managed,
            chance=_chance,
            restored=self._restored if started.initialization_type == "snap-start" else None,
        )
        self.shipper.conditional(wanted=settings.conditional)
        store = factory.create(settings.client, settings.bucket, settings.region, environ, _warn)
        store.warm_up()
        self._uploader = Uploader(store, started.inbox)
        self._uploader.start()

    def left_over(self) -> "Iterator[Sealed | events.LogsReceived]":
        """What an earlier process left: chunks, to be taken up one by one, and then the bodies that were in none."""
        left = self._journal.left
        self.shipper.accounts.torn = left.torn_bytes + left.over_bytes
        yield from left.seals
        self.shipper.resume(left.state)
        for first, last in left.unsealed:
            if left.replays.get(first, 0) >= recovery.REPLAYS:
                self._lose(first, last)
                continue
            self._journal.replaying(first)
            yield from self.bodies(first, last)
            self._journal.replayed(first)

    def bodies(self, first: int, last: int) -> "Iterator[events.LogsReceived]":
        """What the journal holds of these serials."""
        for serial, wall, body in self._journal.entries(first, last):
            yield events.LogsReceived(body, serial, wall)

    def carry_out(self, action: "events.Action") -> None:
        """Do what the core says, as far as it concerns the store and the journal."""
        if isinstance(action, events.Upload):
            self._seal(action.chunk)
            self._uploader.submit(action)
        elif isinstance(action, events.Rekeyed):
            self._seal(action.chunk)  # the next process must not take somebody else's object for ours
        elif isinstance(action, events.Abandon):
            self._uploader.abandon()
        elif isinstance(action, events.Forget | events.Drop) and action.chunk.seal:
            self.forget(action.chunk.seal.first, action.chunk.seal.last)

    def leave(self) -> None:
        """The process ends, and not all of its records are stored or lost."""
        self._journal.outlive()

    def forget(self, first: int, last: int) -> None:
        """These entries of the journal are stored, or counted as lost."""
        if first:
            self._journal.forget(last, first)

    def set_aside(self, serial: int) -> None:
        """A body that cannot be read is nothing for the next process either."""
        if serial:
            self._journal.set_aside(serial, serial)

    def take_up(self, sealed: "Sealed") -> "list[events.Action]":
        """Make a chunk again that an earlier process had closed."""
        seal = sealed.seal
        records = sealed.after.sequence - seal.state.sequence - bool(seal.tail)
        if sealed.replays >= recovery.REPLAYS:
            self._count_as_lost(records)
            fields: "dict[str, object]" = {"records": records, "key": seal.key}
            say("error", "a chunk that could not be made again twice is set aside: its records are lost", fields)
            self._journal.set_aside(seal.first, seal.last)
            return []
        self._journal.replaying(seal.first)
        entries = self._journal.entries(seal.first, seal.last)
        chunk = recovery.rebuild(sealed, entries, self._settings, self._origin, self._new_body)
        self._journal.replayed(seal.first)
        if chunk:
            return self.shipper.recover(chunk, max(records - chunk.records, 0))
        self._count_as_lost(records)
        told: "dict[str, object]" = {"records": records, "perhapsStored": {seal.key: records}}
        say("error", "nothing of a chunk could be read again: its records are lost, if it was not stored before", told)
        self.forget(seal.first, seal.last)
        return []

    def _count_as_lost(self, records: int) -> None:
        self.shipper.accounts.received += records
        self.shipper.accounts.lost += records

    def _lose(self, first: int, last: int) -> None:
        """Bodies that cannot be read again."""
        bodies = [body.given_up() for body in self.bodies(first, last)]
        records = sum(body.records for body in bodies)
        self._count_as_lost(records)
        fields: "dict[str, object]" = {"bodies": len(bodies), "records": records}
        say("error", "bodies that could not be read again twice are set aside: their records are lost", fields)
        self._journal.set_aside(first, last)

    def _seal(self, chunk: objects.Chunk) -> None:
        if chunk.seal and chunk.after and not chunk.sealed:
            chunk.sealed = self._journal.seal(chunk.seal, chunk.after)

    def _fit(self, batches: Batcher) -> None:
        """A byte threshold for which the journal has no room is lowered, and that is said."""
        room = self._journal.limit // SHARE
        if 0 < room < self._settings.ship_bytes:
            batches.lower(room)
            text = f"SHIP_RATE_BYTES is {self._settings.ship_bytes}: the journal in /tmp has room for a third of"
            say("warning", f"{text} {self._journal.limit} bytes; {room} is used")

    def _new_body(self) -> "objects.Body":
        return spool.Body(gzip=self._settings.gzip, new_file=self._journal.file)  # type: ignore[return-value]  # same shape

    def _restored(self) -> None:
        """A snapshot was restored: this is one of many environments that come from it."""
        self._origin.environment = _new_environment()
        self._journal.rename(self._origin.environment)


def _new_environment() -> str:
    """Twelve characters, drawn anew at each call."""
    return os.urandom(6).hex()


def _unique() -> str:
    """A random UUID (version 4), drawn anew at each call: a snapshot may be restored many times."""
    digits = bytearray(os.urandom(16))
    digits[6] = digits[6] & 0x0F | 0x40
    digits[8] = digits[8] & 0x3F | 0x80
    text = digits.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _chance() -> float:
    """A number from 0 to 1, drawn anew at each call."""
    return int.from_bytes(os.urandom(4), "big") / 2**32


def _warn(text: str) -> None:
    say("warning", text)


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from extension.journal import Sealed
    from extension.settings import Settings
    from extension.startup import Started
