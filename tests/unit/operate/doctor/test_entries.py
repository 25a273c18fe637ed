"""Every message that the extension can write has its entry, by which doctor explains a line of the log."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from adaptive_batching.operate.doctor import entries
from adaptive_batching.operate.doctor.checks import heard
from adaptive_batching.operate.doctor.finding import ERROR, OK, WARNING
from tests.unit.operate.doctor.healthy import HEALTHY
from tools.messages import Message, messages

if TYPE_CHECKING:
    from adaptive_batching.operate.doctor.facts import Facts

MESSAGES = sorted(set(messages()))
CREATED = "EXTENSION\tName: adaptive-batching-extension\tState: LaunchError\tEvents: []\tError Type: PermissionDenied"
#: What Lambda writes or answers -> a word of the meaning.
OF_LAMBDA = {
    CREATED: "executed",
    "fork/exec /opt/extensions/adaptive-batching-extension: exec format error": "architecture",
    'RequestId: 1 Error: exit status Extension.LaunchError {"x"}': "could not be started",
    "User: arn:aws:sts::1:assumed-role/r/x is not authorized to perform: lambda:GetLayerVersion on resource: "
    "arn:aws:lambda:x:2:layer:l:1 because no resource-based policy allows the lambda:GetLayerVersion action": "shared",
}


@pytest.mark.parametrize("one", MESSAGES, ids=lambda one: one.text[:50])
def test_every_message_of_the_extension_has_its_own_entry(one: Message) -> None:
    for instead in ("x", "'a; b: c'"):
        found = entries.find(one.text.replace(entries.ANYTHING, instead))
        assert found is not None
        assert (found.message, found.level) == (one.text, one.level)
        assert found.meaning
        assert found.lost
        assert found.mend


@pytest.mark.parametrize("one", [one for one in MESSAGES if "error" in one.level], ids=lambda one: one.text[:50])
def test_a_line_of_the_log_is_explained_by_its_entry(one: Message) -> None:
    text = one.text.replace(entries.ANYTHING, "x")
    line = json.dumps({"extension": "adaptive-batching-extension", "level": "error", "message": text, "why": "because"})
    (found,) = heard.judge(_with(line))
    entry = entries.find(text)
    assert entry is not None
    assert found.status == ERROR
    assert f"1 line: {text} (because)"[:240] in found.read
    assert entry.meaning in found.read
    assert found.mend == entry.mend


@pytest.mark.parametrize("line", OF_LAMBDA)
@pytest.mark.parametrize(
    "before",
    ["[ERROR]\t2026-11-25T09:00:00.000Z\t1\t", "2026-11-25T09:00:00.000Z\t1\tERROR\t", "seen: ", '{"a": "', "+ "],
)
def test_a_line_of_the_function_that_quotes_lambda_says_nothing_wrong(before: str, line: str) -> None:
    assert [one.status for one in heard.judge(_with(before + line))] == [OK]


@pytest.mark.parametrize("line", OF_LAMBDA)
def test_what_lambda_writes_is_explained_too(line: str) -> None:
    (found,) = heard.judge(_with(line))
    assert found.status == ERROR
    assert OF_LAMBDA[line] in found.read


def test_the_same_line_is_one_finding_and_a_ready_extension_none() -> None:
    line = json.dumps({"extension": "adaptive-batching-extension", "level": "warning", "message": "listener failed: x"})
    (found,) = heard.judge(_with(line, line, CREATED.replace("LaunchError", "Ready").replace("PermissionDenied", "")))
    assert (found.status, found.read.startswith("2 lines: ")) == (WARNING, True)
    assert found.mend == "report it, with the line"  # of another version


def test_a_sentence_about_a_setting_is_known_as_one() -> None:
    text = "ADAPTIVE_BATCHING_EXTENSION_PORT is 'x': that is not a whole number; 1234 is used"
    line = json.dumps({"extension": "adaptive-batching-extension", "level": "warning", "message": text})
    (found,) = heard.judge(_with(line))
    assert found.mend.startswith("correct the variable")


def _with(*lines: str) -> Facts:
    return replace(HEALTHY, lines=tuple(one for one in lines))
