"""What the demonstration prints and reads, and the environment it clears."""

from __future__ import annotations

import gzip
import json

import pytest

from adaptive_batching.console import table
from adaptive_batching.objects import FormatError
from adaptive_batching.objects import checked as decode
from adaptive_batching.sandbox.cli.demo.report import common_folder
from adaptive_batching.sandbox.fleet.invoke_api import function_name
from adaptive_batching.sandbox.s3.embedded import clean_environment

LINE = {"time": "t", "type": "function", "record": "x\n", "requestId": None, "environment": "abc", "sequence": 0}
BODY = json.dumps(LINE).encode() + b"\n"


@pytest.mark.parametrize("body", [BODY, gzip.compress(BODY, mtime=0)])
def test_an_object_is_read_compressed_or_not(body: bytes) -> None:
    assert decode("k", body) == (BODY.decode(), (LINE,))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (BODY[:-1], "no newline"),
        (BODY + b"{\n", "line 2"),
        (b"[]\n", "without time"),
        (b'{"time":1}\n', "without type"),
    ],
)
def test_an_object_that_breaks_the_format_is_named(body: bytes, said: str) -> None:
    with pytest.raises(FormatError, match=said):
        decode("k", body)


@pytest.mark.parametrize(
    ("keys", "folder"),
    [([], ""), (["a/b/c1"], "a/b/"), (["a/b/c1", "a/b/c2"], "a/b/"), (["a/b", "a/bc/d"], "a/"), (["x", "y"], "")],
)
def test_the_common_folder_ends_with_a_slash(keys: list[str], folder: str) -> None:
    assert common_folder(keys) == folder


def test_figures_stand_to_the_right() -> None:
    assert table(["key", "bytes"], [["a", "1,234"], ["bcde", "5"]]) == ["key   bytes", "a     1,234", "bcde      5"]


def test_nothing_of_the_users_account_or_proxies_is_kept() -> None:
    user = {"PATH": "/bin", "AWS_PROFILE": "prod", "AWS_ACCESS_KEY_ID": "real", "https_proxy": "p", "HTTP_PROXY": "p"}
    assert clean_environment(user) == {
        "PATH": "/bin",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_SESSION_TOKEN": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:9",
    }


ARN = "arn:aws:lambda:us-east-1:123456789012:function:demo"


@pytest.mark.parametrize(
    ("text", "name", "qualifier"),
    [
        ("demo", "demo", ""),
        ("demo:$LATEST", "demo", "$LATEST"),
        ("function:demo", "demo", ""),
        ("123456789012:function:demo", "demo", ""),
        ("123456789012:demo:prod", "demo", "prod"),
        (ARN, "demo", ""),
        (f"{ARN}:7", "demo", "7"),
        ("function", "function", ""),
    ],
)
def test_a_function_is_known_by_name_or_arn(text: str, name: str, qualifier: str) -> None:
    assert function_name(text) == (name, qualifier)
