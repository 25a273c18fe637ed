"""SSE, KMS_KEY_ID and TAGS through both stores: what S3 keeps of them, what is signed, and what a denial says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import pytest

from extension.errors import StoreError
from extension.settings import PREFIX, from_environ
from extension.stores import PutRequest
from extension.stores.remedies import Place, explained
from tests.edge.extension.stores.conftest import MakeStore, an_object
from tests.edge.extension.stores.waiting import failure
from tests.fakes.s3 import BUCKET, REGION, Moto, moto
from tests.fakes.s3_faults import Refuse
from tests.fakes.s3_scripted import ScriptedS3

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "1234abcd-12ab-34cd-56ef-1234567890ab"
ALIAS = f"arn:aws:kms:{REGION}:111122223333:alias/logs"
TAGS = "team=payments & stage=prod & owner=équipe 日本+1:2/3@4._-=5 & empty="
KEPT = {"team": "payments", "stage": "prod", "owner": "équipe 日本+1:2/3@4._-=5", "empty": ""}
HEADERS = ("x-amz-server-side-encryption", "x-amz-server-side-encryption-aws-kms-key-id", "x-amz-tagging")


@pytest.fixture(scope="module")
def s3() -> Iterator[Moto]:
    with moto() as server:
        yield server


def request(key: str, **values: str) -> PutRequest:
    """An object as these settings want it; it may be there already."""
    told = from_environ(
        {PREFIX + "S3_BUCKET": BUCKET, "AWS_REGION": REGION} | {PREFIX + n: v for n, v in values.items()}
    )
    assert told.problems == ()
    return PutRequest(
        key,
        b'{"a":1}\n',
        "application/x-ndjson",
        "",
        {"records": "1"},
        sse=told.sse,
        kms_key=told.kms_key,
        tags=told.tags,
    )


def tags(s3: Moto, key: str) -> dict[str, str]:
    with s3.everybody() as client:
        return {tag["Key"]: tag["Value"] for tag in client.get_object_tagging(Bucket=BUCKET, Key=key)["TagSet"]}


def encryption(about: dict[str, Any]) -> tuple[str | None, str | None]:
    return about.get("ServerSideEncryption"), about.get("SSEKMSKeyId")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"SSE": "AES256"}, ("AES256", None)),
        ({"SSE": "aws:kms"}, ("aws:kms", None)),
        ({"KMS_KEY_ID": KEY}, ("aws:kms", KEY)),
        ({"SSE": "aws:kms", "KMS_KEY_ID": ALIAS}, ("aws:kms", ALIAS)),
    ],
)
def test_an_object_is_encrypted_as_the_settings_say(
    s3: Moto, make_store: MakeStore, kind: str, values: dict[str, str], expected: tuple[str, str | None]
) -> None:
    key = f"{kind}/{'-'.join(values)}-{values.get('SSE', '')}.log"
    make_store(s3.environ()).put(request(key, **values))
    kept, key_id = encryption(s3.get(key)[1])
    assert kept == expected[0]
    assert expected[1] is None or key_id == expected[1]  # moto names a key of its own where none was named


def test_an_object_has_the_tags_of_the_setting(s3: Moto, make_store: MakeStore, kind: str) -> None:
    make_store(s3.environ()).put(request(f"{kind}/tagged.log", TAGS=TAGS))
    assert tags(s3, f"{kind}/tagged.log") == KEPT


def test_tags_and_encryption_do_not_keep_a_conditional_put_from_being_one(
    s3: Moto, make_store: MakeStore, kind: str
) -> None:
    store, key = make_store(s3.environ()), f"{kind}/conditional.log"
    values = {"TAGS": "a=b", "KMS_KEY_ID": KEY}
    first, second = request(key, **values), request(key, **values)
    first.only_if_absent = second.only_if_absent = True
    store.put(first)
    error = failure(store, second)
    assert (error.kind, error.status) == (StoreError.EXISTS, 412)
    assert tags(s3, key) == {"a": "b"}
    assert encryption(s3.get(key)[1]) == ("aws:kms", KEY)


def test_all_three_are_signed_and_with_all_of_it_off_none_is_sent(make_store: MakeStore) -> None:
    with ScriptedS3() as server:
        store = make_store(server.environ())
        store.put(request("1.log", KMS_KEY_ID=KEY, TAGS=TAGS))
        store.put(request("2.log"))
        store.put(an_object("3.log"))
        with_all, *without = server.requests
    signed = with_all.headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    assert [name for name in HEADERS if name not in signed] == []
    assert with_all.headers[HEADERS[0]] == "aws:kms"
    assert with_all.headers[HEADERS[1]] == KEY
    assert dict(parse_qsl(with_all.headers[HEADERS[2]], keep_blank_values=True)) == KEPT
    assert [name for one in without for name in HEADERS if name in one.headers] == []


@pytest.mark.parametrize(
    ("refusal", "told"),
    [
        (
            Refuse(403, "AccessDenied", message="not authorized to perform: s3:PutObjectTagging"),
            f"role needs s3:PutObjectTagging on arn:aws:s3:::{BUCKET}/*",
        ),
        (Refuse(403, "AccessDenied"), "s3:PutObject and s3:PutObjectTagging"),
        (Refuse(400, "KMS.NotFoundException"), f"kms:GenerateDataKey on the key '{KEY}'"),
        (Refuse(400, "KMS.DisabledException"), "the key must be enabled"),
        (Refuse(400, "InvalidTag"), "ADAPTIVE_BATCHING_EXTENSION_TAGS"),
    ],
    ids=lambda value: getattr(value, "code", None),
)
def test_a_denial_says_which_permission_or_setting_it_is_about(
    make_store: MakeStore, refusal: Refuse, told: str
) -> None:
    with ScriptedS3([refusal]) as server:
        error = failure(make_store(server.environ()), request("1.log", KMS_KEY_ID=KEY, TAGS="a=b"))
    assert error.kind == StoreError.CONFIGURATION
    place = Place(BUCKET, region=REGION, sse="aws:kms", kms_key=KEY, tags="a=b")
    assert told in explained(error, place)
