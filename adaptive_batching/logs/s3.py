"""Fetch objects from S3 into a folder, which keeps them because objects never change."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from urllib.parse import quote

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mypy_boto3_s3 import S3Client

#: The number of GET requests at a time.
CONNECTIONS = 16


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

    with ThreadPoolExecutor(CONNECTIONS) as pool:  # which is waited for: it writes files
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
