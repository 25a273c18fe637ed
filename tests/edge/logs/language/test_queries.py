"""What a query in Logs Insights' language finds equals what plain Python calculates over the same lines."""

from __future__ import annotations

import math
import operator
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import example, given
from hypothesis import strategies as st

from adaptive_batching.logs.language.insights import statement
from tests.edge.logs.language.lines import BEGIN, WORDS, Line, lines, loaded, number

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

OPERATORS = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
MEMBERS = ("price", "user", "a.b", "a.c", "absent")
REGEXES = ("a", "^a", "b$", "(?i)ab", r"\d", "[x-z]'", "^$")


@dataclass(frozen=True)
class Condition:
    """A condition as a query writes it, and as Python decides it."""

    query: str
    holds: Callable[[Line], bool]


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


@st.composite
def comparisons(draw: st.DrawFn) -> Condition:  # noqa: C901 - one case for each kind
    name, sign = draw(st.sampled_from(MEMBERS)), draw(st.sampled_from(sorted(OPERATORS)))
    compare = OPERATORS[sign]
    match draw(st.integers(0, 5)):
        case 0:
            wanted = draw(st.integers(-5, 20)) / draw(st.sampled_from([1, 4]))

            def numeric(line: Line) -> bool:
                found = number(line.member(name))
                return found is not None and bool(compare(found, wanted))

            return Condition(f"{name} {sign} {wanted}", numeric)
        case 1:
            text = draw(st.sampled_from(WORDS))

            def textual(line: Line) -> bool:
                found = line.member(name)
                return found is not None and bool(compare(found, text))

            return Condition(f"{name} {sign} {quoted(text)}", textual)
        case 2:
            other = draw(st.sampled_from(MEMBERS))

            def both(line: Line) -> bool:
                one, two = line.member(name), line.member(other)
                if one is None or two is None:
                    return False
                first, second = number(one), number(two)
                return bool(compare(one, two) if first is None or second is None else compare(first, second))

            return Condition(f"{name} {sign} {other}", both)
        case 3:
            negated = draw(st.booleans())
            pattern = draw(st.sampled_from(REGEXES))

            def matches(line: Line) -> bool:
                found = line.member(name)
                return found is not None and bool(re.search(pattern.replace("$", r"\Z"), found)) is not negated

            return Condition(f"{name} {'not ' * negated}like /{pattern}/", matches)
        case 4:
            items = draw(st.lists(st.one_of(st.integers(0, 9), st.sampled_from(WORDS)), min_size=1, max_size=3))

            def listed(line: Line) -> bool:
                found = line.member(name)
                return any(found == one if isinstance(one, str) else number(found) == one for one in items)

            written = ", ".join(quoted(one) if isinstance(one, str) else str(one) for one in items)
            return Condition(f"{name} in [{written}]", listed)
        case _:
            part = draw(st.sampled_from(WORDS))
            return Condition(
                f"@message like {quoted(part)} and ispresent({name})",
                lambda line: part in line.text() and line.member(name) is not None,
            )


conditions = st.recursive(
    comparisons(),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(
            lambda two: Condition(
                f"({two[0].query}) and ({two[1].query})", lambda line: two[0].holds(line) and two[1].holds(line)
            )
        ),
        st.tuples(inner, inner).map(
            lambda two: Condition(
                f"({two[0].query}) or ({two[1].query})", lambda line: two[0].holds(line) or two[1].holds(line)
            )
        ),
        inner.map(lambda one: Condition(f"not ({one.query})", lambda line: not one.holds(line))),
    ),
    max_leaves=4,
)


def newest_first(rows: Sequence[Line]) -> list[Line]:
    return sorted(rows, key=lambda line: (line.ms, line.sequence), reverse=True)


def ordered(rows: list[Line], name: str, *, descending: bool) -> list[Line]:
    """Stable: texts before numbers, the reverse if descending, and what is missing at the end."""

    def key(line: Line) -> tuple[bool, float, str]:
        text = line.member(name)
        assert text is not None
        found = number(text)
        return (found is not None, 0.0 if found is None else found, text)

    there = [line for line in rows if line.member(name) is not None]
    there.sort(key=key, reverse=descending)
    if descending:  # stable in this direction, too
        groups: dict[tuple[bool, float, str], list[Line]] = {}
        for line in rows:
            if line.member(name) is not None:
                groups.setdefault(key(line), []).append(line)
        there = [line for one in sorted(groups, reverse=True) for line in groups[one]]
    return there + [line for line in rows if line.member(name) is None]


