"""`Reading`: what a command on shipped logs gets. It lists, converts what is new, and makes the views."""

from __future__ import annotations

import contextlib
import stat
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import duckdb

from adaptive_batching.logs import objects, times
from adaptive_batching.logs.cache import segments
from adaptive_batching.logs.database import Database
from adaptive_batching.logs.sources import keys
from adaptive_batching.logs.sources.folder import Folder
from adaptive_batching.logs.sources.keys import Window
from adaptive_batching.logs.sources.source import EmptySourceError, ObjectError, SourceError
from adaptive_batching.logs.sources.threads import threads
from adaptive_batching.logs.sql import rules, views
from adaptive_batching.logs.taking import Taker
from adaptive_batching.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from adaptive_batching.console import Console
    from adaptive_batching.logs.cache.segments import Segment
    from adaptive_batching.logs.sources.source import Listing, Source
    from adaptive_batching.logs.sql.rules import Completeness

__all__ = ["EmptySourceError", "Logs", "NothingFound", "Reading", "SourceError", "Window"]

_ALL = "all"
#: Objects that `bodies` reads at a time.
_AT_A_TIME = 32


class NothingFound(Exception):  # noqa: N818 - it is no error
    """There is nothing to print. The message is a sentence, which `Reading.open` says. Exit code 1."""


