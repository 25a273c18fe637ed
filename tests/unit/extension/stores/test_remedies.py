"""What is wrong is said as what it is, with what to do about it."""

from __future__ import annotations

import pytest

from extension.errors import StoreError
from extension.stores.answers import refusal
from extension.stores.remedies import Place, constant, explained

PLACE = Place("logs", "function=f/date=", "eu-west-1")
RESOURCE = "s3:PutObject on arn:aws:s3:::logs/function=f/date=*"
SETTING = "ADAPTIVE_BATCHING_EXTENSION_"
KMS = (
    "User: arn:aws:sts::1:assumed-role/r/f is not authorized to perform: kms:GenerateDataKey on resource: arn:aws:kms:k"
)
EXPLICIT = "User is not authorized to perform: s3:PutObject with an explicit deny in a resource-based policy"


@pytest.mark.parametrize(
    ("status", "code", "words", "told"),
    [
        (404, "NoSuchBucket", "", ["There is no bucket 'logs'", f"{SETTING}S3_BUCKET"]),
        (403, "AccessDenied", "Access Denied", [RESOURCE, "role", "header for encryption"]),
        (403, "", "", [RESOURCE]),
        (403, "AllAccessDisabled", "", [RESOURCE]),
        (403, "AccessDenied", EXPLICIT, [RESOURCE, "A policy denies", "default encryption"]),
        (403, "AccessDenied", KMS, ["kms:GenerateDataKey", "'logs'"]),
        (400, "KMS.DisabledException", "", ["kms:GenerateDataKey", "enabled"]),
        (301, "PermanentRedirect", "", ["'logs' is not in region 'eu-west-1'", f"{SETTING}S3_REGION"]),
        (400, "AuthorizationHeaderMalformed", "", ["not in region", f"{SETTING}S3_REGION"]),
        (400, "ExpiredToken", "", ["have expired"]),
        (403, "InvalidAccessKeyId", "", ["does not accept these keys"]),
        (403, "SignatureDoesNotMatch", "", ["does not accept these keys"]),
        (403, "RequestTimeTooSkewed", "", ["clocks", "15 minutes"]),
        (400, "InvalidBucketName", "", [f"{SETTING}S3_BUCKET"]),
        (400, "KeyTooLongError", "", [f"{SETTING}S3_PREFIX"]),
    ],
)
def test_a_refusal_is_said_with_its_remedy(status: int, code: str, words: str, told: list[str]) -> None:
    said = explained(refusal(status, code, words, ""), PLACE)
    for part in (*told, words, code, str(status)):
        assert part in said
    assert "reached" not in said


def test_the_region_that_s3_named_is_the_remedy_and_is_said_once() -> None:
    said = explained(refusal(301, "PermanentRedirect", "", "us-west-2"), PLACE)
    assert "region us-west-2" in said
    assert said.count("S3_REGION") == 1


@pytest.mark.parametrize(
    ("place", "resource"),
    [
        (Place("logs", "", "cn-north-1"), "arn:aws-cn:s3:::logs/*"),
        (Place("logs", "a/", "us-gov-west-1"), "arn:aws-us-gov:s3:::logs/a/*"),
        (Place("arn:aws:s3:eu-west-1:1:accesspoint/ap", "a/"), "arn:aws:s3:eu-west-1:1:accesspoint/ap/object/a/*"),
    ],
)
def test_the_resource_is_written_as_a_policy_has_it(place: Place, resource: str) -> None:
    assert f"on {resource}," in explained(refusal(403, "AccessDenied", "", ""), place)


def test_where_an_owner_is_demanded_a_denial_names_it() -> None:
    said = explained(refusal(403, "AccessDenied", "", ""), Place("logs", owner="123456789012"))
    assert f"account 123456789012 must own the bucket ({SETTING}S3_BUCKET_OWNER)" in said


def test_what_is_not_known_is_left_as_the_store_said_it() -> None:
    error = refusal(400, "Unheard", "of.", "")
    assert explained(error, PLACE) == str(error)


@pytest.mark.parametrize(
    ("prefix", "begin"),
    [
        ("", ""),
        ("logs/", "logs/"),
        ("function={function}/date={date}/", "function=f/date="),
        ("{hour}/{function}", ""),
        ("{region}/{function}/{version}/", "eu-west-1/f/"),
        ("{account}/{function}/", ""),
    ],
)
def test_what_every_key_begins_with(prefix: str, begin: str) -> None:
    assert constant(prefix, {"function": "f", "region": "eu-west-1"}) == begin


def test_a_missing_answer_is_not_explained_away() -> None:
    error = StoreError(StoreError.TRANSPORT, 0, "TimeoutError", "timed out")
    assert explained(error, PLACE) == str(error)


ENCRYPTED = Place("logs", "function=f/date=", "eu-west-1", sse="aws:kms", kms_key="alias/ours", tags="a=b")


@pytest.mark.parametrize(
    ("status", "code", "words", "told"),
    [
        (403, "AccessDenied", KMS, ["kms:GenerateDataKey on the key 'alias/ours'", f"{SETTING}KMS_KEY_ID"]),
        (400, "KMS.NotFoundException", "Invalid arn us-east-1", ["'alias/ours'", "in the bucket's region", "enabled"]),
        (
            403,
            "AccessDenied",
            "User is not authorized to perform: s3:PutObjectTagging because no identity-based policy allows it",
            ["role needs s3:PutObjectTagging on arn:aws:s3:::logs/function=f/date=*", f"{SETTING}TAGS"],
        ),
        (403, "AccessDenied", "", ["s3:PutObject and s3:PutObjectTagging", "kms:GenerateDataKey on alias/ours"]),
        (403, "AccessDenied", EXPLICIT, ["(aws:kms is sent)", f"{SETTING}SSE or KMS_KEY_ID"]),
        (400, "InvalidTag", "", [f"{SETTING}TAGS"]),
        (501, "NotImplemented", "Header 'x-amz-tagging' with value 'a=b' not implemented", ["x-amz-tagging"]),
        (501, "NotImplemented", "", [f"unset {SETTING}TAGS, SSE and KMS_KEY_ID"]),
    ],
)
def test_a_refusal_of_what_a_setting_asks_for_names_the_setting(
    status: int, code: str, words: str, told: list[str]
) -> None:
    said = explained(refusal(status, code, words, ""), ENCRYPTED)
    for part in (*told, words):
        assert part in said


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("A header you provided implies functionality that is not implemented", StoreError.UNCONDITIONAL),
        ("Header 'x-amz-tagging' with value 'a=b' not implemented", StoreError.CONFIGURATION),
        ("Server side encryption specified but KMS is not configured", StoreError.CONFIGURATION),
    ],
)
def test_what_a_store_does_not_know_is_conditional_writes_unless_it_names_something_else(words: str, kind: str) -> None:
    assert refusal(501, "NotImplemented", words, "").kind == kind
