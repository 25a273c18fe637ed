"""What a smoke test says, and which ids an answer has."""

from __future__ import annotations

from datetime import datetime

import pytest

from adaptive_batching.load.core import answers, verdict
from adaptive_batching.logs.trace.waterfall import Line, Trace

NOON = datetime(2026, 11, 20, 12)  # noqa: DTZ001 - UTC, as DuckDB's are


@pytest.mark.parametrize(
    ("body", "header", "found"),
    [
        (b'{"traceId": "a", "sessionId": "b"}', "", ("a",)),
        (b'{"correlation_id": 7}', "Root=1-5-6;Sampled=1", ("7", "1-5-6")),
        (b'{"statusCode": 202, "body": "{\\"traceId\\": \\"a\\"}"}', "", ("a",)),
        (b'{"statusCode": 202, "body": "no JSON"}', "", ()),
        (b'{"traceId": ["a"]}', "", ()),
        (b'{"traceId": null}', "Root=", ()),
        (b"<html>", "", ()),
        (b"\xff\xfe", "", ()),
        (b"[" * 100_000, "", ()),
        (b"", "", ()),
    ],
)
def test_the_ids_of_an_answer(body: bytes, header: str, found: tuple[str, ...]) -> None:
    assert answers.ids(body, header) == found


def trace(*lines: tuple[str | None, str | None]) -> Trace:
    made = tuple(
        Line(NOON, "save", "e", "r", "function", None, "m", error, milestone, None, None, "t", None)
        for milestone, error in lines
    )
    reached = tuple(milestone for milestone, _ in lines if milestone)
    return Trace("t", (), made, reached, (), 0.0, 0)


@pytest.mark.parametrize(
    ("seen", "sentence"),
    [
        (None, "SENT was not reached within 60 s: no line of trace t is there yet"),
        (trace(("A", None), ("B", None)), "…; the last milestone is B, and no line has an exception"),
        (trace(("A", None), (None, "E: one\ntwo")), "…; the last milestone is A; save: E: one"),
        (trace((None, "E: one"), (None, "F: two")), "…; no milestone was passed; save: F: two"),
    ],
)
def test_a_failure_names_the_last_milestone_and_the_exception(seen: Trace | None, sentence: str) -> None:
    said = verdict.not_reached("SENT", 60, seen, ["t"])
    assert said == sentence.replace("…", "SENT was not reached within 60 s")


def test_an_unexpected_answer_is_shown() -> None:
    assert verdict.unexpected(502, 202, b"x" * 300) == f"the answer is 502, not 202: {'x' * 200}…"
    assert verdict.unexpected(404, None, b"") == "the answer is 404, not one of 200 to 299, without a body"
    assert [verdict.is_expected(code, None) for code in (199, 200, 299, 300)] == [False, True, True, False]
    assert verdict.is_expected(404, 404)


def test_a_mock_saw_a_request_on_the_path_with_the_text_since_the_moment() -> None:
    journal = {"requests": [{"request": {"url": "/hook?x=1", "body": "hello s-1", "loggedDate": 1000}}]}
    assert verdict.saw(journal, "/hook", "s-1", 1000)
    assert verdict.saw(journal, "/hook", "", 999.5)
    assert verdict.saw(journal, "/hook", "s-2", 0) is False
    assert verdict.saw(journal, "/other", "", 0) is False
    assert verdict.saw(journal, "/hook", "", 1001) is False
    assert verdict.saw({"requests": []}, "/hook", "", 0) is False
    others: list[object] = [{}, [], None, {"requests": 1}]
    for other in others:
        assert verdict.saw(other, "/hook", "", 0) is None


def test_the_webhook_and_the_text() -> None:
    assert verdict.webhook("http://h/hook") == ("http://h/hook", "")
    assert verdict.webhook("http://h/hook=a=b") == ("http://h/hook", "a=b")
