"""Monitoring in template.yaml, and deploy/monitoring.yaml for each function: what CloudFormation would get to make.

moto's CloudFormation says CREATE_COMPLETE and makes nothing of these types, so their properties are sent as API calls.
The patterns themselves are held against logs of the sandbox in tests/e2e/logs/test_metric_filters.py.
"""

from __future__ import annotations

import json
import re
import subprocess
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from adaptive_batching.cli import main
from adaptive_batching.logs.filter_pattern import FilterPattern
from tests.fakes import s3
from tests.layer.conftest import ROOT
from tests.template.stack import Stack, monitoring, nested
from tests.template.template import template, translated
from tools.template import monitoring as monitoring_tool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ON = {"Monitoring": "on", "Conference": "true", "AsyncExample": "true"}
EVERYTHING = {**ON, "NotifyEmail": "a@example.com", "DatabaseIdentifier": "orders", "ShortSeconds": "60"}
FILTER, ALARM = "AWS::Logs::MetricFilter", "AWS::CloudWatch::Alarm"
#: Metrics of AWS's own, and their dimension. Sources: Lambda Developer Guide, "Types of metrics for Lambda functions";
#: SQS Developer Guide, "Available CloudWatch metrics for Amazon SQS"; RDS User Guide, "Amazon CloudWatch instance-level
#: metrics for Amazon RDS".
AWS_METRICS = {
    "AWS/Lambda": (
        "FunctionName",
        {"Invocations", "Errors", "Throttles", "Duration", "ConcurrentExecutions", "IteratorAge", "AsyncEventsDropped"},
    ),
    "AWS/SQS": ("QueueName", {"ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"}),
    "AWS/RDS": ("DBInstanceIdentifier", {"DatabaseConnections"}),
}
OURS = "adaptive-batching/"
#: The alarms of every function; some functions have more.
ALARMS = {
    *("errors", "throttles", "events-dropped", "near-timeout", "timeouts", "records-lost"),
    *("pattern-too-many-connections", "pattern-api-rate-limit-exceeded"),
}
MORE = {"SaveMonitoring": {"dead-letters"}, "NotifyMonitoring": {"dead-letters", "iterator-age"}}


@cache
def stack(**parameters: str) -> Stack:
    return Stack(translated(), **parameters)


@cache
def inner(**parameters: str) -> dict[str, Stack]:
    return nested(stack(**parameters))


@pytest.fixture(scope="module")
def moto() -> Iterator[s3.Moto]:
    with s3.moto() as server:
        yield server


def test_the_default_stack_has_nothing_of_it_and_its_functions_are_as_they_were() -> None:
    default = stack()
    assert set(default.resources) & set(stack(**EVERYTHING).resources) == set(default.resources)
    kinds = {one["Type"] for one in default.resources.values()}
    assert kinds == {
        *("AWS::IAM::Role", "AWS::Lambda::EventInvokeConfig", "AWS::Lambda::Function", "AWS::Lambda::LayerVersion"),
        *("AWS::S3::Bucket", "AWS::S3::BucketPolicy"),
    }
    for one in default.of_type("AWS::Lambda::Function").values():
        assert "LoggingConfig" not in one
    assert set(default.outputs) == {"Bucket", "Function", "Experiment", "Layer", "InvokeCommand"}
    asked = stack(AsyncExample="true").of_type(ALARM).values()
    assert [one for one in asked if "AlarmActions" in one] == []


def test_the_log_format_is_that_of_demonstration_and_experiment_with_and_without_monitoring() -> None:
    for name in ("DemoFunction", "ExperimentFunction"):
        alone = stack(LogFormat="JSON").resources[name]["Properties"]["LoggingConfig"]
        assert alone == {"LogFormat": "JSON"}
        both = stack(Monitoring="on", LogFormat="JSON").resources[name]["Properties"]["LoggingConfig"]
        assert both["LogFormat"] == "JSON"
        assert both["LogGroup"].startswith("/a-stack/")  # below /aws/lambda/, Lambda may have made it before


