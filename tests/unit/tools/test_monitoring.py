"""The metric filters that tools/template/monitoring.py makes of a patterns file, and what it refuses."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptive_batching.logs.filter_pattern import FilterPattern
from tools.page import PageError
from tools.template import dashboard, monitoring

PATTERNS = """
[[pattern]]
name = "payment: refused"
text = 'status "402"'

[[pattern]]
name = "slow"
regex = 'took \\d{4,} ms'
functions = ["orders-*"]

[[pattern]]
name = "ERROR"
text = "error"
"""


class Loader(yaml.SafeLoader):  # type: ignore[misc]
    """Reads the short forms of intrinsic functions as their arguments."""


Loader.add_multi_constructor("!", lambda loader, _name, node: loader.construct_scalar(node))


def made(toml: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.load(monitoring.resources(toml), Loader)  # noqa: S506 - a SafeLoader
    return {name: dict(one["Properties"]) for name, one in found.items()}


def test_each_pattern_has_a_filter_and_an_alarm_on_its_metric() -> None:
    resources = made(PATTERNS)
    names = ("TooManyConnections", "APIRateLimitExceeded", "PaymentRefused", "Slow")  # ERROR is counted as ErrorLines
    assert list(resources) == [f"Pattern{name}{kind}" for name in names for kind in ("Filter", "Alarm")]
    refused = resources["PatternPaymentRefusedFilter"]
    assert refused["FilterPattern"] == r'"status \"402\""'
    assert FilterPattern(str(refused["FilterPattern"])).matches('{"message": status "402"}')
    assert resources["PatternSlowFilter"]["FilterPattern"] == r"%took \d{4,} ms%"
    (change,) = refused["MetricTransformations"]
    assert change["MetricName"] == resources["PatternPaymentRefusedAlarm"]["MetricName"] == "payment refused"
    assert change["MetricNamespace"] == resources["PatternPaymentRefusedAlarm"]["Namespace"]
    assert resources["PatternPaymentRefusedAlarm"]["AlarmName"] == "${FunctionName}-pattern-payment-refused"


def pattern(name: str, regex: str) -> str:
    return f"[[pattern]]\nname = '{name}'\nregex = '{regex}'\n"


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        (pattern("refused", "status=(402|403)"), "patterns.toml, 'refused': %status=(402|403)% is not a regular"),
        ("".join(pattern(f"n{number}", "a") for number in range(6)), "has more than 5 regular expressions"),
        (pattern("…", "a"), "patterns.toml: '…' has none of the letters"),
        (pattern("Timeouts", "a"), "patterns.toml: Timeouts is the name of a metric that there is already"),
        ("[pattern]", "in two brackets"),
    ],
)
def test_what_cloudwatch_could_not_count_is_said(toml: str, said: str) -> None:
    with pytest.raises(PageError) as refused:
        monitoring.resources(toml)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        *(("a b", "A-b"), ("slow", "sLow"), ("a:b", "ab"), ("a b", "a:b"), ("a-b", "a b"), ("é x", "x")),
        *(("it's", "it s"), ("Aa", "A-A")),
    ],
)
def test_two_patterns_that_would_be_one_on_cloudwatch_are_refused(one: str, other: str) -> None:
    toml = "".join(f'[[pattern]]\nname = "{name}"\ntext = "{name}"\n' for name in (one, other))
    with pytest.raises(PageError, match="the same name on CloudWatch") as refused:
        monitoring.resources(toml)
    assert repr(one) in str(refused.value)
    assert repr(other) in str(refused.value)


NAMES = st.lists(st.text("aAb1 :*-é…", min_size=1, max_size=4).filter(str.strip), min_size=2, max_size=4, unique=True)


@settings(max_examples=300, deadline=None, print_blob=True)
@given(names=NAMES)
def test_every_pattern_has_a_filter_a_metric_and_an_alarm_of_its_own_or_is_refused(names: list[str]) -> None:
    toml = "".join(f'[[pattern]]\nname = "{name}"\ntext = "{name}"\n' for name in names)
    with contextlib.suppress(PageError):
        found = made(toml)
        alarms = [one for one in found.values() if "AlarmName" in one]
        filters = [one["MetricTransformations"][0]["MetricName"] for one in found.values() if "AlarmName" not in one]
        assert len({name.lower() for name in found}) == len(found)
        assert len({one["AlarmName"].lower() for one in alarms}) == len(alarms) == len(set(filters)) == len(filters)
        assert [one["MetricName"] for one in alarms] == filters
        assert all(one["AlarmName"][-1].isalnum() for one in alarms)


def test_the_metric_of_each_pattern_is_on_the_dashboard() -> None:
    assert monitoring.counted()[:2] == ["Too many connections", "API Rate Limit Exceeded"]
    for name in monitoring.counted():
        assert f'"{name}"' in dashboard.resource()
