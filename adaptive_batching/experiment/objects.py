"""Evidence from S3: the objects that were shipped, read through a folder that keeps them (they never change)."""

from __future__ import annotations

import hashlib
import json
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from botocore.exceptions import BotoCoreError, ClientError

from adaptive_batching import objects
from adaptive_batching.experiment.core.evidence import Evidence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mypy_boto3_s3 import S3Client

#: GETs at a time.
CONNECTIONS = 16
#: Bytes of a damaged gzip stream that are inflated at a time: what lies before the damage is kept.
PIECE = 256


def fetch(
    client: S3Client, bucket: str, prefix: str, folder: Path, progress: Callable[[int, int], None]
) -> tuple[list[Path], list[str]]:
    """Bring what is below a prefix into a folder; return its files and a sentence for each that could not be had.

    What the folder holds with the listed size is not fetched again. Raises botocore's errors if listing fails.
    """
    listing = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    wanted = [(item["Key"], item["Size"]) for page in listing for item in page.get("Contents", [])]
    folder.mkdir(parents=True, exist_ok=True)
    files, failed = [], []

    def get(key: str, size: int) -> Path:
        file = folder / file_name(key)
        if not file.exists() or file.stat().st_size != size:
            part = file.with_name(file.name + ".part")
            part.write_bytes(client.get_object(Bucket=bucket, Key=key)["Body"].read())
            part.replace(file)
        return file

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        for done, (key, future) in enumerate([(key, pool.submit(get, key, size)) for key, size in wanted], 1):
            try:
                files.append(future.result())
            except (ClientError, BotoCoreError) as error:
                failed.append(f"{key} could not be fetched: {error}")
            progress(done, len(wanted))
    return files, failed


def file_name(key: str) -> str:
    """Return a file's name for a key: flat, so that no key can leave the folder, at most 200 characters. Pure."""
    name = quote(key, safe="=")
    if name.strip(".") and len(name) <= 200:  # noqa: PLR2004 - file systems take 255
        return name
    return f"{hashlib.sha256(key.encode()).hexdigest()[:20]}-{name[-150:]}"


def in_folder(folder: Path) -> list[Path]:
    """Return the objects that a folder keeps."""
    return sorted(file for file in folder.rglob("*") if file.is_file() and file.suffix != ".part")


def read(files: list[Path], name: str, failed: list[str]) -> Evidence:
    """Read the lines of kept objects."""
    evidence = Evidence(name, incomplete=list(failed))
    for file in files:
        evidence.holders += 1
        for line in decoded(file.read_bytes(), evidence, file.name):
            evidence.add_shipped(line, file.name)
    return evidence


def decoded(body: bytes, evidence: Evidence, where: str) -> Iterator[dict[str, Any]]:
    """Yield an object's lines; from one that is damaged, what can be saved. Pure."""
    try:
        lines: list[Any] = list(objects.lines(body))
    except (ValueError, zlib.error, RecursionError):
        lines = list(_saved(body, evidence, where))
    for line in lines:
        if isinstance(line, dict):
            yield line
        else:
            evidence.complain(where, "a line that is no object")


def _saved(body: bytes, evidence: Evidence, where: str) -> Iterator[Any]:
    if body[:2] == b"\x1f\x8b":
        body, whole = _inflated(body)
        if not whole:
            evidence.complain(where, "the gzip stream is damaged or cut")
    for number, line in enumerate(body.split(b"\n"), 1):
        try:
            if line:
                yield json.loads(line)
        except (ValueError, RecursionError):
            evidence.complain(f"{where}, line {number}", f"not JSON: {line[:80]!r}")


def _inflated(body: bytes) -> tuple[bytes, bool]:
    """Return what a gzip stream gives up to where it is damaged, and whether that is all."""
    stream = zlib.decompressobj(16 + zlib.MAX_WBITS)
    saved: list[bytes] = []
    try:
        for at in range(0, len(body), PIECE):
            saved.append(stream.decompress(body[at : at + PIECE]))  # noqa: PERF401 - what came before damage stays
    except zlib.error:
        return b"".join(saved), False
    return b"".join(saved), stream.eof
