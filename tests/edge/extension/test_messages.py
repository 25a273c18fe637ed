"""The extension's own lines on stderr: each is one JSON object, whatever is told in it."""

import json

import pytest

from extension.messages import say


def test_numbers_texts_truths_and_members_of_members_come_back(capfd: pytest.CaptureFixture[str]) -> None:
    told: dict[str, object] = {"records": 3, "share": 0.5, "why": 'a "quote"\n\\', "sure": True, "keys": {"a/b.log": 2}}
    say("error", "something happened", told)
    text = capfd.readouterr().err
    assert text.count("\n") == 1
    line = json.loads(text)
    assert (line["level"], line["message"]) == ("error", "something happened")
    assert {name: line[name] for name in told} == told


def test_what_is_neither_is_told_as_text(capfd: pytest.CaptureFixture[str]) -> None:
    say("info", "odd", {"path": None, "lone": "\ud800"})
    line = json.loads(capfd.readouterr().err)
    assert (line["path"], line["lone"]) == ("None", "?")
