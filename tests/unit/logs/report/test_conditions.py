"""The conditions of --fail-if: what they mean, against Python's own operators, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_batching.logs.report.conditions import ConditionError, parse

NAMES = ("failed", "invocations", "p95_ms", "timeouts")
FIGURES = {"failed": 3, "invocations": 200, "p95_ms": 1240.5, "timeouts": 0}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("timeouts > 0 or p95_ms > 1000", True),
        ("timeouts > 0 and p95_ms > 1000", False),
        ("timeouts>0 OR p95_ms>=1240.5", True),
        ("not timeouts > 0", True),
        ("not (failed = 3 or timeouts = 1)", False),
        ("failed / invocations > 0.01", True),
        ("failed * 100 < invocations - 1", False),
        ("-failed < 0", True),
        ("failed == 3 and failed != 4 and failed <= 3", True),
        ("(failed + 1) * 2 = 8", True),
        ("timeouts > 0 or failed > 5 and invocations > 1", False),
        ("p95_ms > .5e", None),
    ],
)
def test_what_conditions_mean(text: str, expected: bool | None) -> None:  # noqa: FBT001 - a column of the table
    if expected is None:
        with pytest.raises(ConditionError):
            parse(text, NAMES)
    else:
        assert parse(text, NAMES).holds(FIGURES) is expected


def test_a_figure_that_is_not_known_makes_its_comparison_false() -> None:
    figures = FIGURES | {"p95_ms": None}
    assert not parse("p95_ms > 0", NAMES).holds(figures)
    assert not parse("p95_ms + 1 <= 0", NAMES).holds(figures)
    assert parse("p95_ms > 0 or failed > 0", NAMES).holds(figures)
    assert not parse("failed / timeouts > 0", NAMES).holds(FIGURES)


def test_its_names_are_those_that_it_reads() -> None:
    assert parse("failed > 0 or timeouts > 0 and failed < 9", NAMES).names == ("failed", "timeouts")


NUMBERS = st.recursive(
    st.sampled_from(NAMES) | st.integers(0, 9).map(str),
    lambda inner: st.tuples(inner, st.sampled_from("+-*"), inner).map(lambda parts: f"({' '.join(parts)})"),
    max_leaves=4,
)
COMPARISONS = st.tuples(NUMBERS, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), NUMBERS).map(" ".join)
CONDITIONS = st.recursive(
    COMPARISONS,
    lambda inner: (
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(" ".join)
        | inner.map(lambda one: f"({one})")
        | inner.map(lambda one: f"not ({one})")
    ),
    max_leaves=6,
)


@given(CONDITIONS, st.fixed_dictionaries({name: st.integers(-5, 5) for name in NAMES}))
def test_a_condition_is_what_python_makes_of_it(text: str, figures: dict[str, int]) -> None:
    assert parse(text, NAMES).holds(figures) == eval(text, {"__builtins__": {}}, dict(figures))  # noqa: S307 - the oracle


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it ends too early"),
        ("failed", "it compares nothing"),
        ("failed > ", "it ends too early"),
        ("p95 > 3", "there is no figure 'p95', but failed, invocations, p95_ms, timeouts"),
        ("failed > 3 4", "'4' is not expected there"),
        ("failed > 3)", "')' is not expected there"),
        ("(failed > 3", "a ')' is missing"),
        ("failed ; drop", "';' has no meaning in it"),
        ("failed and timeouts", "'and' joins comparisons, not numbers"),
        ("not failed", "'not' stands before a comparison, not before a number"),
        ("(failed > 1) > 1", "'>' compares numbers"),
        ("(failed > 1) + 1 > 1", "'+' stands between numbers"),
        ("-(failed > 1) > 1", "'-' stands before a number"),
        ("failed > > 1", "'>' is not expected there"),
        ("1 < failed < 3", "'<' is not expected there"),
        ("(" * 60 + "failed > 1" + ")" * 60, "it is nested more than 50 deep"),
        ("not " * 60 + "failed > 1", "it is nested more than 50 deep"),
        ("- " * 100_000 + "1 > 1", "it is nested more than 50 deep"),
    ],
)
def test_what_is_no_condition_gets_a_sentence(text: str, why: str) -> None:
    with pytest.raises(ConditionError) as raised:
        parse(text, NAMES)
    assert str(raised.value).endswith(f"is not a condition such as 'timeouts > 0 or p95_ms > 1000': {why}")


@given(st.text(max_size=30))
def test_nothing_else_is_raised(text: str) -> None:
    try:
        parse(text, NAMES).holds(FIGURES)
    except ConditionError as error:
        assert repr(text) in str(error)  # noqa: PT017 - most texts are refused, and few are not
