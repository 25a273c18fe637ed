"""`policy` on the command line: whatever is named has its statement, or a sentence says why not."""

from __future__ import annotations

import json
from itertools import product

import pytest

from adaptive_batching.cli import main
from tests.unit.operate.test_policies import KEY

ID = KEY.rpartition("/")[2]
OTHER = KEY.replace(ID[:4], "ffff")
SETTINGS = [None, KEY, ID, OTHER, "alias/logs", KEY.replace(f"key/{ID}", "alias/logs")]
KEYS = [None, KEY, ID, "alias/logs", KEY.replace(f"key/{ID}", "alias/logs"), "x"]


def ran(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, list[str]]:
    code = main(["policy", "my-logs", *words])
    read = capsys.readouterr()
    return code, read.out, read.err.splitlines()


@pytest.mark.parametrize(("setting", "kms"), list(product(SETTINGS, KEYS)))
def test_a_key_that_is_named_has_a_statement_or_a_sentence(
    capsys: pytest.CaptureFixture[str], setting: str | None, kms: str | None
) -> None:
    words = ["--set", f"KMS_KEY_ID={setting}"] if setting else []
    code, out, err = ran(capsys, *words, *(["--kms", kms] if kms else []))
    wanted = kms or setting
    if wanted in (KEY, OTHER) and not (kms and setting == OTHER):
        assert (code, err) == (0, [])
        assert [one.get("Resource") for one in json.loads(out)["role"]["Statement"]][1:] == [wanted]
    elif wanted is None:
        assert (code, err, "kms" in out) == (0, [], False)
    else:
        assert (code, out, len(err)) == (2, "", 1)
        assert ("name two keys" if setting == OTHER and kms == KEY else "is not the ARN of a key") in err[0]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--set", "MODE=adaptive", "--set", "MODE=thresholds"), "--set 'MODE' is given twice; give it once"),
        (
            ("--set", "MODE=adaptive", "--set", "ADAPTIVE_BATCHING_EXTENSION_MODE=thresholds"),
            "and another --set give ADAPTIVE_BATCHING_EXTENSION_MODE: leave one of them out",
        ),
        (("--set", "S3_BUCKET=others"), "and BUCKET give ADAPTIVE_BATCHING_EXTENSION_S3_BUCKET: leave one of them out"),
        (("--set", "mode=adaptive"), "'mode' is not a setting of the extension; did you mean MODE?"),
        (("--set", "Log-Types=x"), "'Log-Types' is not a setting of the extension; did you mean LOG_TYPES?"),
        (("--set", "S3_REGION=us-east-1", "--kms", KEY), "a bucket in us-east-1 takes keys of its own region"),
    ],
)
def test_what_cannot_be_is_one_sentence(capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str) -> None:
    code, out, err = ran(capsys, *words)
    assert (code, out, len(err)) == (2, "", 1)
    assert said in err[0]


def test_a_setting_that_does_nothing_beside_the_others_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, (line,) = ran(capsys, "--set", "MAX_DELAY_MILLISECONDS=1000")
    assert (code, json.loads(out)["role"]["Statement"][0]["Sid"]) == (0, "ShipLogs")
    assert line.endswith("it is for ADAPTIVE_BATCHING_EXTENSION_MODE=adaptive; it does nothing")
