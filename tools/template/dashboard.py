"""The dashboard of template.yaml: widgets of CloudWatch for each group of functions. Fn::Sub fills the names in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from adaptive_batching import prices
from tools.page import between
from tools.template.monitoring import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

_BEGIN, _END = "  # Dashboard: written by `python -m tools`\n", "  # end of dashboard\n"
_ALWAYS = {"${DemoFunction}": "${DemoLogGroup}", "${ExperimentFunction}": "${ExperimentLogGroup}"}
_CONFERENCE = {
    "${SubmitFunction}": "${SubmitLogGroup}",
    "${SaveFunction}": "${SaveLogGroup}",
    "${NotifyFunction}": "${NotifyLogGroup}",
}
_QUEUE = "${ConferenceQueue.QueueName}"
_DEAD = "${ConferenceDeadQueue.QueueName}", "${ConferenceStreamDeadQueue.QueueName}"
#: The grid is 24 wide; three widgets stand in a row.
_WIDTH, _HEIGHT, _IN_A_ROW = 8, 6, 3
_COST = (
    'filter @type = "REPORT" or type = "platform.report"'
    " | fields coalesce(@billedDuration, record.metrics.billedDurationMs) / 1000 as seconds,"
    " coalesce(@memorySize / 1000000, record.metrics.memorySizeMB) / 1024 as gb"
    " | stats count(*) as invocations, avg(seconds) as mean, max(seconds) as longest,"
    f" sum(seconds * gb) * {prices.GB_SECOND['x86_64']:.10f} + count(*) * {prices.REQUEST:.7f} as dollars by @log"
)
_LEAD_TIME = (
    "filter ispresent(milestone)"
    " | stats min(@timestamp) as arrived, (max(@timestamp) - min(@timestamp)) / 1000 as seconds,"
    " count(*) as milestones by traceId | sort seconds desc | limit 50"
)


def written(template: str) -> str:
    """Return a template with the dashboard in it."""
    return between(template, _BEGIN, _END, resource())


def resource() -> str:
    """Return the resource of template.yaml."""
    always = _functions(_ALWAYS, "")
    conference = [*_functions(_CONFERENCE, "conference: "), *_conference()]
    database = [_metric("database connections", [["AWS/RDS", "DatabaseConnections", *_database()]], "Maximum")]
    rows = _rows(len(always))
    return f"""  Dashboard:
    Type: AWS::CloudWatch::Dashboard
    Condition: IsMonitoring
    Properties:
      DashboardName: !Ref AWS::StackName
      DashboardBody: !Join
        - ""
        - - '{{"widgets":['
          - !Sub |
{_lines(always, 0)}
          - !If
            - IsConference
            - !Sub |
              ,
{_lines(conference, rows)}
            - ""
          - !If
            - HasDatabase
            - !Sub |
              ,
{_lines(database, rows + _rows(len(conference)))}
            - ""
          - ']}}'
"""


def _functions(groups: dict[str, str], what: str) -> list[dict[str, Any]]:
    """Return the widgets that every function has."""
    names = list(groups)
    durations = [
        ["AWS/Lambda", "Duration", "FunctionName", name, {"stat": stat, "label": f"{name} {label}"}]
        for name in names
        for stat, label in (("p50", "p50"), ("p95", "p95"), ("Maximum", "longest"))
    ]
    return [
        _metric(f"{what}invocations", _lambda(names, "Invocations")),
        _metric(f"{what}errors", _lambda(names, "Errors")),
        _metric(f"{what}throttles", _lambda(names, "Throttles")),
        _metric(f"{what}concurrent executions", _lambda(names, "ConcurrentExecutions"), "Maximum"),
        _metric(f"{what}durations (ms)", durations),
        _metric(f"{what}timeouts", _ours(names, ["Timeouts"])),
        _metric(f"{what}patterns in the log", _ours(names, ["ErrorLines", *counted()])),
        _metric(
            f"{what}the extension: errors of shipping, records lost", _ours(names, ["ShippingErrors", "RecordsLost"])
        ),
        _query(f"{what}cost (prices of {prices.REGION}, x86_64)", groups.values(), _COST),
    ]


def _conference() -> list[dict[str, Any]]:
    visible, oldest = "ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"
    return [
        _metric("queue and dead letters", [_sqs(visible, name) for name in (_QUEUE, *_DEAD)], "Maximum"),
        _metric("oldest message (s)", [_sqs(oldest, name) for name in (_QUEUE, *_DEAD)], "Maximum"),
        _metric("iterator age (ms)", _lambda(["${NotifyFunction}"], "IteratorAge"), "Maximum"),
        _query("lead time: the slowest requests, from first to last milestone", _CONFERENCE.values(), _LEAD_TIME),
    ]


def _database() -> tuple[str, str]:
    return "DBInstanceIdentifier", "${DatabaseIdentifier}"


def _lambda(functions: Sequence[str], metric: str) -> list[list[Any]]:
    return [["AWS/Lambda", metric, "FunctionName", name] for name in functions]


def _sqs(metric: str, queue: str) -> list[Any]:
    return ["AWS/SQS", metric, "QueueName", queue]


def _ours(functions: Sequence[str], metrics: Sequence[str]) -> list[list[Any]]:
    """Return metrics that filters make. They have no dimension: the function is in the namespace."""
    return [
        [f"adaptive-batching/{name}", metric, {"label": f"{name} {metric}"}] for metric in metrics for name in functions
    ]


def _metric(title: str, metrics: list[list[Any]], stat: str = "Sum") -> dict[str, Any]:
    properties = {"title": title, "region": "${AWS::Region}", "stat": stat, "period": 60, "metrics": metrics}
    return {"type": "metric", "properties": {"view": "timeSeries", **properties}}


def _query(title: str, groups: Any, query: str) -> dict[str, Any]:  # noqa: ANN401 - an iterable of texts
    sources = "".join(f"SOURCE '{group}' | " for group in groups)
    properties = {"title": title, "region": "${AWS::Region}", "query": sources + query}
    return {"type": "log", "properties": {"view": "table", **properties}}


def _rows(count: int) -> int:
    return -(-count // _IN_A_ROW) * _HEIGHT


def _lines(widgets: list[dict[str, Any]], top: int) -> str:
    """Return the widgets with their places, one a line, as they stand in a block of YAML."""
    placed = [
        {
            "type": one["type"],
            "x": number % _IN_A_ROW * _WIDTH,
            "y": top + number // _IN_A_ROW * _HEIGHT,
            "width": _WIDTH,
            "height": _HEIGHT,
            "properties": one["properties"],
        }
        for number, one in enumerate(widgets)
    ]
    return ",\n".join(" " * 14 + json.dumps(one, separators=(",", ":")) for one in placed)
