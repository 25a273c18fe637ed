"""Reading back what an extension shipped to S3: our own reading of the format, not the extension's.

An object is newline-delimited JSON, gzip or not; each line has `time`, `type`, `record` and what the shipper added.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_s3 import S3Client

_GZIP = b"\x1f\x8b"
REQUIRED = ("time", "type", "record", "requestId", "environment", "sequence")


class FormatError(Exception):
    """An object that is not what the format says; the message names the object and the line."""


@dataclass(frozen=True)
class Shipped:
    """One object. `size` is in bytes, as stored; `text` is the body, decompressed."""

    key: str
    size: int
    metadata: Mapping[str, str]
    text: str
    records: tuple[dict[str, Any], ...]

    @property
    def reason(self) -> str:
        """Why it was shipped, from the object's user metadata."""
        return self.metadata.get("reason", "")


def decode(key: str, body: bytes) -> tuple[str, tuple[dict[str, Any], ...]]:
    """Return text and records of one object's body, or raise FormatError."""
    data = gzip.decompress(body) if body.startswith(_GZIP) else body
    text = data.decode("utf-8")
    if not text.endswith("\n"):
        raise FormatError(f"{key}: the last line has no newline")
    records = []
    for number, line in enumerate(text.removesuffix("\n").split("\n"), 1):
        try:
            record = json.loads(line)
        except ValueError as error:
            raise FormatError(f"{key}, line {number}: {error}") from None
        absent = [name for name in REQUIRED if not isinstance(record, dict) or name not in record]
        if absent:
            raise FormatError(f"{key}, line {number}: without {', '.join(absent)}")
        records.append(record)
    return text, tuple(records)


def read(client: S3Client, bucket: str, prefix: str = "") -> list[Shipped]:
    """Return every object of a bucket below a prefix, oldest first."""
    found = []
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for entry in page.get("Contents", []):
            got = client.get_object(Bucket=bucket, Key=entry["Key"])
            text, records = decode(entry["Key"], got["Body"].read())
            found.append(Shipped(entry["Key"], entry["Size"], got["Metadata"], text, records))
    return sorted(found, key=lambda one: (one.metadata.get("first-time", ""), one.key))
