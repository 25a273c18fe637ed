"""The bucket of the logs: reads shipped objects, within bounds, and keeps the markers of what was told."""

from __future__ import annotations

import time
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from notifier import layout

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from notifier.notices import Clue
    from notifier.search import Search

#: Where the markers are.
FOLDER = "notified/"
_TAKEN = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}
#: How much the clocks of S3 and of a function may differ, in milliseconds.
_SKEW = 60_000


@dataclass(frozen=True)
class Bounds:
    """How much one run searches: objects, bytes of lines, seconds."""

    objects: int = 500
    size: int = 64 << 20
    seconds: float = 20.0


@dataclass
class Reading:
    """What one search has read, and what it left out."""

    objects: int = 0
    size: int = 0
    left_out: int = 0  # objects that were listed and not read
    is_cut: bool = False  # whether a bound ended it

    @property
    def note(self) -> str:
        """A sentence on what was left out, "" if nothing was."""
        if not self.is_cut:
            return ""
        more = f"; {self.left_out:,} older ones were listed" if self.left_out else ""
        return f"The search ended after {self.objects:,} objects and {self.size / 1e6:.1f} MB{more}."


@dataclass(frozen=True)
class _Object:
    key: str
    function: str
    first: int  # epoch milliseconds


def _chosen(
    entries: list[dict[str, Any]], prefix: str, function: str, functions: Sequence[str], window: tuple[int, int]
) -> list[_Object]:
    found, (since, until) = [], window
    for entry in entries:
        name = layout.read(entry["Key"], prefix, function)
        stored = entry["LastModified"].timestamp() * 1000
        if name and name[0] in functions and name[1] <= until + _SKEW and stored >= since - _SKEW:
            found.append(_Object(entry["Key"], *name))
    return found


class Bucket:
    """A bucket. `template` is the extension's S3_PREFIX, `known` what region and account are in it."""

    def __init__(
        self,
        client: Any,  # noqa: ANN401 - boto3 makes its classes at run time
        name: str,
        template: str,
        known: dict[str, str],
        bounds: Bounds = Bounds(),
    ) -> None:
        self._client, self.name = client, name
        self._template, self._known, self._bounds = template, known, bounds

    def search(
        self,
        search: Search,
        clues: Sequence[Clue],
        functions: Sequence[str],
        clock: Callable[[], float] = time.monotonic,
    ) -> Reading:
        """Give the search the objects in which the clues' lines can be, hour by hour, newest first."""
        reading, begun = Reading(), clock()

        def is_late() -> bool:
            return clock() - begun > self._bounds.seconds

        listed: set[str] = set()
        is_partial = False  # whether a listing was ended before its end
        every = list(dict.fromkeys(name for clue in clues for name in clue.functions or functions))
        since = min((clue.since for clue in clues), default=0)
        until = max((clue.until for clue in clues), default=0)
        for hour in layout.hours((clue.since, clue.until) for clue in clues):
            found: list[_Object] = []
            for function in every:
                prefix, is_whole = layout.prefix(self._template, function, hour, self._known)
                if prefix not in listed:
                    if is_late():
                        reading.is_cut = True
                        return reading
                    listed.add(prefix)
                    entries, ended = self._entries(prefix, is_late)
                    is_partial = is_partial or ended
                    found += _chosen(entries, prefix, function if is_whole else "", every, (since, until))
            found.sort(key=lambda one: (one.first, one.key), reverse=True)
            for number, one in enumerate(found):
                if search.is_over:
                    return reading
                is_enough = reading.objects >= self._bounds.objects or reading.size >= self._bounds.size
                if is_enough or is_late():
                    reading.left_out, reading.is_cut = len(found) - number, True
                    return reading
                body = self._body(one.key, self._bounds.size - reading.size)
                reading.objects += 1
                reading.size += len(body)
                search.add(one.function, body)
            if search.is_over:
                return reading
        reading.is_cut = is_partial
        return reading

    def _entries(self, prefix: str, is_late: Callable[[], bool] = lambda: False) -> tuple[list[dict[str, Any]], bool]:
        """Return what is listed, and whether it is only the beginning: an hour may have any number of objects."""
        found: list[dict[str, Any]] = []
        for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix):
            found += page.get("Contents", [])
            if page.get("IsTruncated") and is_late():
                return found, True
        return found, False

    def _body(self, key: str, most: int) -> bytes:
        """Return the lines of an object, up to `most` bytes; of a damaged one none."""
        body: bytes = self._client.get_object(Bucket=self.name, Key=key)["Body"].read(most)
        if not body.startswith(b"\x1f\x8b"):
            return body
        try:
            return zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(body, most)
        except zlib.error:
            return b""

    def markers(self) -> set[str]:
        """Return the names of all markers."""
        return {entry["Key"].removeprefix(FOLDER) for entry in self._entries(FOLDER)[0]}

    def mark(self, name: str, body: str = "") -> None:
        """Write a marker, unless it is there."""
        try:
            self._client.put_object(Bucket=self.name, Key=FOLDER + name, Body=body.encode(), IfNoneMatch="*")
        except ClientError as error:
            if error.response["Error"]["Code"] not in _TAKEN:
                raise

    def kept(self, name: str) -> str:
        """Return what a marker holds."""
        body: bytes = self._client.get_object(Bucket=self.name, Key=FOLDER + name)["Body"].read()
        return body.decode()
