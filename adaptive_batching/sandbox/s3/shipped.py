"""Read back the objects that an extension shipped to S3."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adaptive_batching import objects

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True)
class Shipped:
    """One object. `size` is its stored size in bytes. `text` is the decompressed body, `records` its parsed lines."""

    key: str
    size: int
    metadata: Mapping[str, str]
    text: str
    records: tuple[dict[str, Any], ...]

    @property
    def reason(self) -> str:
        """The reason for which the object was shipped, from its user metadata."""
        return self.metadata.get("reason", "")


def read(client: S3Client, bucket: str, prefix: str = "") -> list[Shipped]:
    """Return the objects of a bucket below a prefix, oldest first. Raises FormatError for an invalid object."""
    found = []
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for entry in page.get("Contents", []):
            got = client.get_object(Bucket=bucket, Key=entry["Key"])
            text, records = objects.checked(entry["Key"], got["Body"].read())
            found.append(Shipped(entry["Key"], entry["Size"], got["Metadata"], text, records))
    return sorted(found, key=lambda one: (one.metadata.get("first-time", ""), one.key))


def read_all(client: S3Client) -> tuple[list[Shipped], int]:
    """Return the objects of every bucket, and how many objects have another format than this project's."""
    found, others = [], 0
    for bucket in client.list_buckets()["Buckets"]:
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket["Name"]):
            for entry in page.get("Contents", []):
                got = client.get_object(Bucket=bucket["Name"], Key=entry["Key"])
                try:
                    text, records = objects.checked(entry["Key"], got["Body"].read())
                except (objects.FormatError, UnicodeDecodeError):
                    others += 1
                else:
                    found.append(Shipped(entry["Key"], entry["Size"], got["Metadata"], text, records))
    return found, others