def asked(rows: Sequence[Line], query: str) -> list[tuple[Any, ...]]:
    return loaded(rows).execute(statement(query).sql).fetchall()


@given(lines(), conditions)
def test_filter_finds_the_lines_for_which_the_condition_is_true(rows: list[Line], condition: Condition) -> None:
    found = asked(rows, f"fields sequence, price | filter {condition.query}")
    wanted = newest_first([line for line in rows if condition.holds(line)])
    assert found == [(line.sequence, line.member("price")) for line in wanted]


@given(lines(), st.sampled_from(MEMBERS), st.booleans(), st.sampled_from(MEMBERS), st.integers(1, 30))
def test_sort_and_limit(rows: list[Line], name: str, descending: bool, second: str, count: int) -> None:  # noqa: FBT001
    way = " desc" if descending else ""
    found = asked(rows, f"fields sequence | sort {name}{way}, {second} asc | limit {count}")
    wanted = ordered(newest_first(rows), second, descending=False)
    wanted = ordered(wanted, name, descending=descending)[:count]
    assert found == [(line.sequence,) for line in wanted]


@given(lines(), st.lists(st.sampled_from(MEMBERS), min_size=1, max_size=2, unique=True), st.integers(1, 30))
def test_dedup_keeps_the_first_of_each_and_what_has_no_value(rows: list[Line], names: list[str], count: int) -> None:
    found = asked(rows, f"sort price | fields sequence | dedup {', '.join(names)} | limit {count}")
    seen, wanted = set(), []
    for line in ordered(newest_first(rows), "price", descending=False):
        values = tuple(line.member(name) for name in names)
        if None in values or values not in seen:
            wanted.append(line)
        seen.add(values)
    assert found == [(line.sequence,) for line in wanted[:count]]


def percentile(numbers: list[float], percent: float) -> float | None:
    """Between the two nearest, in proportion."""
    numbers = sorted(numbers)
    if not numbers:
        return None
    place = (len(numbers) - 1) * percent / 100
    low, high = numbers[math.floor(place)], numbers[math.ceil(place)]
    return low + (high - low) * (place - math.floor(place))


def figures(group: list[Line], name: str, percent: float) -> list[Any]:
    earliest_first = reversed(newest_first(group))
    texts = [text for line in earliest_first if (text := line.member(name)) is not None]
    numbers = [found for text in texts if (found := number(text)) is not None]
    extremes = [min(numbers), max(numbers)] if numbers else [min(texts, default=None), max(texts, default=None)]
    return [
        len(group),
        len(texts),
        len(set(texts)),
        math.fsum(numbers) if numbers else None,
        math.fsum(numbers) / len(numbers) if numbers else None,
        *extremes,
        percentile(numbers, percent),
        texts[0] if texts else None,
        texts[-1] if texts else None,
        (max(line.ms for line in group) - min(line.ms for line in group)) / 1000 if group else None,
    ]


def same(one: Any, other: Any) -> bool:  # noqa: ANN401
    if isinstance(other, float) and one is not None:
        return math.isclose(float(one), other, rel_tol=1e-9, abs_tol=1e-9)
    return bool(one == other)


