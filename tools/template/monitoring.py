"""The part of deploy/monitoring.yaml that follows from the patterns: a metric filter and an alarm for each."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from adaptive_batching.logs.filter_pattern import FilterPattern, FilterPatternError
from adaptive_batching.logs.report.patterns import PatternsError, parse
from tools.page import ROOT, PageError, between

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from adaptive_batching.logs.report.patterns import Pattern

TEMPLATE, PATTERNS = ROOT / "deploy/monitoring.yaml", ROOT / "deploy/patterns.toml"
_BEGIN = "  # Patterns: written by `python -m tools` from deploy/patterns.toml\n"
_END = "  # end of patterns\n"
#: Patterns with regular expressions that a log group may have. The filters of the file itself have none.
MOST_REGEXES = 5
#: The metrics of the filters that stand in the file itself.
OWN = {"Timeouts", "ErrorLines", "ShippingErrors", "RecordsLost"}
#: Counted under a name of its own: ErrorLines.
_COUNTED = "ERROR"
#: CloudWatch refuses these in the name of a metric.
_NOT_IN_A_NAME = ":*$"


def pages() -> dict[Path, str]:
    """Return the text of the template."""
    made = resources(PATTERNS.read_text(encoding="utf-8"))
    return {TEMPLATE: between(TEMPLATE.read_text(encoding="utf-8"), _BEGIN, _END, made)}


def counted() -> list[str]:
    """Return the names of the metrics that are made of the patterns."""
    return [metric_name(one) for one in patterns(PATTERNS.read_text(encoding="utf-8"))]


def patterns(toml: str) -> list[Pattern]:
    """Return the patterns of a file for which there are filters. Raises PageError."""
    try:
        return [one for one in parse(toml) if one.name != _COUNTED]
    except PatternsError as error:
        raise PageError(f"{PATTERNS.name}: {error}") from None


def resources(toml: str) -> str:
    """Return the resources for the patterns of a file. Raises PageError if CloudWatch cannot count one of them."""
    found = patterns(toml)
    if sum(bool(one.regex) for one in found) > MOST_REGEXES:
        raise PageError(f"{PATTERNS.name} has more than {MOST_REGEXES} regular expressions; a log group takes no more")
    if own := {metric_name(one) for one in found} & OWN:
        raise PageError(f"{PATTERNS.name}: {', '.join(sorted(own))} is the name of a metric that there is already")
    for made in (logical_id, metric_name, alarm_ending):
        _refuse_twins(found, made)
    return "\n".join(part for one in found for part in _resources(one))


def _refuse_twins(found: Sequence[Pattern], made: Callable[[Pattern], str]) -> None:
    """Raise PageError if two patterns would have the same resource, metric or alarm, or one would have none.

    Names that differ in case alone are the same: nobody could tell PatternAaFilter from PatternAAFilter.
    """
    by_name: dict[str, list[str]] = {}
    for one in found:
        by_name.setdefault(made(one).lower(), []).append(one.name)
    if "" in by_name:
        raise PageError(f"{PATTERNS.name}: {by_name[''][0]!r} has none of the letters and digits that a name takes")
    if twins := next((names for names in by_name.values() if len(names) > 1), None):
        raise PageError(f"{PATTERNS.name}: {' and '.join(map(repr, twins))} would have the same name on CloudWatch")


def logical_id(pattern: Pattern) -> str:
    """Return the middle of the names of a pattern's resources, as in PatternTooManyConnectionsFilter."""
    return "".join(word[:1].upper() + word[1:] for word in re.findall(r"[A-Za-z0-9]+", pattern.name))


def metric_name(pattern: Pattern) -> str:
    """Return the name of a pattern without the characters that the name of a metric cannot have."""
    return "".join(one for one in pattern.name if one.isascii() and one not in _NOT_IN_A_NAME).strip()


def alarm_ending(pattern: Pattern) -> str:
    """Return the end of the name of a pattern's alarm, as in too-many-connections."""
    return re.sub(r"[^a-z0-9]+", "-", metric_name(pattern).lower()).strip("-")


def filter_pattern(pattern: Pattern) -> str:
    """Return the pattern as CloudWatch writes it, the same for both log formats. Raises PageError."""
    text = f"%{pattern.regex}%" if pattern.regex else '"' + re.sub(r'(["\\])', r"\\\1", pattern.text) + '"'
    try:
        FilterPattern(text)
    except FilterPatternError as error:
        raise PageError(f"{PATTERNS.name}, {pattern.name!r}: {error}") from None
    return text


def _resources(pattern: Pattern) -> Iterator[str]:
    name, first, ending = metric_name(pattern), f"Pattern{logical_id(pattern)}", alarm_ending(pattern)
    yield f"""  {first}Filter:
    Type: AWS::Logs::MetricFilter
    Condition: HasLogGroup
    Properties:
      LogGroupName: !Ref LogGroup
      FilterPattern: {json.dumps(filter_pattern(pattern))}
      MetricTransformations:
        - MetricNamespace: !Sub adaptive-batching/${{FunctionName}}
          MetricName: {json.dumps(name)}
          MetricValue: "1"
"""
    yield f"""  {first}Alarm:
    Type: AWS::CloudWatch::Alarm
    Condition: HasLogGroup
    Properties:
      AlarmName: !Sub ${{FunctionName}}-pattern-{ending}
      AlarmDescription: !Sub {json.dumps(f"A line of ${{FunctionName}} has the pattern {name}.")}
      Namespace: !Sub adaptive-batching/${{FunctionName}}
      MetricName: {json.dumps(name)}
      Statistic: Sum
      Period: 60
      EvaluationPeriods: 1
      ComparisonOperator: GreaterThanThreshold
      Threshold: 0
      TreatMissingData: notBreaching
      AlarmActions: [!Ref AlarmTopic]
"""
