"""Shipped objects in a bucket. s3:ListBucket and s3:GetObject suffice."""

from __future__ import annotations

import contextlib
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from adaptive_batching.logs.sources import compacted, keys
from adaptive_batching.logs.sources.refusals import sentence, unsendable
from adaptive_batching.logs.sources.source import Item, Listing, ObjectError, SourceError
from adaptive_batching.logs.sources.threads import threads

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from concurrent.futures import ThreadPoolExecutor
    from pathlib import Path

    from mypy_boto3_s3 import S3Client

    from adaptive_batching.logs.sources.compacted import Compacted
    from adaptive_batching.logs.sources.keys import Branch, Range, Window

#: Requests at a time.
CONNECTIONS = 32
#: How often a request is tried, the first time included.
ATTEMPTS = 4
_NAME = re.compile(r"[a-zA-Z0-9.\-_]{3,255}")
#: What one object's failure says about all of them.
_DENIED = {
    "AccessDenied",
    "403",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "KMS.AccessDeniedException",
}
_GONE = {"NoSuchKey", "404"}
#: Somebody stored this object before, or is about to.
_TAKEN = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}
_DELETED = 1000  # keys of a DeleteObjects request


class Bucket:
    """A Source: s3://bucket/prefix. Behind the prefix stands the layout, a template as the extension's S3_PREFIX."""

    connections = CONNECTIONS

    def __init__(self, address: str, layout: str, profile: str | None = None, region: str | None = None) -> None:
        self._bucket, self.prefix = _split(address)
        self._layout = keys.checked(layout)
        self._client = _client(profile, region)
        endpoint = self._client.meta.endpoint_url
        self.identity = f"{'' if '.amazonaws.com' in endpoint else endpoint + ' '}{self._bucket}"

    def listed(self, window: Window, functions: Sequence[str]) -> Listing:
        """List the keys that the window needs. Where the layout finds nothing to list, list all below the prefix."""
        found = Listing(by_key=True)
        with threads(CONNECTIONS) as pool:
            wanted = self._ranges(keys.Branch(self.prefix, self._layout), window, functions, pool)
            for items in pool.map(lambda one: self._pages(one, window, functions), wanted or [keys.Range(self.prefix)]):
                _add(found, items)
            found.compacted = self._compacted(window, functions, pool)  # after the others: see Source
        found.whole = not wanted or keys.Range(self.prefix) in wanted
        return found

    def _compacted(self, window: Window, functions: Sequence[str], pool: ThreadPoolExecutor) -> list[Compacted]:
        if not compacted.may_have(window, datetime.now(UTC)):
            return []
        top = keys.Branch(self.prefix + compacted.FOLDER, compacted.LAYOUT)
        wanted = self._ranges(top, window, functions, pool)
        pages = pool.map(lambda one: self._pages(one, window, functions), wanted)
        return list({packed.key: packed for items in pages for packed in items.compacted}.values())

    def _ranges(self, top: Branch, window: Window, functions: Sequence[str], pool: ThreadPoolExecutor) -> list[Range]:
        return [
            one for branch in self._branches(top, functions, pool) for one in keys.ranges(branch, window, functions)
        ]

    def _branches(self, top: Branch, functions: Sequence[str], pool: ThreadPoolExecutor) -> list[Branch]:
        """Return the parts of a layout that are listed, each by itself."""
        branches, done = [top], []
        while branches:
            open_ = [one for one in branches if keys.asked(one) is not None]
            done += [one for one in branches if keys.asked(one) is None]
            certain = {one: keys.known(one, functions) for one in open_}
            unknown = [one for one in open_ if certain[one] is None]
            folders = dict(zip(unknown, pool.map(self._folders, unknown), strict=True))
            branches = [
                grown for one in open_ for grown in certain[one] or keys.grown(one, folders.get(one, ()), functions)
            ]
        return done

    def _folders(self, branch: Branch) -> list[str]:
        pages = self._list(Prefix=keys.asked(branch) or "", Delimiter="/")
        return [one["Prefix"] for page in pages for one in page.get("CommonPrefixes", [])]

    def _pages(self, wanted: Range, window: Window, functions: Sequence[str]) -> Listing:
        found = Listing(by_key=True)
        more = {"StartAfter": wanted.after} if wanted.after else {}
        for page in self._list(Prefix=wanted.prefix, **more):
            contents = page.get("Contents", [])
            for one in contents:
                if wanted.is_over(one["Key"]):
                    return found
                found.seen += 1
                _take(found, one, window, functions)
        return found

    def _list(self, **what: str) -> Iterator[Any]:
        """Yield the pages of a listing, one request each. Raises SourceError."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - loaded with the client

        try:
            yield from self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, **what)  # type: ignore[arg-type]
        except (BotoCoreError, ClientError) as error:
            raise SourceError(sentence(error, self._bucket)) from None

    def read(self, key: str) -> tuple[bytes, dict[str, str]]:
        """Return an object's bytes and its user metadata. Raises ObjectError."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - loaded with the client
        from urllib3.exceptions import HTTPError  # noqa: PLC0415

        try:
            return self._body(key)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code in _GONE:
                raise ObjectError("it was deleted after it was listed", gone=True) from None
            raise ObjectError(sentence(error, self._bucket, key), denied=code in _DENIED) from None
        except (BotoCoreError, HTTPError) as error:
            raise ObjectError(sentence(error, self._bucket, key)) from None

    def _body(self, key: str) -> tuple[bytes, dict[str, str]]:
        """Return bytes and metadata. A body that is cut is asked for again: boto3 does that where no answer begins."""
        from botocore.exceptions import BotoCoreError  # noqa: PLC0415 - loaded with the client
        from urllib3.exceptions import HTTPError  # noqa: PLC0415

        for _ in range(ATTEMPTS - 1):
            answer = self._client.get_object(Bucket=self._bucket, Key=key)
            with contextlib.suppress(BotoCoreError, HTTPError):
                return answer["Body"].read(), answer["Metadata"]
        answer = self._client.get_object(Bucket=self._bucket, Key=key)
        return answer["Body"].read(), answer["Metadata"]

    def put(self, key: str, file: Path) -> bool:
        """Store a file unless the key is taken. Raises SourceError."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - loaded with the client

        try:
            with file.open("rb") as body:
                self._client.put_object(Bucket=self._bucket, Key=key, Body=body, IfNoneMatch="*")
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in _TAKEN:
                return False
            raise SourceError(sentence(error, self._bucket, key, "s3:PutObject")) from None
        except BotoCoreError as error:
            raise SourceError(sentence(error, self._bucket, key)) from None
        return True

    def delete(self, keys: Sequence[str]) -> dict[str, str]:
        """Delete objects, a thousand with each request. Return why some could not be deleted, by key."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - loaded with the client

        failed: dict[str, str] = {}
        for start in range(0, len(keys), _DELETED):
            wanted: Any = [{"Key": one} for one in keys[start : start + _DELETED]]
            try:
                answer = self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": wanted, "Quiet": True})
            except (BotoCoreError, ClientError) as error:
                raise SourceError(sentence(error, self._bucket, str(wanted[0]["Key"]), "s3:DeleteObject")) from None
            failed |= {one["Key"]: f"{one['Code']} {one['Message']}" for one in answer.get("Errors", [])}
        return failed


