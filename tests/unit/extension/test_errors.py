"""What is said of an exception that was not expected: its type and where it was raised, never its text."""

from __future__ import annotations

import re

import pytest

from extension.errors import described


def _raised(text: str) -> Exception:
    try:
        text.encode("ascii")
    except ValueError as error:
        return error
    raise AssertionError(text)


def test_type_and_place_are_told_and_the_text_is_not() -> None:
    assert re.fullmatch(r"UnicodeEncodeError at tests\.unit\.extension\.test_errors:\d+", described(_raised("sécret")))


def test_what_stands_behind_it_is_told_too() -> None:
    outer = RuntimeError("sécret")
    outer.__cause__ = _raised("sécret")
    assert re.fullmatch(r"RuntimeError at no place; from UnicodeEncodeError at \S+:\d+", described(outer))


def test_what_was_put_aside_on_purpose_is_not() -> None:
    outer = RuntimeError()
    outer.__context__ = _raised("sécret")
    assert "; from UnicodeEncodeError" in described(outer)
    outer.__suppress_context__ = True
    assert described(outer) == "RuntimeError at no place"


def test_of_a_deep_stack_the_innermost_places_are_told_and_of_a_circle_no_more_than_twelve() -> None:
    def deep(depth: int) -> None:
        if not depth:
            raise RecursionError
        deep(depth - 1)

    with pytest.raises(RecursionError) as caught:
        deep(30)
    assert described(caught.value).count("test_errors:") == 12
    caught.value.__cause__ = caught.value
    assert described(caught.value).count("RecursionError") == 12