GROUPS: dict[str, Callable[[Line], Any]] = {
    "user": lambda line: line.member("user"),
    "bin(15m)": lambda line: (BEGIN + timedelta(milliseconds=line.ms // 900_000 * 900_000)).replace(tzinfo=None),
    "bin(7h)": lambda line: datetime.fromtimestamp(line.ts.timestamp() // 25_200 * 25_200, UTC).replace(tzinfo=None),
    "@log": lambda line: line.function,
    "level": lambda line: line.level,
}


@given(
    lines(),
    conditions,
    st.sampled_from(("price", "a.b", "user")),
    st.sampled_from((0, 12.5, 50, 95, 100)),
    st.lists(st.sampled_from(sorted(GROUPS)), max_size=2, unique=True),
)
def test_stats(rows: list[Line], condition: Condition, name: str, percent: float, by: list[str]) -> None:
    found = asked(
        rows,
        f"filter {condition.query} | stats count(*) as n, count({name}), count_distinct({name}), sum({name}),"
        f" avg({name}), min({name}), max({name}), pct({name}, {percent}) as p, earliest({name}), latest({name}),"
        f" (latest(@timestamp) - earliest(@timestamp)) / 1000 as seconds{' by ' * bool(by)}{', '.join(by)}",
    )
    groups: dict[tuple[Any, ...], list[Line]] = {} if by else {(): []}
    for line in rows:
        if condition.holds(line):
            groups.setdefault(tuple(GROUPS[one](line) for one in by), []).append(line)
    assert {row[: len(by)] for row in found} == set(groups)
    assert len(found) == len(groups)
    for row in found:
        wanted = figures(groups[row[: len(by)]], name, percent)
        assert all(same(one, other) for one, other in zip(row[len(by) :], wanted, strict=True)), (row, wanted)


@given(lines(), st.integers(0, 4))
def test_what_stats_made_can_be_filtered_sorted_and_counted_again(rows: list[Line], least: int) -> None:
    query = "stats count(*) as n, sum(price) / count(*) as each by user | filter n > {} | sort n desc, each | limit 3"
    found = asked(rows, f"{query.format(least)} | fields n * 2 as double")
    groups: dict[str | None, list[Line]] = {}
    for line in rows:
        groups.setdefault(line.member("user"), []).append(line)
    counts = sorted((len(group) for group in groups.values() if len(group) > least), reverse=True)[:3]
    assert [row[1] for row in found] == counts
    assert [row[3] for row in found] == [2 * count for count in counts]
    assert asked(rows, "stats count(*) by user | stats count(*), sum(`count(*)`)") == [
        (len(groups), len(rows) if rows else None)
    ]


NAMED = ("count(*)", "sum(price)", "max(user)", "min(`a.b`)", "latest(price)", "earliest(@timestamp)")


@given(lines(), st.lists(st.sampled_from(NAMED), min_size=1, max_size=4), st.sampled_from(sorted(GROUPS)), st.data())
def test_a_name_that_stats_gave_stands_for_its_expression(
    rows: list[Line], made: list[str], by: str, data: st.DataObject
) -> None:
    """However deep one column stands on another, and whether it is joined with a figure of the lines or not."""
    short, long = [f"{one} as n{number}" for number, one in enumerate(made)], list(made)
    for _ in range(data.draw(st.integers(1, 4))):
        parts = [data.draw(st.integers(0, len(long) - 1)) for _ in range(2)]
        more = data.draw(st.sampled_from(["", " * 2", " + count(price)"]))
        short.append(f"n{parts[0]} - n{parts[1]}{more} as n{len(long)}")
        long.append(f"({long[parts[0]]}) - ({long[parts[1]]}){more}")
    written = [f"{one} as n{number}" for number, one in enumerate(long)]
    assert asked(rows, f"stats {', '.join(short)} by {by}") == asked(rows, f"stats {', '.join(written)} by {by}")


@given(st.text(), st.sampled_from(("=", "like", "in")))
def test_a_text_is_only_ever_a_text(text: str, how: str) -> None:
    """Whatever a value contains, a line with it is found, and one without is not."""
    if "\0" in text or any("\ud800" <= one <= "\udfff" for one in text):
        return  # refused: see the unit tests
    rows = [Line(0, 1, "f", None, {"user": text}), Line(1, 2, "f", None, {"user": text + "-"})]
    written = f"[{quoted(text)}]" if how == "in" else quoted(text)
    found = asked(rows, f"fields sequence | filter user {how} {written}")
    assert found == ([(2,), (1,)] if how == "like" else [(1,)])


@example("*")
@given(st.text(st.characters(exclude_characters="`\0", exclude_categories=["Cs"]), min_size=1))
def test_a_name_is_only_ever_a_name(name: str) -> None:
    if "." in name or name.startswith("@"):
        return  # a path; an @field
    rows = [Line(0, 1, "f", None, {name: "there"})]
    assert asked(rows, f"fields `{name}` as `{name}x` | filter ispresent(`{name}`)") == [("there",)]
