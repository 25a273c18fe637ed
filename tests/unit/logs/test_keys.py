"""The listing prunes: what it leaves out cannot have a line of the window, whatever the layout."""

from __future__ import annotations

import uuid
from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptive_batching.logs.sources import keys
from adaptive_batching.logs.sources.keys import DEFAULT, Branch, LayoutError, Window, parsed

if TYPE_CHECKING:
    from collections.abc import Sequence

BEGIN = datetime(2026, 12, 31, 20, tzinfo=UTC)  # hours before all units of a date change
NAMES = ("orders", "orders-2", "orders-api", "a", "zoo_1")
PARTS = [f"{{{name}}}" for name in keys.PLACEHOLDERS] + ["logs", "x=", "/", "/", "/", "-"]
LAYOUTS = st.one_of(
    st.sampled_from(
        [
            DEFAULT,
            "",
            "logs/",
            "{function}/",
            "year={year}/month={month}/day={day}/hour={hour}/",
            "a/{account}/{region}/{function}/{version}/{year}/{month}/{day}/",
            "{date}/{function}/{hour}/",
            "{hour}/{date}/{function}",
            "{function}-{date}/",
            "{day}/{month}/",
        ]
    ),
    st.lists(st.sampled_from(PARTS), max_size=8).map("".join),
)
FILLED = {"version": "$LATEST", "region": "eu-west-1", "account": "123456789012"}


def key(layout: str, function: str, when: datetime) -> str:
    """As the extension writes it; a second time, from its description."""
    values = FILLED | {"function": function, "date": f"{when:%Y-%m-%d}", "year": f"{when:%Y}", "month": f"{when:%m}"}
    values |= {"day": f"{when:%d}", "hour": f"{when:%H}"}
    for name, value in values.items():
        layout = layout.replace(f"{{{name}}}", value)
    return f"{layout}{function}-{int(when.timestamp() * 1000)}-{uuid.UUID(int=int(when.timestamp() * 1000))}.log"


class Bucket:
    """What S3's ListObjectsV2 answers, in plain Python."""

    def __init__(self, names: Sequence[str]) -> None:
        self.keys = sorted(names, key=str.encode)

    def folders(self, prefix: str) -> list[str]:
        found = [one[: one.index("/", len(prefix)) + 1] for one in self.keys if self._has(one, prefix)]
        return sorted(set(found))

    @staticmethod
    def _has(one: str, prefix: str) -> bool:
        return one.startswith(prefix) and "/" in one[len(prefix) :]

    def range(self, wanted: keys.Range) -> list[str]:
        begin = bisect_right([one.encode() for one in self.keys], wanted.after.encode()) if wanted.after else 0
        found = []
        for one in self.keys[begin:]:
            if one.startswith(wanted.prefix):
                if wanted.is_over(one):
                    break
                found.append(one)
        return found


def listed(bucket: Bucket, layout: str, window: Window, functions: Sequence[str]) -> list[str]:
    """What adaptive_batching/logs/sources/bucket.py does, without a network."""
    branches, ranges = [Branch("", layout)], []
    while branches:
        one = branches.pop()
        prefix = keys.asked(one)
        if prefix is None:
            ranges += keys.ranges(one, window, functions)
        elif (known := keys.known(one, functions)) is not None:
            branches += known
        else:
            branches += keys.grown(one, bucket.folders(prefix), functions)
    return [one for part in ranges or [keys.Range("")] for one in bucket.range(part)]


@settings(max_examples=400)
@given(
    layout=LAYOUTS,
    hours=st.lists(st.floats(0, 30), min_size=1, max_size=12),
    names=st.lists(st.sampled_from(NAMES), min_size=1, max_size=12),
    since=st.one_of(st.none(), st.floats(-2, 32)),
    length=st.one_of(st.none(), st.floats(0, 12)),
    slack=st.sampled_from([0.0, 1.0, 5.0]),
    functions=st.sampled_from([(), ("orders",), ("orders*",), ("orders", "a"), ("nobody",)]),
)
def test_no_object_that_can_have_a_line_of_the_window_is_left_out(
    layout: str,
    hours: list[float],
    names: list[str],
    since: float | None,
    length: float | None,
    slack: float,
    functions: tuple[str, ...],
) -> None:
    made = {
        key(layout, name, BEGIN + timedelta(hours=hour)): (name, BEGIN + timedelta(hours=hour))
        for name, hour in zip(names, hours, strict=False)
    }
    begin = None if since is None else BEGIN + timedelta(hours=since)
    end = None if length is None else (begin or BEGIN) + timedelta(hours=length)
    window = Window(begin, end, timedelta(hours=slack))
    found = listed(Bucket(list(made)), layout, window, functions)
    assert len(found) == len(set(found))
    for one, (name, first) in made.items():
        told = parsed(one)
        if told is None or told.function != name:  # the layout and a function's name made a key of another form
            continue
        # it is open for `slack` at most, and stored at its end
        modified = first + timedelta(hours=slack)
        if keys.is_wanted(name, functions) and window.wants(told, modified):
            assert one in found


def test_the_default_layout_lists_hours_of_the_functions_that_are_asked_for() -> None:
    window = Window(BEGIN, BEGIN + timedelta(hours=1))
    (branch,) = keys.known(Branch("logs/", DEFAULT), ["orders"]) or []
    assert keys.ranges(branch, window) == [
        keys.Range(
            "logs/function=orders/date=",
            "logs/function=orders/date=2026-12-31/hour=19/",
            "logs/function=orders/date=2026-12-31/hour=22/",
        )
    ]


def test_flat_names_are_listed_by_function_and_time_if_one_is_named() -> None:
    (wanted,) = keys.ranges(Branch("", ""), Window(BEGIN), ["orders"])
    assert (wanted.prefix, wanted.after) == ("orders-", f"orders-{int(BEGIN.timestamp() - 3600)}000")


@pytest.mark.parametrize(
    ("text", "function"),
    [
        ("function=a/date=2026-11-20/hour=09/a-1795166102150-20aec4c1-3db7-4939-873f-8347551a816e.log.gz", "a"),
        ("a-b-1-1795166102150-20aec4c1-3db7-4939-873f-8347551a816e.log", "a-b-1"),
        ("x/compacted/a.parquet", None),
        ("a-1795166102150-20aec4c1-3db7-4939-873f-8347551a816e.txt", None),
        ("a-17951661021500000-20aec4c1-3db7-4939-873f-8347551a816e.log", None),
        ("a-1795166102150.log", None),
    ],
)
def test_a_key_tells_its_function_or_is_foreign(text: str, function: str | None) -> None:
    found = parsed(text)
    assert (found.function if found else None) == function


@pytest.mark.parametrize("layout", ["{functon}/", "{", "a}", "{function", "{{function}}"])
def test_a_template_with_another_placeholder_is_refused(layout: str) -> None:
    with pytest.raises(LayoutError, match="its placeholders are"):
        keys.checked(layout)