def test_each_function_has_a_stack_of_filters_and_alarms_that_knows_it_as_it_is() -> None:
    whole = stack(**ON)
    functions = {one["FunctionName"]: one for one in whole.of_type("AWS::Lambda::Function").values()}
    watched = {name: one["Parameters"] for name, one in whole.of_type("AWS::CloudFormation::Stack").items()}
    assert set(watched) == {f"{name}Monitoring" for name in ("Demo", "Experiment", "Submit", "Save", "Notify")}
    groups = {one["LogGroupName"] for one in whole.of_type("AWS::Logs::LogGroup").values()}
    for one in watched.values():
        function = functions[one["FunctionName"]]
        assert str(one["TimeoutSeconds"]) == str(function["Timeout"])
        logging = function["LoggingConfig"]
        assert (one["LogGroup"], one["LogFormat"]) == (logging["LogGroup"], logging["LogFormat"])
        assert one["LogGroup"] in groups


def test_every_alarm_goes_to_the_topic_and_no_two_have_one_name() -> None:
    topic = "arn:aws:sns:eu-west-1:111122223333:AlarmTopic"
    found = {name: one.of_type(ALARM) for name, one in inner(**ON).items()}
    alarms = [one for some in found.values() for one in some.values()]
    assert [one for one in [*alarms, *stack(**ON).of_type(ALARM).values()] if one["AlarmActions"] != [topic]] == []
    assert {one["TreatMissingData"] for one in alarms} == {"notBreaching"}  # a function that does not run is well
    names = [one["AlarmName"] for one in alarms]
    assert len(set(names)) == len(names)
    for name, some in found.items():
        function = stack(**ON).resources[name]["Properties"]["Parameters"]["FunctionName"]
        kinds = {one["AlarmName"].removeprefix(f"{function}-") for one in some.values()}
        assert kinds == ALARMS | MORE.get(name, set())


def test_without_a_log_group_there_is_nothing_that_needs_the_log() -> None:
    parameters = {"FunctionName": "orders", "TimeoutSeconds": "30", "AlarmTopic": "arn:aws:sns:eu-west-1:1:a"}
    with_log, without = monitoring(**parameters, LogGroup="/aws/lambda/orders"), monitoring(**parameters)
    assert without.of_type(FILTER) == {}
    assert {one.get("Namespace", "AWS/Lambda") for one in without.of_type(ALARM).values()} == {"AWS/Lambda"}
    left_out = {one["MetricName"] for name, one in with_log.of_type(ALARM).items() if name not in without.resources}
    assert left_out == {"Timeouts", "RecordsLost", "Too many connections", "API Rate Limit Exceeded"}


def test_a_function_that_may_not_write_to_its_log_group_has_no_filters_and_keeps_the_alarms_of_lambda() -> None:
    denied = {**ON, "DisableCloudWatchLogs": "true"}
    whole, stacks = stack(**denied), inner(**denied)
    for name, each in stacks.items():
        first = name.removesuffix("Monitoring")
        function = whole.resources[f"{first}Function"]["Properties"]
        group = function["LoggingConfig"].get("LogGroup", f"/aws/lambda/{function['FunctionName']}")
        statements = [
            one
            for policy in whole.resources[f"{first}FunctionRole"]["Properties"]["Policies"]
            for one in policy["PolicyDocument"]["Statement"]
        ]
        refused = [one["Resource"] for one in statements if one["Effect"] == "Deny"]
        is_denied = any(resource.endswith(f":log-group:{group}") for some in refused for resource in some)
        assert is_denied == (first != "Experiment")  # which is compared with what CloudWatch has
        assert bool(each.of_type(FILTER)) != is_denied
        assert "ErrorsAlarm" in each.of_type(ALARM)


