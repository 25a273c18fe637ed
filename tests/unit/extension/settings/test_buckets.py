"""S3_BUCKET: S3's names of buckets, ARNs, access points, and other stores' names."""

import pytest

from extension.settings import PREFIX, from_environ
from tests.unit.extension.settings.telling import WELL, only_problem, read


@pytest.mark.parametrize("bucket", [None, "", "  "])
def test_without_a_bucket_the_extension_says_that_nothing_is_shipped(bucket: str | None) -> None:
    environ = {} if bucket is None else {PREFIX + "S3_BUCKET": bucket}
    settings = from_environ(environ)
    assert settings.bucket == ""
    assert settings.problems == (
        (
            "ADAPTIVE_BATCHING_EXTENSION_S3_BUCKET is not set: nothing is shipped; "
            "set it to the name of a bucket that exists"
        ),
    )


NO_NAMES = [
    *("s3://logs", "a", "ab", "logs/prefix", "bücket", "a b c", "a" * 64, "Logs", "my_logs", "-logs", "logs-"),
    *(".logs", "logs.", "lo..gs", "192.168.5.4", "logs٣", "arn:aws:s3:::logs/prefix", "arn:aws:s3:::Logs"),
    *("arn:aws:s3:::", "arn:aws:sns:::logs", "arn:aws:s3:eu-west-1::logs", "arn:s3:::logs", "arn:aws:s3::1:logs"),
]


@pytest.mark.parametrize("bucket", NO_NAMES)
def test_what_is_not_the_name_of_a_bucket_is_said_and_not_used(bucket: str) -> None:
    settings = read(S3_BUCKET=bucket)
    assert settings.bucket == ""
    assert settings.problems == (
        (
            f"ADAPTIVE_BATCHING_EXTENSION_S3_BUCKET is {bucket!r}: that is not the name of a bucket "
            "(3 to 63 lower-case letters, digits, dots and hyphens; a letter or digit at both ends); "
            "nothing is shipped until this is fixed"
        ),
    )


@pytest.mark.parametrize(
    "where",
    [
        *({PREFIX + "S3_REGION": region} for region in ("us-east-1", " us-east-1 ")),
        *({"AWS_REGION": "us-east-1"}, {"AWS_REGION": "", "AWS_DEFAULT_REGION": "us-east-1"}),
        *({name: "http://minio:9000"} for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")),
    ],
)
@pytest.mark.parametrize("bucket", ["my.old_Bucket-1", "a" * 255, "Logs-", "192.168.5.4"])
def test_where_the_oldest_buckets_are_and_at_other_stores_names_may_be_as_they_were(
    where: dict[str, str], bucket: str
) -> None:
    settings = from_environ(WELL | where | {PREFIX + "S3_BUCKET": bucket})
    assert (settings.bucket, settings.problems) == (bucket, ())


def test_there_the_name_of_a_bucket_has_255_characters_at_most() -> None:
    assert "that is not the name of a bucket" in only_problem(S3_BUCKET="a" * 256, S3_REGION="us-east-1")


@pytest.mark.parametrize("arn", ["arn:aws:s3:::logs", "arn:aws-cn:s3:::logs", "arn:aws-us-gov:s3:::logs"])
def test_of_the_arn_of_a_bucket_the_name_is_used_and_that_is_said(arn: str) -> None:
    settings = read(S3_BUCKET=arn)
    assert settings.bucket == "logs"
    assert settings.problems == (
        f"{PREFIX}S3_BUCKET is {arn!r}: that is the ARN of a bucket, whose name is asked for; logs is used",
    )


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:s3:eu-west-1:111122223333:accesspoint/logs",
        "arn:aws:s3::111122223333:accesspoint/mfzwi23gnjvgw.mrap",
        "arn:aws:s3-outposts:eu-west-1:111122223333:outpost/op-01/accesspoint/logs",
        "arn:aws:s3-outposts:eu-west-1:111122223333:outpost:op-01:accesspoint:logs",
    ],
)
def test_an_access_point_is_a_bucket_too(arn: str) -> None:
    assert (read(S3_BUCKET=arn).bucket, read(S3_BUCKET=arn).problems) == (arn, ())


@pytest.mark.parametrize("name", ["123", "1.2.3", "1.2.3.4.5", "aa.bb.cc.dd", "1.2.3.a", "1234567890"])
def test_a_bucket_s_name_may_look_like_a_number_but_not_like_an_address(name: str) -> None:
    assert (read(S3_BUCKET=name).bucket, read(S3_BUCKET=name).problems) == (name, ())
    assert read(S3_BUCKET="1.2.3.4").bucket == ""
