"""Moments as people write them: each form has one meaning, and what has none gets a sentence that quotes it."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_batching.logs.times import TimeError, duration, moment

NOW = datetime(2026, 11, 26, 13, 5, 30, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")

MEANINGS = {
    "now": "2026-11-26T13:05:30",
    "10m": "2026-11-26T12:55:30",
    "-10m": "2026-11-26T12:55:30",
    "1h30m": "2026-11-26T11:35:30",
    "1h 30m": "2026-11-26T11:35:30",
    "-3h": "2026-11-26T10:05:30",
    "2h ago": "2026-11-26T11:05:30",
    "2 hours ago": "2026-11-26T11:05:30",
    "90 seconds": "2026-11-26T13:04:00",
    "1.5h": "2026-11-26T11:35:30",
    "3d": "2026-11-23T13:05:30",
    "1w": "2026-11-19T13:05:30",
    "today": "2026-11-26T00:00:00",
    "yesterday": "2026-11-25T00:00:00",
    "Yesterday 13:10": "2026-11-25T13:10:00",
    "yesterday at 9:00": "2026-11-25T09:00:00",
    "13:05": "2026-11-26T13:05:00",
    "13:10": "2026-11-25T13:10:00",  # the last one that has been
    "00:00:01.5": "2026-11-26T00:00:01.500",
    "2026-11-20": "2026-11-20T00:00:00",
    "2026-11-20T09:15": "2026-11-20T09:15:00",
    "2026-11-20 09:15:01": "2026-11-20T09:15:01",
    "2026-11-20T09:15:00Z": "2026-11-20T09:15:00",
    "2026-11-20T09:15:00+02:00": "2026-11-20T07:15:00",
    "1795166102": "2026-11-20T09:15:02",
    "1795166102150": "2026-11-20T09:15:02.150",
    "1795166102.5": "2026-11-20T09:15:02.500",
}
NONSENSE = (
    "",
    "10",
    "10x",
    "soon",
    "25:00",
    "13:61",
    "yesterday noon",
    "2026-13-01",
    "2026-11-20T25:00",
    "99999999999w",
    "ago",
    "m",
    "1h30",
    "2026-11-20T09:15:00+99:00",
)


@pytest.mark.parametrize("text", MEANINGS)
def test_a_form_has_one_meaning(text: str) -> None:
    assert moment(text, NOW) == datetime.fromisoformat(MEANINGS[text]).replace(tzinfo=UTC)


@pytest.mark.parametrize("text", NONSENSE)
def test_what_is_no_time_is_quoted_in_a_sentence(text: str) -> None:
    with pytest.raises(TimeError, match=r"^'") as caught:
        moment(text, NOW)
    assert repr(text) in str(caught.value) or repr(text.lower()) in str(caught.value)


def test_without_a_zone_of_its_own_a_time_is_in_the_one_that_is_asked_for() -> None:
    assert moment("13:10", NOW, BERLIN) == datetime(2026, 11, 26, 12, 10, tzinfo=UTC)
    assert moment("2026-07-01T09:00", NOW, BERLIN) == datetime(2026, 7, 1, 7, tzinfo=UTC)  # summer time there
    assert moment("2026-07-01T09:00Z", NOW, BERLIN) == datetime(2026, 7, 1, 9, tzinfo=UTC)
    assert moment("yesterday", datetime(2026, 11, 26, 23, 30, tzinfo=UTC), BERLIN) == datetime(
        2026, 11, 25, 23, tzinfo=UTC
    )


@given(
    st.datetimes(min_value=datetime(2015, 1, 1), max_value=datetime(2040, 1, 1)),  # noqa: DTZ001 - the zone follows
    st.integers(-14 * 60, 14 * 60),
)
def test_what_iso_format_writes_is_read_as_it_was(when: datetime, offset: int) -> None:
    written = when.replace(tzinfo=timezone(timedelta(minutes=offset)))
    assert moment(written.isoformat(), NOW) == written
    whole = written.replace(microsecond=0)
    assert moment(str(int(whole.timestamp())), NOW) == whole


@given(st.lists(st.tuples(st.integers(0, 999), st.sampled_from("smhd")), min_size=1, max_size=4), st.booleans())
def test_a_length_of_time_is_the_sum_of_its_parts(parts: list[tuple[int, str]], blanks: bool) -> None:  # noqa: FBT001
    seconds = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
    text = (" " if blanks else "").join(f"{number}{unit}" for number, unit in parts)
    expected = timedelta(seconds=sum(number * seconds[unit] for number, unit in parts))
    assert duration(text) == expected
    assert moment(text, NOW) == NOW - expected


@given(st.text(max_size=20))
def test_any_text_is_a_moment_or_a_sentence(text: str) -> None:
    with contextlib.suppress(TimeError):
        assert moment(text, NOW).tzinfo is UTC