@pytest.mark.parametrize(
    ("duration", "fires"), [(0, False), (23_999, False), (24_000, True), (29_999, True), (30_000, True)]
)
def test_an_invocation_is_near_its_timeout_from_80_percent_on(duration: float, *, fires: bool) -> None:
    alarm = inner(**ON)["DemoMonitoring"].of_type(ALARM)["NearTimeoutAlarm"]
    assert breaches(alarm, duration) == fires


@pytest.mark.parametrize(("alarm", "value", "fires"), [
    ("TooShortAlarm", 59_999, True), ("TooShortAlarm", 60_000, False),
    ("IteratorAgeAlarm", 60_000, False), ("IteratorAgeAlarm", 60_001, True),
])  # fmt: skip
def test_seconds_of_the_parameters_are_milliseconds_of_the_metric(alarm: str, value: float, *, fires: bool) -> None:
    assert breaches(inner(**EVERYTHING)["NotifyMonitoring"].of_type(ALARM)[alarm], value) == fires


def breaches(alarm: dict[str, Any], value: float) -> bool:
    """Whether a metric-math alarm with one metric is beyond its threshold."""
    (shown, metric) = sorted(alarm["Metrics"], key=lambda one: "MetricStat" in one)
    assert re.fullmatch(rf"{metric['Id']}(?: / \d+)+", shown["Expression"])
    assert (shown.get("ReturnData", True), metric["ReturnData"]) == (True, False)
    result = eval(shown["Expression"], {metric["Id"]: value})  # noqa: S307 - a division
    threshold = float(alarm["Threshold"])
    return bool(
        {
            "GreaterThanThreshold": result > threshold,
            "GreaterThanOrEqualToThreshold": result >= threshold,
            "LessThanThreshold": result < threshold,
        }[alarm["ComparisonOperator"]]
    )


@pytest.mark.parametrize("log_format", ["Text", "JSON"])
def test_each_pattern_is_one_that_cloudwatch_takes_and_a_log_group_has_at_most_five_with_regular_expressions(
    log_format: str,
) -> None:
    for one in inner(**ON, LogFormat=log_format).values():
        patterns = [FilterPattern(each["FilterPattern"]) for each in one.of_type(FILTER).values()]
        assert len(patterns) == 6
        assert sum(each.regexes > 0 for each in patterns) <= 5


def test_the_properties_are_those_of_the_apis_which_take_them(moto: s3.Moto) -> None:
    """Each resource is made by the call that CloudFormation makes; botocore and moto refuse what is none."""
    logs, cloudwatch, sns = (moto.client(name) for name in ("logs", "cloudwatch", "sns"))
    whole = stack(**EVERYTHING)
    for one in whole.of_type("AWS::Logs::LogGroup").values():
        logs.create_log_group(logGroupName=one["LogGroupName"])
        logs.put_retention_policy(logGroupName=one["LogGroupName"], retentionInDays=one["RetentionInDays"])
    topic = sns.create_topic(Name="AlarmTopic")["TopicArn"]
    for one in whole.of_type("AWS::SNS::Subscription").values():
        sns.subscribe(**{**one, "TopicArn": topic})
    for each in inner(**EVERYTHING).values():
        for name, one in each.of_type(FILTER).items():
            changes = [{lowered(key): value for key, value in some.items()} for some in one["MetricTransformations"]]
            rest = {lowered(key): value for key, value in one.items() if key != "MetricTransformations"}
            logs.put_metric_filter(**rest, filterName=name, metricTransformations=changes)
    alarms = [one for each in inner(**EVERYTHING).values() for one in each.of_type(ALARM).values()]
    for one in alarms:
        cloudwatch.put_metric_alarm(**{**one, "Threshold": float(one["Threshold"]), "AlarmActions": [topic]})
    (dashboard,) = whole.of_type("AWS::CloudWatch::Dashboard").values()
    cloudwatch.put_dashboard(**dashboard)
    made = [
        one["filterName"] for one in logs.get_paginator("describe_metric_filters").paginate().search("metricFilters")
    ]
    assert len(made) == 6 * len(inner(**EVERYTHING))
    assert len(list(cloudwatch.get_paginator("describe_alarms").paginate().search("MetricAlarms"))) == len(alarms)
    assert sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"][0]["Endpoint"] == "a@example.com"
    assert json.loads(cloudwatch.get_dashboard(DashboardName="a-stack")["DashboardBody"])["widgets"]