class Logs:
    """An opened source: the views `logs` and `objects` on a connection."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        window: Window,
        zone: tzinfo,
        foreign: int = 0,
        found: Sequence[Segment] = (),
    ) -> None:
        self.connection = connection
        self.segments = found  # what the views are made of
        self.window = window
        self.zone = zone
        self._foreign = foreign
        self._counted: Completeness | None = None

    def complete(self) -> Completeness:
        """Return what is known about lines that are missing, double or unreadable. It is counted once."""
        if self._counted is None:
            since = self.window.since is not None
            self._counted = rules.complete(self.connection, since=since, foreign=self._foreign)
        return self._counted


@dataclass(frozen=True)
class _Asked:
    """The window, as it was written."""

    since: str | None
    until: str | None
    slack: str


class Reading:
    """What is to be read, as the options say. Raises SourceError if that cannot be."""

    def __init__(  # noqa: PLR0913 - the options
        self,
        source: str | None,
        *,
        notes: Console | None = None,
        functions: Sequence[str] = (),
        since: str | None = None,
        until: str | None = None,
        slack: str = "1h",
        default_since: str = "1h",
        local: bool = False,
        profile: str | None = None,
        region: str | None = None,
        layout: str | None = None,
        cache: Path | None = None,
        no_cache: bool = False,
    ) -> None:
        self.zone: tzinfo = datetime.now().astimezone().tzinfo or UTC if local else UTC
        self.damaged = False
        self._compacted: dict[str, str] = {}
        self._notes = notes
        self._functions = functions
        self._named = source or ""
        self.source = _source(source, layout, profile, region)
        in_a_folder = isinstance(self.source, Folder)
        self._asked = _Asked(since or (_ALL if in_a_folder else default_since), until, slack)
        self._window()  # a mistake is said before anything is done
        self._temporary = TemporaryDirectory(prefix="adaptive-batching-logs-")
        self._folder = Path(self._temporary.name) / "cache" if no_cache else cache or segments.home()
        self._database: Database | None = None  # made with the first listing that there is something in

    def close(self) -> None:
        """Remove what was set aside."""
        try:
            if self._database:
                self._database.close()
        finally:
            self._temporary.cleanup()

    def bodies(self, wanted: Sequence[str], gone: dict[str, str] | None = None) -> Iterator[tuple[str, bytes]]:
        """Yield objects as they are, by key: the bytes that were shipped. One that cannot be read is left out.

        It counts as damage, unless it was deleted meanwhile and `gone` is given: then that takes it, and why.
        """
        with threads(_AT_A_TIME) as pool:
            for start in range(0, len(wanted), _AT_A_TIME):  # no more bodies than that are in memory
                for key, body in pool.map(self._body, wanted[start : start + _AT_A_TIME]):
                    if isinstance(body, bytes):
                        yield key, body
                    elif body.gone and gone is not None:
                        gone[key] = str(body)
                    else:
                        self.say_damaged(key, str(body))

    def say_damaged(self, key: str, why: str) -> None:
        """Count an object as damaged, and say so."""
        self.damaged = True
        self._say(f"{key}: {why}")

    def _body(self, key: str) -> tuple[str, bytes | ObjectError]:
        if key in self._compacted:
            place = self._compacted[key]
            return key, ObjectError(f"it was deleted when its lines were in {place}: its bytes are not kept")
        try:
            return key, self.source.read(key)[0]
        except ObjectError as error:
            return key, error

    def listed(self) -> Listing:
        """List the source. Raises SourceError; EmptySourceError if it has nothing of the extension's at all."""
        return self._listed(self._window())

    def _listed(self, window: Window) -> Listing:
        listing = self.source.listed(window, self._functions)
        if listing.is_empty:
            foreign = (
                f"; of {counted(listing.foreign, 'file')} in it, none has a name of theirs" if listing.foreign else ""
            )
            raise EmptySourceError(f"{self._named!r} has no objects of the extension's{foreign}")
        return listing

    @contextlib.contextmanager
    def open(self, *, told: bool = True) -> Iterator[Logs]:
        """List and read. If `told`, the completeness is printed when the block ends.

        If the block ends with NothingFound, that is said before it, and raised again. Raises SourceError.
        """
        nothing = None
        try:
            with self.opened() as logs:
                try:
                    yield logs
                except NothingFound as error:
                    nothing = error
                    self._say(str(error))
                known = logs.complete()
                self.damaged = self.damaged or bool(known.damaged or known.unreadable)
                if told:
                    self._say(known.sentence)
        except duckdb.OutOfMemoryException:
            raise SourceError(
                "the lines do not fit into the memory: --since, --until and --function read fewer"
            ) from None
        if nothing:
            raise nothing

    @contextlib.contextmanager
    def opened(self, listing: Listing | None = None) -> Iterator[Logs]:
        """Do as `open`, with a listing if there is one, and let the caller judge what is missing. Raises SourceError.

        What a compaction deletes meanwhile is read from where it is now, unless the listing is the caller's.
        """
        window = self._window()
        again = listing is None
        listing = listing or self._listed(window)
        try:
            cache = segments.Cache(self._folder, self.source.identity)
        except OSError as error:
            raise SourceError(
                f"the cache {str(self._folder)!r} cannot be used: {error.strerror}; see --cache"
            ) from None
        scratch = Path(self._temporary.name)
        self._database = self._database or Database(scratch)
        with cache.opened(self._wait) as opened, self._database.connected() as connection:
            taker = Taker(self.source, opened, self._database, connection, scratch, self._progress)
            try:
                taken = taker.taken(listing)
                if again:
                    listing, taken = taker.followed(listing, taken, window, self._functions)
            except (duckdb.IOException, OSError) as error:
                why = str(error).partition("\n")[0]
                if self._temporary.name in why:
                    raise SourceError(f"what DuckDB sets aside cannot be written: {why}; see TMPDIR") from None
                raise SourceError(f"the cache {str(self._folder)!r} cannot be written: {why}; see --cache") from None
            opened.read_only()
            found, failed = taken.segments, {key: str(error) for key, error in taken.failed.items()}
            items, gone = objects.with_compacted(listing, found, window)
            chosen = segments.chosen(found, {one.key for one in items})
            sizes = {one.file: len(one.objects) for one in found}
            files = {
                file: None if len(some) == sizes[file] else [one.key for one in some] for file, some in chosen.items()
            }
            self._compacted = gone
            views.create(
                connection, objects.rows(items, chosen, failed, gone) + objects.lost(listing, failed), files, window
            )
            yield Logs(connection, window, self.zone, listing.foreign, found)

    def _window(self) -> Window:
        now = datetime.now(UTC)
        asked = self._asked
        try:
            since = None if asked.since in (None, _ALL) else times.moment(asked.since or "", now, self.zone)
            until = times.moment(asked.until, now, self.zone) if asked.until else None
            window = Window(since, until, times.duration(asked.slack))
        except times.TimeError as error:
            raise SourceError(str(error)) from None
        if since and until and since > until:
            raise SourceError(f"--since {asked.since!r} is later than --until {asked.until!r}")
        return window

    def _wait(self) -> None:
        self._say("waiting for another command that fills the cache")

    def _progress(self, done: int, total: int) -> None:
        if self._notes:
            self._notes.progress("reading", done, total)
            if done >= total:
                self._notes.clear()

    def _say(self, sentence: str) -> None:
        if self._notes:
            self._notes.say(sentence)


def _source(source: str | None, layout: str | None, profile: str | None, region: str | None) -> Source:
    if not source:
        raise SourceError("SOURCE is missing: s3://bucket/prefix or a folder; or set ADAPTIVE_BATCHING_LOGS")
    if source.startswith("s3://"):
        from adaptive_batching.logs.sources.bucket import Bucket  # noqa: PLC0415 - boto3 takes a while to load

        try:
            return Bucket(source, keys.DEFAULT if layout is None else layout, profile, region)
        except keys.LayoutError as error:
            raise SourceError(f"--layout {error}") from None
    folder = Path(source)
    try:
        if stat.S_ISDIR(folder.stat().st_mode):
            return Folder(folder)
    except FileNotFoundError:
        raise SourceError(f"there is no folder {source!r}; a bucket is written s3://bucket") from None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise SourceError(f"{source!r} cannot be read: {why}") from None
    raise SourceError(f"{source!r} is not a folder")
