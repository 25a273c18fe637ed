"""The scripted S3 says no as S3 does: what it accepts, it checked."""

from __future__ import annotations

import pytest

from extension.errors import StoreError
from tests.edge.extension.stores.conftest import MakeStore, an_object
from tests.fakes.s3_scripted import ScriptedS3


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "SignatureDoesNotMatch"),
        ({"AWS_ACCESS_KEY_ID": "AKIAWRONG"}, "SignatureDoesNotMatch"),
        ({"AWS_SESSION_TOKEN": "unexpected"}, "InvalidToken"),
    ],
)
def test_a_wrong_key_or_token(make_store: MakeStore, wrong: dict[str, str], code: str) -> None:
    with ScriptedS3() as s3:
        with pytest.raises(StoreError) as caught:
            make_store({**s3.environ(), **wrong}).put(an_object())
        assert caught.value.code == code
        assert s3.objects == {}


def test_a_signature_for_another_region(make_store: MakeStore) -> None:
    with ScriptedS3(region="ap-south-1") as s3:
        with pytest.raises(StoreError) as caught:
            make_store(s3.environ(), region="eu-west-1").put(an_object())
        assert caught.value.code == "SignatureDoesNotMatch"


def test_another_host_than_the_bucket_s(make_store: MakeStore) -> None:
    with ScriptedS3(host="logs.s3.eu-west-1.amazonaws.com") as s3:
        with pytest.raises(StoreError) as caught:
            make_store(s3.environ()).put(an_object())
        assert caught.value.code == "NoSuchBucket"