def lowered(name: str) -> str:
    return name[:1].lower() + name[1:]


def bodies() -> list[tuple[dict[str, str], list[dict[str, Any]]]]:
    cases = [{"Monitoring": "on"}, ON, {"Monitoring": "on", "DatabaseIdentifier": "orders"}, EVERYTHING]
    return [(one, widgets(**one)) for one in cases]


def widgets(**parameters: str) -> list[dict[str, Any]]:
    (dashboard,) = stack(**parameters).of_type("AWS::CloudWatch::Dashboard").values()
    found: list[dict[str, Any]] = json.loads(dashboard["DashboardBody"])["widgets"]
    return found


def test_each_metric_on_the_dashboard_is_aws_s_or_ours_and_its_dimension_a_resource_of_the_stack() -> None:
    for parameters, found in bodies():
        whole = stack(**parameters)
        names = {
            "FunctionName": {one["FunctionName"] for one in whole.of_type("AWS::Lambda::Function").values()},
            "QueueName": {one["QueueName"] for one in whole.of_type("AWS::SQS::Queue").values()},
            "DBInstanceIdentifier": {"orders"},
        }
        filtered = {
            (change["MetricNamespace"], change["MetricName"])
            for each in inner(**parameters).values()
            for one in each.of_type(FILTER).values()
            for change in one["MetricTransformations"]
        }
        shown = set()
        for namespace, metric, *rest in [
            line for one in found if one["type"] == "metric" for line in one["properties"]["metrics"]
        ]:
            shown.add((namespace, metric))
            dimensions = [one for one in rest if isinstance(one, str)]
            if namespace.startswith(OURS):
                assert (namespace, metric) in filtered
                assert dimensions == []  # a metric of a filter has none
            else:
                dimension, known = AWS_METRICS[namespace]
                assert metric in known
                assert dimensions[0] == dimension
                assert dimensions[1] in names[dimension]
        assert filtered <= shown  # what is counted is seen


def test_the_page_shows_the_patterns_of_both_formats_and_every_alarm() -> None:
    page = (ROOT / "docs/cloudwatch.md").read_text(encoding="utf-8").replace("\\|", "|")
    for log_format in ("Text", "JSON"):
        for name, one in inner(**ON, LogFormat=log_format)["DemoMonitoring"].of_type(FILTER).items():
            shown = (
                one["MetricTransformations"][0]["MetricName"] if name.startswith("Pattern") else one["FilterPattern"]
            )
            assert f"`{shown}`" in page
    for kind in {*ALARMS, *MORE["NotifyMonitoring"], "too-short"} - {"pattern-api-rate-limit-exceeded"}:
        assert f"-{kind}`" in page


def test_no_pattern_can_take_the_name_of_a_metric_that_is_there_without_patterns() -> None:
    filters = inner(**ON)["DemoMonitoring"].of_type(FILTER)
    names = {name: one["MetricTransformations"][0]["MetricName"] for name, one in filters.items()}
    assert {metric for name, metric in names.items() if not name.startswith("Pattern")} == monitoring_tool.OWN


def test_the_alarms_look_at_metrics_that_there_are() -> None:
    for each in inner(**EVERYTHING).values():
        made = {one["MetricTransformations"][0]["MetricName"] for one in each.of_type(FILTER).values()}
        for one in each.of_type(ALARM).values():
            metric = one if "Namespace" in one else one["Metrics"][1]["MetricStat"]["Metric"]
            dimension, known = AWS_METRICS.get(metric["Namespace"], ("", made))
            assert metric["MetricName"] in known
            assert [each["Name"] for each in metric.get("Dimensions", [])] == ([dimension] if dimension else [])


