"""Carries out what the core says about the store and the journal of one execution environment."""

from __future__ import annotations

import os

from extension import events
from extension.core import recovery
from extension.core.batcher import Batcher
from extension.core.budget import Budget
from extension.core.duplicates import Duplicates
from extension.core.replay import Replay
from extension.core.shipper import Shipper
from extension.journal import Journal
from extension.messages import say
from extension.records import objects
from extension.records.body import Body
from extension.records.reader import Reader
from extension.settings import PREFIX
from extension.shell.spool import Spool
from extension.shell.uploader import Uploader
from extension.stores import factory
from extension.stores.remedies import Place, constant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from extension.records.chunk import Chunk, Seal
    from extension.records.filters import Filters
    from extension.settings import Settings
    from extension.startup import Started


SHOWN = 80  # characters of a pattern in a message


class Executor:
    """Journal, core and store. Constructing it opens the journal and lets bodies in; the uploader loads the store.

    `replay` is what an earlier process left, to be read again.
    """

    def __init__(self, settings: Settings, started: Started, environ: Mapping[str, str]) -> None:
        self._settings = settings
        parent = environ.get("TMPDIR") or "/tmp"  # noqa: S108 - Lambda's only writable place
        self.journal = Journal.open(
            parent, _new_environment(), say, settings.journal_bytes, likely=events.likely_records
        )
        budget = Budget(environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", ""))
        started.inbox.capacity = min(started.inbox.capacity, budget.inbox)
        started.intake.open(self.journal, Duplicates(self.journal.recent()))
        self.origin = objects.Origin(
            environ.get("AWS_LAMBDA_FUNCTION_NAME", "function"),
            environ.get("AWS_LAMBDA_FUNCTION_VERSION", ""),
            self.journal.environment,
            (environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or "", started.calls.account),
        )
        self.origin.api, self.origin.schema = started.api, started.schema
        filters = recovery.filters_of(settings.filters)
        self.shipper = Shipper(
            settings,
            Batcher(settings, self.origin, _unique, self._new_body),
            Reader(settings.log_types, self.origin, concurrent=started.managed, filters=filters),
            managed=started.managed,
            chance=_chance,
            restored=self._restored if started.initialization_type == "snap-start" else None,
        )
        self.shipper.limit_memory(budget.chunk, budget.waiting)
        if filters:
            self.shipper.limit_journalled(recovery.most_journalled(self.journal.limit))
            _tell_unusable(filters)
        by_user = settings.ship_bytes_set
        lowered = recovery.fit(settings.ship_bytes, self.journal.limit, budget.chunk, by_user=by_user)
        for action in self.shipper.recover(lowered) if lowered else ():
            self.carry_out(action)
        self.shipper.conditional(wanted=settings.conditional)
        left = self.journal.left
        self.shipper.counters.torn = left.torn_bytes + left.over_bytes
        self.replay = Replay(self.journal, settings, self.origin, self._new_body)
        self.shipper.resume(left.state, self.replay)
        store = factory.create(
            settings.client, settings.bucket, settings.region, environ, _warn, settings.addressing_style
        )
        self._uploader = Uploader(store, started.inbox, self._place(settings))
        self._uploader.start()

    def _place(self, settings: Settings) -> Place:
        origin = self.origin
        told = {"function": origin.function, "region": origin.region, "account": origin.account}
        known = {name: value for name, value in told.items() if value != objects.UNKNOWN}
        return Place(
            settings.bucket,
            constant(settings.prefix, known),
            settings.region,
            settings.owner,
            sse=settings.sse,
            kms_key=settings.kms_key,
            tags=settings.tags,
        )

    def bodies(self, first: int, last: int) -> Iterator[events.LogsReceived]:
        """Yield what the journal holds of these serials."""
        for serial, wall, body in self.journal.entries(first, last):
            yield events.LogsReceived(body, serial, wall)

    def carry_out(self, action: events.Action) -> None:
        """Do what the core says, except for what concerns the process: Release and Exit."""
        if isinstance(action, events.Upload):
            if action.must_seal:
                self._seal(action.chunk)
            self._uploader.submit(action)
        elif isinstance(action, events.KeyChanged):
            self._seal(action.chunk)  # the next process must not take another one's object for this chunk
        elif isinstance(action, events.Abandon):
            self._uploader.abandon(action.attempt)
        elif isinstance(action, events.Forget | events.Discard):
            self._forget(action.seal)
        elif isinstance(action, events.PassOver):
            self.journal.pass_over(action.first, action.last, action.state)
        elif isinstance(action, events.Quarantine):
            self.quarantine(action.first, action.last)
        elif isinstance(action, events.Say):
            say(action.level, action.message, action.fields)

    def quarantine(self, first: int, last: int) -> None:
        """Keep entries that cannot be read out of the next process's way, too."""
        self.journal.quarantine(first, last)

    def persist(self) -> None:
        """Keep, on exit, what is still waiting: the next process finds it."""
        self.journal.persist()

    def _seal(self, chunk: Chunk) -> None:
        if self.journal.seal(chunk.seal):
            self.shipper.seal_written(chunk.key)

    def _forget(self, seal: Seal) -> None:
        if seal.entries:
            first, last = seal.entries
            self.journal.forget(last, first)

    def _new_body(self) -> Body:
        return Body(gzip=self._settings.gzip, storage=Spool(self.journal.file))

    def _restored(self) -> None:
        """Become an environment of its own: a snapshot was restored, and many come from it."""
        self.origin.environment = _new_environment()
        self.journal.rename(self.origin.environment)


def _tell_unusable(filters: Filters) -> None:
    """Say which patterns cannot be used, and what is done instead."""
    for name, read, why in filters.problems:
        shown = repr(read if len(read) <= SHOWN else read[: SHOWN - 3] + "...")
        if name == "EXCLUDE":
            say("warning", f"{PREFIX}EXCLUDE is {shown}: {why}; nothing is excluded")
        elif name == "INCLUDE":
            say("warning", f"{PREFIX}INCLUDE is {shown}: {why}; everything is included")
        else:
            instead = "to be safe all that REDACT knows is redacted"
            say("error", f"{PREFIX}REDACT_PATTERN is {shown}: {why}; {instead}")


def _new_environment() -> str:
    """Return twelve characters, drawn anew at each call."""
    return os.urandom(6).hex()


def _unique() -> str:
    """Return a random UUID (version 4), drawn anew at each call: a snapshot may be restored many times."""
    digits = bytearray(os.urandom(16))
    digits[6] = digits[6] & 0x0F | 0x40
    digits[8] = digits[8] & 0x3F | 0x80
    text = digits.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _chance() -> float:
    """Return a number from 0 to 1, drawn anew at each call."""
    return int.from_bytes(os.urandom(4), "big") / 2**32


def _warn(text: str) -> None:
    say("warning", text)
