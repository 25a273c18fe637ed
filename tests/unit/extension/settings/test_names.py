"""An unknown name is said with the nearest one of the table."""

import time
from functools import cache
from itertools import takewhile
from operator import eq

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from extension.settings import PREFIX, TABLE, from_environ
from tests.unit.extension.settings.telling import WELL


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("ADAPTIVE_BATCHING_EXTENSION_SHIP_RATE_BYTE", "SHIP_RATE_BYTES"),
        ("ADAPTIVE_BATCHING_EXTENSION_S3_BUKET_", "S3_BUCKET"),
        ("ADAPTIVE_BATCHING_SHIP_RATE_INVOKES", "SHIP_RATE_INVOKES"),
        ("ADAPTIVE_BATCHING_EXTENSION_LOGTYPE", "LOG_TYPES"),
        ("ADAPTIVE_BATCHING_EXTENSION_MAX_HOLD_MS", "MAX_HOLD_MILLISECONDS"),
        ("ADAPTIVE_BATCHING_EXTENSION_S3_C", "S3_CLIENT"),
        ("ADAPTIVE_BATCHING_EXTENSION_mode", "MODE"),
        ("adaptive_batching_extension_log_types", "LOG_TYPES"),
    ],
)
def test_an_unknown_name_is_reported_with_the_nearest_valid_one(name: str, nearest: str) -> None:
    assert from_environ(WELL | {name: "1"}).problems == (
        f"{name} is not a setting of this extension and does nothing; did you mean {PREFIX}{nearest}?",
    )


@cache
def edits(left: str, right: str) -> int:
    """Levenshtein's distance by its definition: an oracle."""
    if not left or not right:
        return len(left) + len(right)
    insert, delete = edits(left[1:], right) + 1, edits(left, right[1:]) + 1
    return min(insert, delete, edits(left[1:], right[1:]) + (left[0] != right[0]))


NAMES = [setting.name.removeprefix(PREFIX) for setting in TABLE]
#: A name of the table of which some letters are left out.
SHORTENED = st.sampled_from(NAMES).flatmap(
    lambda name: st.tuples(*[st.sampled_from((letter, "")) for letter in name]).map("".join)
)


@settings(max_examples=100, deadline=None)
@given(st.text("ABEIKMNOPRST_3", max_size=15) | SHORTENED)
@example("LGTPS")
def test_the_nearest_name_has_the_fewest_edits_less_the_letters_that_both_begin_with(rest: str) -> None:
    assume(rest not in NAMES)
    (problem,) = from_environ(WELL | {PREFIX + rest: "1"}).problems
    alike = {name: len(list(takewhile(bool, map(eq, rest, name)))) for name in NAMES}
    far = {name: edits(rest, name) - alike[name] for name in NAMES}
    assert far[problem.rpartition(PREFIX)[2].removesuffix("?")] == min(far.values())


def test_a_long_unknown_name_is_compared_by_its_beginning_alone() -> None:
    begun = time.process_time()
    (problem,) = from_environ(WELL | {PREFIX + "S3_BUCKETS" + "X" * 100_000: "1"}).problems
    assert problem.endswith(f"did you mean {PREFIX}S3_BUCKET?")
    assert len(problem) < 300
    assert time.process_time() - begun < 1.0


@pytest.mark.parametrize(("length", "shown"), [(128, 128), (129, 128)])
def test_of_a_long_unknown_name_the_first_128_characters_are_shown(length: int, shown: int) -> None:
    name = (PREFIX + "X" * length)[:length]
    (problem,) = from_environ(WELL | {name: "1"}).problems
    assert problem.startswith(name[:shown] + "..." * (length > shown) + " is not a setting of this extension")


def test_names_of_others_are_none_of_our_business() -> None:
    assert from_environ(WELL | {"ADAPTIVE": "1", "AWS_LAMBDA_FUNCTION_NAME": "f"}).problems == ()