def test_widgets_stand_side_by_side_in_a_grid_of_24() -> None:
    for _, found in bodies():
        taken = [
            (x, y)
            for one in found
            for x in range(one["x"], one["x"] + one["width"])
            for y in range(one["y"], one["y"] + one["height"])
        ]
        assert len(set(taken)) == len(taken)
        assert max(x for x, _ in taken) < 24


def test_a_database_and_the_conference_are_on_it_only_if_they_are_there() -> None:
    titles = [{one["properties"]["title"] for one in found} for _, found in bodies()]
    assert ["lead time: the slowest requests, from first to last milestone" in one for one in titles] == [
        False, True, False, True,
    ]  # fmt: skip
    assert ["database connections" in one for one in titles] == [False, False, True, True]


def test_the_queries_of_the_dashboard_run_and_say_what_the_report_says(capsys: pytest.CaptureFixture[str]) -> None:
    queries = [one["properties"]["query"] for one in widgets(**EVERYTHING) if one["type"] == "log"]
    groups = {one["LogGroupName"] for one in stack(**EVERYTHING).of_type("AWS::Logs::LogGroup").values()}
    assert len(queries) == 3
    for query in queries:
        assert set(re.findall(r"SOURCE '([^']+)' \| ", query)) <= groups
    cost, _, lead = (re.sub(r"^(?:SOURCE '[^']+' \| )+", "", one) for one in queries)
    report = run(capsys, "report", "--lead", "RECEIVED", "THANKED")[0]
    rows = run(capsys, "query", cost)
    assert [(one["@log"], one["invocations"]) for one in sorted(rows, key=lambda one: str(one["@log"]))] == [
        (one["function"], one["invocations"]) for one in report["functions"]
    ]
    assert sum(one["dollars"] for one in rows) == pytest.approx(report["total"]["cost"], rel=1e-6)
    slowest = run(capsys, "query", lead)[0]
    assert slowest["seconds"] == pytest.approx(report["lead_time"]["max_s"])
    assert slowest["traceId"] == report["lead_time"]["slowest"][0]["trace"]


def run(capsys: pytest.CaptureFixture[str], verb: str, *words: str) -> list[dict[str, Any]]:
    assert main(["logs", verb, *words, str(ROOT / "examples/logs"), "--format", "json"]) == 0
    out = capsys.readouterr().out
    return [json.loads(out)] if verb == "report" else [json.loads(line) for line in out.splitlines()]


def test_cfn_lint_finds_nothing_in_what_is_left_when_everything_is_filled_in(tmp_path: Path) -> None:
    """A dashboard that is not JSON, or a retry count of 3, is seen only here: in the source it is not a value yet."""
    documents = {"off": stack(), "on": stack(**ON), "everything": stack(**EVERYTHING)}
    documents |= {name: one for name, one in inner(**EVERYTHING).items() if name in ("DemoMonitoring", *MORE)}
    for name, one in documents.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(one.document()))
    files = ["deploy/monitoring.yaml", *(str(tmp_path / f"{name}.json") for name in documents)]
    found = subprocess.run(
        [ROOT / ".venv/bin/cfn-lint", *files], check=False, cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")


def test_the_sandbox_reads_every_function_with_and_without_it(tmp_path: Path) -> None:
    from adaptive_batching.sandbox.template.template import Template

    for parameters, log_format in (({}, "Text"), ({"Monitoring": "on", "LogFormat": "JSON"}, "JSON")):
        read = Template(ROOT / "template.yaml", parameters)
        for name in ("DemoFunction", "ExperimentFunction"):
            assert read.function(name, (tmp_path,)).log_format == log_format
    assert template()["Parameters"]["Monitoring"]["Default"] == "off"
