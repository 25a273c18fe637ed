"""How charts divide time and durations, where the bars of a trace stand, and how figures are written."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_batching.logs.report import words
from adaptive_batching.logs.report.bins import MOST, ROWS, WIDTHS, bins, iso, microseconds, row
from adaptive_batching.logs.report.page.waterfall import BREAK, WIDTH, axis

YEARS = 400 * 366 * 86_400 * 1_000_000
MOMENTS = st.integers(0, YEARS)


@given(MOMENTS, st.integers(0, 10**7) | st.integers(0, 10**12) | MOMENTS)
def test_bins_hold_both_ends_and_are_as_narrow_as_they_can_be(first: int, length: int) -> None:
    over = bins(first, first + length)
    assert over.of(first) == 0
    assert over.of(first + length) == over.count - 1
    assert over.count <= MOST
    assert over.start % (over.width * 1_000_000) == 0
    if over.width in WIDTHS[1:]:
        narrower = WIDTHS[WIDTHS.index(over.width) - 1] * 1_000_000
        assert (first + length) // narrower - first // narrower + 1 > MOST
    assert [over.of(start) for start in over.starts] == list(range(over.count))


@given(st.floats(0, 10**9))
def test_a_duration_falls_into_one_row(ms: float) -> None:
    assert 0 <= row(ms) < ROWS
    if 1 <= ms < 900_000:
        assert row(ms) == math.floor(math.log10(ms) * 6)


@given(MOMENTS)
def test_a_moment_is_written_as_datetime_writes_it(moment: int) -> None:
    expected = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=moment)
    assert iso(moment) == expected.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert microseconds(expected) == moment


def test_an_axis_of_work_without_long_waits_is_to_scale() -> None:
    scale = axis([(0.0, 500.0), (520.0, 1000.0)])
    assert [wait.broken for wait in scale.waits] == [False]
    assert [scale.at(ms) for ms in (0, 250, 520, 1000)] == pytest.approx([0, 250, 520, 1000])


def test_a_wait_of_minutes_is_a_break_that_leaves_room_for_the_seconds_of_work() -> None:
    scale = axis([(0.0, 1000.0), (567_000.0, 569_000.0)])
    (wait,) = scale.waits
    assert (wait.broken, wait.ms) == (True, 566_000.0)
    assert scale.at(1000.0) == pytest.approx(WIDTH * 0.94 / 3)
    assert scale.at(567_000.0) == pytest.approx(WIDTH * 0.94 / 3 + WIDTH * 0.06)
    assert scale.bar(0.0, 0.0)[1] > 0


RAN = st.lists(
    st.tuples(st.floats(0, 10**6), st.floats(0, 10**5)).map(lambda one: (one[0], one[0] + one[1])), min_size=1
)


@given(RAN, st.lists(st.floats(0, 2 * 10**6), min_size=2))
def test_an_axis_runs_from_one_edge_to_the_other_and_never_back(
    ran: list[tuple[float, float]], moments: list[float]
) -> None:
    scale = axis(ran)
    first, last = min(begin for begin, _ in ran), max(end for _, end in ran)
    assert scale.at(first) == 0
    places = [scale.at(moment) for moment in sorted(moments)]
    assert places == sorted(places)
    assert all(0 <= place <= WIDTH for place in places)
    if last - first > 1:
        assert scale.at(last) == pytest.approx(WIDTH)
    work = sum(end - begin for begin, end in union(ran))
    waits = [(end, begin) for (_, end), (begin, _) in zip(union(ran), union(ran)[1:], strict=False)]
    assert [(wait.begin, wait.end) for wait in scale.waits] == waits
    for wait in scale.waits:
        if not math.isclose(wait.ms, BREAK * work, rel_tol=1e-6):
            assert wait.broken == (wait.ms > BREAK * work)


def union(ran: list[tuple[float, float]]) -> list[tuple[float, float]]:
    found: list[tuple[float, float]] = []
    for begin, end in sorted(ran):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    return found


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (None, "-"),
        (0, "0 ms"),
        (0.44, "0.4 ms"),
        (9.94, "9.9 ms"),
        (9.96, "10 ms"),
        (62.4, "62 ms"),
        (999.4, "999 ms"),
        (999.6, "1.00 s"),
        (3294, "3.29 s"),
        (100_000, "100.0 s"),
        (120_000, "2 min"),
        (566_000, "9 min 26 s"),
        (3_600_000, "1 h"),
        (10_200_000, "2 h 50 min"),
    ],
)
def test_durations(ms: float | None, text: str) -> None:
    assert words.duration(ms) == text


def test_widths_of_bins() -> None:
    expected = ["1 s", "2 s", "5 s", "10 s", "15 s", "30 s", "1 min", "2 min", "5 min", "10 min", "15 min", "30 min"]
    expected += ["1 h", "2 h", "3 h", "6 h", "12 h", "1 day"]
    assert [words.width(width) for width in WIDTHS] == expected
    assert words.width(3 * 86400) == "3 days"


@pytest.mark.parametrize(
    ("dollars", "text"),
    [(None, "-"), (0, "$0"), (0.0000689, "$0.0000689"), (0.0572, "$0.0572"), (0.5, "$0.500"), (12.4, "$12.40")],
)
def test_money(dollars: float | None, text: str) -> None:
    assert words.money(dollars) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (None, "-"),
        (0, "0 %"),
        (1, "100 %"),
        (0.0001, "< 0.1 %"),
        (0.99999, "> 99.9 %"),
        (0.0176, "1.8 %"),
        (1.04, "104 %"),
    ],
)
def test_shares(share: float | None, text: str) -> None:
    assert words.percent(share) == text


def test_times_are_those_of_a_zone() -> None:
    zone = timezone(timedelta(hours=2), "CEST")
    assert words.when("2026-11-20T23:15:02.150Z", zone) == "2026-11-21 01:15:02.150"
    assert words.zone_name(zone, "2026-11-20T23:15:02.150Z") == "CEST"
    assert words.zone_name(timezone(timedelta(hours=-3)), "2026-11-20T23:15:02.150Z") == "UTC-03:00"


@given(st.text())
def test_control_characters_stand_as_text(text: str) -> None:
    assert words.plain(text).isprintable()
    assert words.plain(text, lines=True).replace("\n", "").replace("\t", "").isprintable()
    if text.isprintable():
        assert words.plain(text) == text
