"""The file of patterns: what it may say, and the sentence for what it may not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_batching.logs.report.patterns import KNOWN, Pattern, PatternsError, parse


def test_the_known_patterns_come_first_and_may_be_replaced() -> None:
    found = parse("""
        [[pattern]]
        name = "refused"
        regex = "status=(402|403)"
        functions = ["orders-*"]
        [[pattern]]
        name = "ERROR"
        text = "FATAL"
    """)
    assert found == (
        *KNOWN[:2],
        Pattern("ERROR", "FATAL"),
        Pattern("refused", regex="status=(402|403)", functions=("orders-*",)),
    )
    assert parse("") == KNOWN
    assert [one.name for one in KNOWN] == ["Too many connections", "API Rate Limit Exceeded", "ERROR"]


@pytest.mark.parametrize(
    ("toml", "why"),
    [
        ("[[pattern", "it is not TOML: "),
        ("patterns = 1", "it has 'patterns'; a pattern begins with [[pattern]]"),
        ("[pattern]\nname = 'x'", "a pattern begins with [[pattern]], in two brackets"),
        ("pattern = [1]", "pattern 1 is not a table; it begins with [[pattern]]"),
        ("[[pattern]]\ntext = 'x'", "pattern 1 has no name"),
        ("[[pattern]]\nname = ' '\ntext = 'x'", "pattern 1 has no name"),
        ("[[pattern]]\nname = 'x'", "pattern 1 ('x') must have either a text or a regex"),
        ("[[pattern]]\nname = 'x'\ntext = 'a'\nregex = 'b'", "pattern 1 ('x') must have either a text or a regex"),
        ("[[pattern]]\nname = 'x'\ntxt = 'a'", "pattern 1 has 'txt'; it may have name, text or regex, and functions"),
        ("[[pattern]]\nname = 'x'\ntext = 1", "pattern 1: text is not a text of at most 500 characters"),
        (f"[[pattern]]\nname = '{'x' * 501}'", "pattern 1: name is not a text of at most 500 characters"),
        ("[[pattern]]\nname = 'x'\ntext = 'a'\nfunctions = 'f'", "pattern 1 ('x'): functions is a list of names, "),
        (
            "".join(f"[[pattern]]\nname = '{name}'\ntext = 'a'\n" for name in ("x", "ERROR", "y", "ERROR")),
            "patterns 2 and 4 have one name, 'ERROR'; give each its own",
        ),
        ("\n".join(f"[[pattern]]\nname = 'x{n}'\ntext = 'a'" for n in range(28)), "there are 31 patterns, "),
    ],
)
def test_what_is_no_file_of_patterns_gets_a_sentence(toml: str, why: str) -> None:
    with pytest.raises(PatternsError) as raised:
        parse(toml)
    assert str(raised.value).startswith(why)


@given(st.text() | st.text().map(lambda text: f"[[pattern]]\n{text}"))
def test_nothing_else_is_raised(toml: str) -> None:
    try:
        assert parse(toml)[:2] == KNOWN[:2]
    except PatternsError as error:
        assert str(error)  # noqa: PT017 - most texts are refused
