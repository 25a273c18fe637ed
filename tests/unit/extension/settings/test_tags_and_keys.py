"""TAGS and KMS_KEY_ID: what S3 and KMS take."""

import re
from urllib.parse import parse_qsl, quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extension.settings import PREFIX, from_environ
from tests.unit.extension.settings.telling import ID, NO_KEY, WELL, only_problem, read


@pytest.mark.parametrize("value", ["k" * 129 + "=v", "k=" + "v" * 257])
def test_a_key_or_value_of_a_tag_that_is_too_long_is_said(value: str) -> None:
    assert "a key has 128 characters at most, a value 256; objects get no tags" in only_problem(TAGS=value)


def test_tags_that_no_header_has_room_for_are_said() -> None:
    fits = "&".join(f"{n}=" + "é" * 60 for n in range(10))
    assert read(TAGS=fits).problems == ()
    assert only_problem(TAGS=fits + "é" * 150).endswith(
        "as a header they have 4529 bytes, and there is room for 4096; objects get no tags"
    )


@given(
    st.dictionaries(
        st.text(st.sampled_from("aZ0 é日+-=._:/@"), min_size=1, max_size=20).map(str.strip).filter(bool),
        st.text(st.sampled_from("aZ0 é日+-=._:/@"), max_size=20).map(str.strip),
        max_size=10,
    )
)
def test_a_query_of_the_standard_librarys_is_read_and_what_is_sent_is_read_by_it(tags: dict[str, str]) -> None:
    """S3 takes x-amz-tagging apart as a query, with `+` as a blank."""
    given_as = urlencode(tags, quote_via=quote, safe="")
    told = read(TAGS=given_as)
    assert told.problems == ()
    assert dict(parse_qsl(told.tags, keep_blank_values=True, strict_parsing=bool(tags))) == tags


@given(st.text())
def test_whatever_is_given_as_tags_s3_takes_what_is_sent(text: str) -> None:
    sent = dict(parse_qsl(read(TAGS=text).tags, keep_blank_values=True))
    assert len(sent) <= 10
    for key, value in sent.items():
        assert 0 < len(key) <= 128
        assert len(value) <= 256
        assert re.fullmatch(r"[\w .:/=+\-@]*", key + value)


@pytest.mark.parametrize(
    ("values", "used", "said"),
    [
        ({}, ("", ""), []),
        ({"SSE": "AES256"}, ("AES256", ""), []),
        ({"SSE": "aws:kms"}, ("aws:kms", ""), []),
        ({"KMS_KEY_ID": ID}, ("aws:kms", ID), []),
        ({"SSE": "aws:kms", "KMS_KEY_ID": ID}, ("aws:kms", ID), []),
        ({"SSE": "AES256", "KMS_KEY_ID": ID}, ("aws:kms", ID), ["aws:kms with this key is used"]),
        ({"SSE": "true", "KMS_KEY_ID": ID}, ("aws:kms", ID), ["it counts as not set"]),
        ({"KMS_KEY_ID": "mine"}, ("", ""), ["the bucket's default encryption is used"]),
        ({"SSE": "aws:kms", "KMS_KEY_ID": "mine"}, ("", ""), ["the bucket's default encryption is used"]),
    ],
)
def test_a_key_implies_aws_kms_and_one_that_is_none_leaves_all_to_the_bucket(
    values: dict[str, str], used: tuple[str, str], said: list[str]
) -> None:
    told = read(**values)
    assert (told.sse, told.kms_key) == used
    assert [end for problem, end in zip(told.problems, said, strict=True) if not problem.endswith(end)] == []


def test_the_region_of_a_key_is_that_of_the_bucket_if_s3_region_names_it() -> None:
    key = "arn:aws:kms:us-east-1:111122223333:alias/logs"
    assert read(KMS_KEY_ID=key, S3_REGION="us-east-1").problems == ()
    assert len(read(KMS_KEY_ID=key).problems) == 1
    own = key.replace("us-east-1", "eu-west-1")
    assert [problem.partition(" ")[0] for problem in read(KMS_KEY_ID=own, S3_REGION="eu west").problems] == [
        PREFIX + "S3_REGION"
    ]
    point = "arn:aws:s3:us-east-1:111122223333:accesspoint/logs"
    assert read(KMS_KEY_ID=key, S3_BUCKET=point).problems == ()


@pytest.mark.parametrize(("key", "said"), [("my-minio-key", 0), ("two words", 1), ("é", 1), ("x" * 257, 1)])
def test_another_store_has_its_own_names_of_keys(key: str, said: int) -> None:
    told = from_environ({**WELL, PREFIX + "KMS_KEY_ID": key, "AWS_ENDPOINT_URL_S3": "http://minio:9000"})
    assert (len(told.problems), told.kms_key) == (said, "" if said else key)


def test_an_alias_of_more_than_256_characters_is_none() -> None:
    assert f"{NO_KEY}; the bucket's default encryption is used" in only_problem(KMS_KEY_ID="alias/" + "a" * 251)
