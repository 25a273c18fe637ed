"""What is shown of an extension's output without --logs: levels of every common logger."""

from __future__ import annotations

import pytest

from adaptive_batching.sandbox.cli.overheard import SHOWN, Overheard, serious, shortened

SERIOUS = [
    '{"extension":"x","level":"warning","message":"m"}\n',
    '{"level":"ERROR","msg":"m"}',
    '{"severity":"CRITICAL"}',
    '{"lvl":"fatal"}',
    "WARNING:root:m\n",
    "[ERROR] 2026-11-21T00:00:00Z m",
    "2026-11-21 09:15:02,150 - mylogger - WARN - m",
    "2026-11-21T00:00:00Z\tERROR\tm",
    'time="2026-11-21T00:00:00Z" level=error msg="m"',
    "Traceback (most recent call last):\n",
    "panic: runtime error",
    "error: no such file",
]
FINE = ["hello\n", "", "{", '{"level":"info","message":"an error was mended"}', '{"record":"ERROR"}', "INFO m",
        "the word error in a sentence", "no warnings", "TERRORS", "[1]", "INVOKE {}"]  # fmt: skip


@pytest.mark.parametrize("text", SERIOUS)
def test_warnings_and_errors_are_shown(text: str) -> None:
    assert serious(text)


@pytest.mark.parametrize("text", FINE)
def test_nothing_else_is_shown(text: str) -> None:
    assert not serious(text)


def test_a_message_is_shown_first() -> None:
    text = '{"extension":"x","level":"warning","message":"upload failed","why":"503"}\n'
    assert shortened(text) == 'upload failed {"why": "503"}'
    assert shortened("ERROR m\n") == "ERROR m"


def test_not_more_are_shown_than_a_person_reads_and_the_rest_is_counted() -> None:
    said: list[str] = []
    overheard = Overheard(said.append)
    for number in range(SHOWN + 5):
        overheard("x", f"ERROR {number}\n")
        overheard("x", "fine\n")
    assert said == [f"x: ERROR {number}" for number in range(SHOWN)]
    assert overheard.rest() == ["the extensions wrote 5 more warnings and errors; --logs shows them"]
