"""What the line s3 says, which exit code follows, and that nothing leaves the machine unless the user asks for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from adaptive_batching.sandbox.s3.embedded import clean_environment
from tests.edge.sandbox.world import EXTENSION, ROOT, function

if TYPE_CHECKING:
    from pathlib import Path

LAYER = ["--layer", "build/layer"]
PREFIX = "ADAPTIVE_BATCHING_EXTENSION_"
#: Puts one object of a form of its own into a bucket of its own, by path-style requests without a signature.
FOREIGN = EXTENSION.replace(
    'print("subscribe"',
    "import urllib.request\n"
    "def put(path, data):\n"
    "    url = os.environ['AWS_ENDPOINT_URL_S3'] + path\n"
    "    urllib.request.urlopen(urllib.request.Request(url, data, method='PUT'))\n"
    "put('/its-own', b'')\n"
    "put('/its-own/a', b'[[{}]][[{}]]')\n"
    "put('/logs/b', b'text')\n"
    'print("subscribe"',
)


def ran(*words: str) -> tuple[int, str, str]:
    command = [sys.executable, "-m", "adaptive_batching", "sandbox", "run", *words]
    environ = {**clean_environment(os.environ), "COLUMNS": "200"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False, env=environ, cwd=ROOT)
    return done.returncode, done.stdout, done.stderr


def test_a_loss_is_exit_code_1_and_the_extension_says_why() -> None:
    code, _, said = ran("functions/demo", *LAYER, "--s3", "logs", "--fault", "s3-403")
    assert code == 1
    assert "s3            0 objects, 0 of " in said
    assert "adaptive-batching-extension: " in said
    assert "AccessDenied" in said


@pytest.mark.parametrize(
    ("types", "named"),
    [
        (["platform"], "platform"),
        (["extension"], "extension"),
        (["function", "x"], "function"),
        ([], "platform and function"),
    ],
)
def test_only_what_the_extension_is_to_ship_is_judged(types: list[str], named: str) -> None:
    code, _, said = ran(
        "functions/demo", *LAYER, "--s3", "logs", "-n", "2", "--env", f"{PREFIX}LOG_TYPES={json.dumps(types)}"
    )
    assert f" {named} records, lost 0, twice 0\n" in said
    assert code == 0, said


def test_objects_in_another_format_are_not_judged_wherever_they_are(tmp_path: Path) -> None:
    one = function(tmp_path, {"foreign": FOREIGN})
    code, _, said = ran(str(one.folder), "--layer", str(one.layers[0]), "--s3", "logs", "--no-freeze")
    assert "s3            2 objects in another format, not judged\n" in said
    assert code == 0


def test_an_extension_that_stores_nothing_here_is_not_judged(tmp_path: Path) -> None:
    one = function(tmp_path)
    code, _, said = ran(str(one.folder), "--layer", str(one.layers[0]), "--s3", "logs")
    assert " records were delivered to other extensions, not judged\n" in said
    assert code == 0


ASKED = [
    (["--env", "AWS_ENDPOINT_URL_S3=http://127.0.0.1:9"], None),
    (["--env", "AWS_ACCESS_KEY_ID=mine"], None),
    ([], "http://127.0.0.1:9"),
]


@pytest.mark.parametrize(("words", "endpoint"), ASKED)
def test_without_s3_no_sdk_reaches_aws_unless_the_user_wants_it(
    tmp_path: Path, words: list[str], endpoint: str | None
) -> None:
    one = function(tmp_path, {})
    code, out, said = ran(str(one.folder), "--env", f"{PREFIX}S3_BUCKET=mine", *words)
    assert code == 0
    assert json.loads(out)["environ"].get("AWS_ENDPOINT_URL") == endpoint
    warned = (
        "the function ships to s3://mine, and AWS is never called from here, so its logs are lost; --s3 mine starts"
    )
    assert (warned in said) == (endpoint is not None)


def test_what_filters_leave_is_not_judged_and_records_of_the_platform_are() -> None:
    words = ["--env", f"{PREFIX}EXCLUDE=^line 1", "--env", f"{PREFIX}REDACT_PATTERN=request"]
    code, _, said = ran("functions/demo", *LAYER, "--s3", "logs", "-n", "2", *words)
    assert " platform records, lost 0, twice 0; 8 records that filters have left, not judged\n" in said
    assert code == 0, said
