"""Where objects are, against the extension, which writes them."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extension.records import objects
from notifier import layout

UNIQUE = "20aec4c1-3db7-4939-873f-8347551a816e"
TEMPLATES = [
    layout.DEFAULT,
    "",
    "logs/",
    "logs-",
    "{function}/",
    "account={account}/function={function}/date={date}/",
    "{region}/{year}/{month}/{day}/{hour}/{function}/",
    "function={function}/version={version}/date={date}/",
    "team-{function}-logs/{date}/",
]


def origin(function: str) -> objects.Origin:
    return objects.Origin(function, "$LATEST", "e" * 12, ("eu-west-1", "111122223333"))


@given(
    st.sampled_from(TEMPLATES),
    st.from_regex(r"[A-Za-z0-9_-]{1,20}", fullmatch=True),
    st.integers(0, 4_000_000_000),
    st.booleans(),
)
def test_what_the_extension_writes_is_listed_and_read(template: str, function: str, seconds: int, gzip: bool) -> None:  # noqa: FBT001
    key = objects.key(template, origin(function), float(seconds), str(uuid.UUID(int=seconds)), gzip=gzip)
    known = {"region": "eu-west-1", "account": "111122223333"}
    begins, is_whole = layout.prefix(template, function, seconds // 3600, known)
    assert key.startswith(begins)
    assert layout.read(key, begins, function if is_whole else "") == (function, seconds * 1000)


def test_a_prefix_tells_functions_and_hours_apart() -> None:
    known = {"region": "eu-west-1", "account": "1"}
    found = layout.prefix(layout.DEFAULT, "save", 498_657, known)
    assert found == ("function=save/date=2026-11-20/hour=09/save-", True)
    assert layout.prefix("a={account}/v={version}/x/", "save", 0, known) == ("a=1/v=", False)
    assert layout.read(f"x/save-2-7-{UNIQUE}.log", "x/save-", "save") is None  # of the function save-2


@pytest.mark.parametrize(
    "key",
    ["", "x", "notified/0f1d", f"a-{UNIQUE}.log", f"-1-{UNIQUE}.log", f"a-1-{UNIQUE}.txt", f"a-1-{UNIQUE.upper()}.log"],
)
def test_other_keys_are_not_read(key: str) -> None:
    assert layout.read(key, "") is None


def test_hours_are_those_of_the_windows_newest_first_and_one_more_each() -> None:
    hour = layout.HOUR
    assert layout.hours([(10 * hour, 11 * hour + 1), (3 * hour, 3 * hour)]) == [11, 10, 9, 3, 2]
    assert layout.hours([(0, 1)]) == [0]
    assert layout.hours([]) == []
