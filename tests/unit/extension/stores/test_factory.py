"""Which store is made, and what is said of it."""

from __future__ import annotations

import pytest

from extension.stores.factory import RELATIVE, create, why_boto3
from extension.stores.light import LightStore
from extension.stores.sdk import SdkStore

KEYS = {"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "S"}
CONTAINER = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:9001/credentials"}

NO_KEYS = {**CONTAINER, "AWS_ACCESS_KEY_ID": ""}


@pytest.mark.parametrize(
    "environ",
    [
        KEYS,
        CONTAINER,
        {**KEYS, "AWS_ENDPOINT_URL": "https://minio:9000", "HTTPS_PROXY": "http://p", "AWS_CA_BUNDLE": "/x.pem"},
        {**KEYS, "AWS_USE_FIPS_ENDPOINT": "false"},
    ],
)
def test_auto_is_light_and_silent(environ: dict[str, str]) -> None:
    said: list[str] = []
    assert isinstance(create("auto", "logs", "eu-west-1", environ, said.append), LightStore)
    assert said == []


@pytest.mark.parametrize(
    ("bucket", "region", "more", "word"),
    [
        ("logs", "eu-west-1", {"AWS_PROFILE": "prod"}, "AWS_PROFILE"),
        ("logs", "eu-west-1", {"AWS_CONFIG_FILE": "/var/task/config"}, "AWS_CONFIG_FILE"),
        ("logs", "eu-west-1", {"AWS_USE_FIPS_ENDPOINT": "true"}, "AWS_USE_FIPS_ENDPOINT"),
        ("logs", "eu-west-1", {"AWS_USE_DUALSTACK_ENDPOINT": "True"}, "AWS_USE_DUALSTACK_ENDPOINT"),
        ("arn:aws:s3:eu-west-1:1:accesspoint/a", "eu-west-1", {}, "ARN"),
        ("logs--euw1-az1--x-s3", "eu-west-1", {}, "directory bucket"),
        ("logs--op-s3", "eu-west-1", {}, "Outposts"),
        ("logs", "us-iso-east-1", {}, "us-iso-east-1"),
        ("logs", "us-isob-east-1", {}, "us-isob-east-1"),
        ("logs", "eusc-de-east-1", {}, "eusc-de-east-1"),
        ("logs", "eu-west-1", {"AWS_SECRET_ACCESS_KEY": ""}, "neither keys"),
        ("logs", "aws-global", {}, "aws-global"),
        ("logs", "fips-us-east-1", {}, "fips-us-east-1"),
        ("logs", "us-gov-west-1-fips", {}, "us-gov-west-1-fips"),
        ("logs", "eu-west-1", {"AWS_ENDPOINT_URL": "https://s3-accelerate.amazonaws.com"}, "accelerates"),
        (
            "logs",
            "eu-west-1",
            {**CONTAINER, "AWS_ACCESS_KEY_ID": "", "AWS_WEB_IDENTITY_TOKEN_FILE": "/t"},
            "WEB_IDENTITY",
        ),
        ("logs", "eu-west-1", {**CONTAINER, "AWS_ACCESS_KEY_ID": "", RELATIVE: "/v2"}, RELATIVE),
        ("logs", "eu-west-1", {"HTTPS_PROXY": "https://p"}, "HTTPS_PROXY"),
        (
            "logs",
            "eu-west-1",
            {"AWS_ACCESS_KEY_ID": "", "AWS_CONTAINER_CREDENTIALS_FULL_URI": "https://localhost/c"},
            "container endpoint",
        ),
    ],
)
def test_auto_takes_boto3_where_a_setting_needs_it_and_says_which(
    bucket: str, region: str, more: dict[str, str], word: str
) -> None:
    said: list[str] = []
    assert isinstance(create("auto", bucket, region, {**KEYS, **more}, said.append), SdkStore)
    assert len(said) == 1
    assert word in said[0]
    assert "boto3" in said[0]


@pytest.mark.parametrize(("choice", "expected"), [("light", LightStore), ("boto3", SdkStore)])
def test_a_choice_is_taken_without_a_word(choice: str, expected: type) -> None:
    said: list[str] = []
    assert isinstance(create(choice, "logs", "eu-west-1", {"AWS_PROFILE": "x"}, said.append), expected)
    assert said == []


def test_the_region_of_the_function_is_taken_where_none_is_set() -> None:
    assert why_boto3("logs", "", KEYS) == ""
    said: list[str] = []
    create("auto", "logs", "", {**KEYS, "AWS_REGION": "us-iso-east-1"}, said.append)
    assert "us-iso-east-1" in said[0]
