"""Read evidence from S3: the shipped objects, which are kept in a folder because they never change."""

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

#: The number of GET requests at a time.
CONNECTIONS = 16
#: Bytes of a damaged gzip stream that are decompressed at a time. The pieces before the damage are kept.
PIECE = 256


def fetch(
    client: S3Client, bucket: str, prefix: str, folder: Path, progress: Callable[[int, int], None]
) -> tuple[list[Path], list[str]]:
    """Copy the objects below a prefix into a folder.

    Return the files, and a sentence for each object that could not be fetched. An object is not fetched again if the
    folder has a file for it with the listed size. Raises botocore's errors if the listing fails.
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
    """Return the file name for a key: without slashes, so that it stays in the folder, at most 200 characters. Pure."""
    name = quote(key, safe="=")
    if name.strip(".") and len(name) <= 200:  # noqa: PLR2004 - file systems take 255
        return name
    return f"{hashlib.sha256(key.encode()).hexdigest()[:20]}-{name[-150:]}"


def in_folder(folder: Path) -> list[Path]:
    """Return the files of the objects in a folder, sorted."""
    return sorted(file for file in folder.rglob("*") if file.is_file() and file.suffix != ".part")


def read(files: list[Path], name: str, failed: list[str]) -> Evidence:
    """Read the lines of objects from their files. `failed` are sentences about objects that could not be fetched."""
    evidence = Evidence(name, incomplete=list(failed))
    for file in files:
        evidence.holders += 1
        for line in decoded(file.read_bytes(), evidence, file.name):
            evidence.add_shipped(line, file.name)
    return evidence


def decoded(body: bytes, evidence: Evidence, where: str) -> Iterator[dict[str, Any]]:
    """Yield the lines of an object. If the object is damaged, yield the lines that can still be read. Pure."""
    try:
        lines: list[Any] = list(objects.lines(body))
    except (ValueError, zlib.error, RecursionError):
        lines = list(_saved(body, evidence, where))
    for line in lines:
        if isinstance(line, dict):
            yield line
        else:
            evidence.complain(where, "a line that is not a JSON object")


def _saved(body: bytes, evidence: Evidence, where: str) -> Iterator[Any]:
    if body[:2] == b"\x1f\x8b":
        body, whole = _inflated(body)
        if not whole:
            evidence.complain(where, "the gzip stream is damaged or incomplete")
    for number, line in enumerate(body.split(b"\n"), 1):
        try:
            if line:
                yield json.loads(line)
        except (ValueError, RecursionError):
            evidence.complain(f"{where}, line {number}", f"not JSON: {line[:80]!r}")


def _inflated(body: bytes) -> tuple[bytes, bool]:
    """Return the decompressed bytes up to the damage, and whether the gzip stream was complete."""
    stream = zlib.decompressobj(16 + zlib.MAX_WBITS)
    saved: list[bytes] = []
    try:
        for at in range(0, len(body), PIECE):
            saved.append(stream.decompress(body[at : at + PIECE]))  # noqa: PERF401 - keeps what precedes the damage
    except zlib.error:
        return b"".join(saved), False
    return b"".join(saved), stream.eof