def _client(profile: str | None, region: str | None) -> S3Client:
    from boto3.session import Session  # noqa: PLC0415 - takes a while
    from botocore.config import Config  # noqa: PLC0415
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415

    config = Config(
        max_pool_connections=CONNECTIONS,
        connect_timeout=5,
        read_timeout=30,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
    )
    try:
        session = Session(profile_name=profile, region_name=region)
        made: S3Client = session.client("s3", config=config)
    except (BotoCoreError, ValueError) as error:
        raise SourceError(sentence(error, "")) from None
    if why := unsendable(session.get_credentials()):
        raise SourceError(why)
    return made


def _take(found: Listing, one: Any, window: Window, functions: Sequence[str]) -> None:  # noqa: ANN401 - boto3's
    name = keys.parsed(one["Key"])
    packed = compacted.parsed(one["Key"], one["Size"], one["ETag"].strip('"'), one["LastModified"])
    if packed:
        found.compacted += [packed] if keys.is_wanted(packed.function, functions) else []
    elif name is None:
        found.foreign += 1
    elif keys.is_wanted(name.function, functions) and found.has(name, one["LastModified"], window):
        found.items.append(Item(one["Key"], name, one["Size"], one["ETag"].strip('"'), one["LastModified"]))


def _add(found: Listing, more: Listing) -> None:
    found.items += more.items
    found.foreign += more.foreign
    found.seen += more.seen


def _split(address: str) -> tuple[str, str]:
    """Return bucket and prefix of s3://bucket/prefix. A prefix ends with a slash. Raises SourceError."""
    bucket, _, prefix = address.removeprefix("s3://").partition("/")
    if not _NAME.fullmatch(bucket):
        raise SourceError(f"{address!r} is not an address like s3://bucket/prefix: {bucket!r} is not a bucket's name")
    return bucket, prefix if not prefix or prefix.endswith("/") else f"{prefix}/"
