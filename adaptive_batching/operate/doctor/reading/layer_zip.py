"""What is in a layer: the list of its files and layer.json, without fetching its 30 MB.

A zip file has its directory at its end, so a few requests with `Range` suffice.
"""

from __future__ import annotations

import http.client
import io
import json
import urllib.error
import urllib.request
import zipfile
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adaptive_batching import settings
from adaptive_batching.operate.doctor.facts import Unknown
from adaptive_batching.values.loopback import on_loopback

if TYPE_CHECKING:
    from collections.abc import Callable

#: What reading a zip file behind HTTP raises if one or the other is broken.
_BROKEN = (
    *(OSError, ValueError, AttributeError, NotImplementedError),
    *(http.client.HTTPException, zipfile.BadZipFile, zlib.error),
)
_PIECE = 65_536  # bytes that are fetched at least: a directory has some hundred entries
_SECONDS = 10


@dataclass(frozen=True)
class Content:
    """Whether the extension is in it, and where its interpreter comes from: "" if that is not told."""

    has_extension: bool
    origin: str


def look(url: str, endpoint: str | None) -> Content | Unknown:
    """Look into the zip file at a URL. A server that stands for AWS (`endpoint`) names URLs that do not exist."""
    if not url or (endpoint and not on_loopback(url)):
        return Content(has_extension=False, origin="")
    try:
        with zipfile.ZipFile(_Remote(url)) as archive:
            names = archive.namelist()
            about = f"{settings.EXTENSION}/layer.json"
            origin = str(json.loads(archive.read(about)).get("origin", "")) if about in names else ""
            return Content(f"extensions/{settings.EXTENSION}" in names, origin)
    except _BROKEN as error:
        return Unknown(f"the layer's content cannot be looked into: {error}")


class _Remote(io.RawIOBase):
    """A file behind HTTP, read in pieces."""

    def __init__(self, url: str) -> None:
        self._url = url
        proxies = [urllib.request.ProxyHandler({})] if on_loopback(url) else []
        self._open: Callable[..., io.BufferedIOBase] = urllib.request.build_opener(*proxies).open
        self._at = 0
        self._size, self._tail = self._ask(f"bytes=-{_PIECE}")

    def _ask(self, pieces: str) -> tuple[int, bytes]:
        """Return the size of the whole, and a piece of it."""
        request = urllib.request.Request(self._url, headers={"Range": pieces})  # noqa: S310 - Lambda gives the URL
        with self._open(request, timeout=_SECONDS) as answer:
            data = answer.read()
            told = str(getattr(answer, "headers", {}).get("Content-Range", "")).rpartition("/")[2]
            return (int(told) if told.isdigit() else len(data)), data

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = base + offset
        return self._at

    def read(self, size: int = -1) -> bytes:
        end = self._size if size is None or size < 0 else min(self._at + size, self._size)
        start, tail = self._at, self._size - len(self._tail)
        self._at = max(start, end)
        if start >= end:
            return b""
        if start >= tail:
            return self._tail[start - tail : end - tail]
        return self._ask(f"bytes={start}-{end - 1}")[1]
