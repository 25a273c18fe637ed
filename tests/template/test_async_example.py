"""The asynchronous example of template.yaml: parameters for each scenario, alarms that fire where they should."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import pytest

from adaptive_batching.sandbox.asynchronous import metrics
from adaptive_batching.sandbox.asynchronous.configuration import configured
from adaptive_batching.sandbox.asynchronous.scenarios import SCENARIOS, START, play
from adaptive_batching.sandbox.template.template import Template
from tests.layer.conftest import ROOT
from tests.template.template import template

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from adaptive_batching.sandbox.asynchronous.metrics import Datum

#: Scenario -> the parameters with which the template deploys it. They follow one another, as in the guide.
PARAMETERS = {
    "errors": {"AsyncMode": "raise"},
    "concurrency": {"AsyncMode": "sleep", "AsyncReservedConcurrency": "1"},
    "expiry": {"AsyncMode": "sleep", "AsyncReservedConcurrency": "1", "AsyncMaximumEventAge": "60"},
    "zero": {"AsyncMode": "sleep", "AsyncReservedConcurrency": "0", "AsyncMaximumEventAge": "60"},
}
#: Alarm -> the scenarios in which it fires.
FIRES = {
    "AsyncDroppedAlarm": {"errors", "expiry", "zero"},
    "AsyncAgeAlarm": {"errors", "concurrency"},
    "AsyncDeadLetterErrorsAlarm": set[str](),
}
STATISTICS: dict[str, Callable[[list[float]], float]] = {"Sum": sum, "Maximum": max}
COMPARISONS = {"GreaterThanThreshold": operator.gt}


def fires(alarm: dict[str, Any], data: Iterable[Datum]) -> bool:
    """Whether an alarm of one evaluation period goes off: missing data do not breach."""
    assert (alarm["Namespace"], alarm["EvaluationPeriods"]) == ("AWS/Lambda", 1)
    assert alarm["TreatMissingData"] == "notBreaching"
    assert alarm["Dimensions"] == [{"Name": "FunctionName", "Value": {"Ref": "AsyncFunction"}}]
    periods: dict[int, list[float]] = {}
    for one in data:
        if one.name == alarm["MetricName"]:
            periods.setdefault(int((one.at + START) // alarm["Period"]), []).append(one.value)
    compare, threshold = COMPARISONS[alarm["ComparisonOperator"]], alarm["Threshold"]
    return any(compare(STATISTICS[alarm["Statistic"]](values), threshold) for values in periods.values())


@pytest.mark.parametrize("name", FIRES)
def test_an_alarm_fires_in_its_scenarios_and_in_no_other(name: str) -> None:
    alarm = template()["Resources"][name]["Properties"]
    assert {one for one in SCENARIOS if fires(alarm, play(SCENARIOS[one]).data)} == FIRES[name]


def test_the_alarm_on_dead_letters_fires_when_one_is_refused() -> None:
    alarm = template()["Resources"]["AsyncDeadLetterErrorsAlarm"]["Properties"]
    assert fires(alarm, [metrics.Datum(metrics.DEAD_LETTER_ERRORS, 1, 0.0)])


@pytest.mark.parametrize("name", SCENARIOS)
def test_each_scenario_is_one_set_of_parameters(tmp_path: Path, name: str) -> None:
    given = {"AsyncExample": "true", **PARAMETERS[name]}
    found = Template(ROOT / "template.yaml", given).function("AsyncFunction", (tmp_path,))
    held, wanted = configured(found), SCENARIOS[name].configuration
    assert (held.retries, held.max_age, held.reserved) == (wanted.retries, wanted.max_age, wanted.reserved)
    assert held.dead_letter == f"arn:aws:sqs:us-east-1:123456789012:{found.name}-dead-letters"
    assert (found.variables["MODE"], found.timeout) == (PARAMETERS[name]["AsyncMode"], 100)
    assert (found.folder, found.handler) == (ROOT / "functions/asynchronous", "app.handler")


def test_nothing_of_the_example_is_deployed_unless_it_is_asked_for() -> None:
    whole = template()
    assert whole["Parameters"]["AsyncExample"]["Default"] == "false"
    named = {name for name in whole["Resources"] if name.startswith("Async")}
    assert named == {"AsyncFunction", "AsyncLogGroup", "AsyncDeadLetters", *FIRES}
    assert {whole["Resources"][name]["Condition"] for name in named} == {"IsAsyncExample"}
