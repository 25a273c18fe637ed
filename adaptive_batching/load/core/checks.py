"""`ensure` of a script: what its figures must be. Pure.

Metrics have artillery's names, times are in milliseconds: https://www.artillery.io/docs/reference/extensions/ensure.
`lead_time` is this project's own. An expression is read by Python's parser and evaluated here, over numbers alone.
"""

from __future__ import annotations

import ast
import operator
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adaptive_batching.wording import written

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from adaptive_batching.load.core.figures import Figures, Lead, Times
    from adaptive_batching.load.core.script import Ensure

_PLAIN = ("min", "max", "median", "p50", "p95", "p99")
_SUMMARY = ("min", "max", "mean", "median", "p50", "p75", "p90", "p95", "p99", "p999")
#: How artillery has named what it measures, before the last part.
_RESPONSE, _LEAD = "http.response_time", "lead_time"
_METRIC = re.compile(r"[A-Za-z_]\w*(?:\.\w+)+")
_CODE, _ERROR = re.compile(r"http\.codes\.\d{3}"), re.compile(r"errors\.\w+")
_SIGNS: Mapping[type[ast.AST], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_ALLOWED = (
    *(ast.Expression, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub, ast.BinOp, ast.Compare, ast.Name),
    *(ast.Load, ast.Constant, *_SIGNS),
)
#: An expression of more characters is no condition that a person wrote.
_LONGEST = 500
_COUNTS = ("vusers.created", "vusers.completed", "vusers.failed", "vusers.skipped")
_REQUESTS = ("http.requests", "http.responses", "http.request_rate")


class CheckError(ValueError):
    """A check cannot be made. The message is a sentence."""


@dataclass(frozen=True)
class Check:
    """One check, as a person reads it, and the expression."""

    text: str
    tree: ast.Expression
    names: Mapping[str, str]  # in the tree -> the metric
    strict: bool = True


@dataclass(frozen=True)
class Outcome:
    """What came of a check. `values` are of its metrics; None was not measured, and fails it."""

    text: str
    strict: bool
    ok: bool
    values: Mapping[str, float | None]


def checks(*given: Ensure) -> list[Check]:
    """Return all checks. Raises CheckError."""
    found = []
    for ensure in given:
        for name in _PLAIN:
            wanted = getattr(ensure, name)
            if wanted is not None:
                found.append(_check(f"{_RESPONSE}.{name} < {written(wanted)}"))
        if ensure.max_error_rate is not None:
            rate = "(vusers.created - vusers.completed) / vusers.created * 100"
            most = written(ensure.max_error_rate)
            found.append(_check(f"{rate} <= {most}", f"maxErrorRate <= {most}"))
        found += [
            _check(f"{name} < {written(wanted)}")
            for threshold in ensure.thresholds
            for name, wanted in threshold.items()
        ]
        found += [_check(one.expression, strict=one.strict) for one in ensure.conditions]
    return found


def _check(expression: str, text: str = "", *, strict: bool = True) -> Check:
    names: dict[str, str] = {}

    def named(found: re.Match[str]) -> str:
        if not is_metric(found[0]):
            known = ", ".join([f"{_RESPONSE}.p95", *_REQUESTS, "http.codes.500", *_COUNTS, f"{_LEAD}.p95"])
            raise CheckError(f"ensure: {found[0]!r} is not measured here; what is: {known}")
        name = next((one for one, metric in names.items() if metric == found[0]), f"m{len(names)}")
        names[name] = found[0]
        return name

    if len(expression) > _LONGEST:
        raise CheckError(f"ensure: an expression has {len(expression)} characters; {_LONGEST} are possible")
    code = _METRIC.sub(named, expression).replace("^", "**").strip()
    try:
        tree = ast.parse(code, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise CheckError(f"ensure: {expression!r} is not an expression such as 'http.codes.500 == 0'") from None
    for node in ast.walk(tree):
        known = isinstance(node, _ALLOWED) and (not isinstance(node, ast.Name) or node.id in names)
        number = not isinstance(node, ast.Constant) or type(node.value) in (int, float)
        if not (known and number):
            raise CheckError(
                f"ensure: {expression!r} has {ast.unparse(node)!r} in it; numbers, metrics, + - * / % ^, comparisons, "
                "and, or, not are possible"
            )
    return Check(text or expression, tree, names, strict)


def is_metric(name: str) -> bool:
    """Return whether a metric of this name is measured."""
    group, _, last = name.rpartition(".")
    return (
        (group in (_RESPONSE, _LEAD) and last in (*_SUMMARY, *(("missing",) if group == _LEAD else ())))
        or name in (*_COUNTS, *_REQUESTS)
        or bool(_CODE.fullmatch(name) or _ERROR.fullmatch(name))
    )


def metrics(whole: Figures, took: float, lead: Lead | None) -> dict[str, float | None]:
    """Return what was measured, by name. Codes and errors that did not occur are not in it: there were 0."""
    sent = whole.arrivals - whole.unsent
    found: dict[str, float | None] = {
        "vusers.created": whole.arrivals,
        "vusers.completed": whole.arrivals - whole.failed,
        "vusers.failed": whole.failed,
        "vusers.skipped": whole.arrivals - sent,
        "http.requests": whole.requests,
        "http.responses": sum(whole.codes.values()),
        "http.request_rate": whole.requests / took if took else 0.0,
        **{f"http.codes.{code}": count for code, count in whole.codes.items()},
        **{f"errors.{kind}": count for kind, count in whole.errors.items()},
        **_summary(_RESPONSE, whole.latency),
    }
    return found | (_summary(_LEAD, lead.whole) | {f"{_LEAD}.missing": len(lead.missing)} if lead else {})


def _summary(name: str, times: Times) -> dict[str, float | None]:
    seconds = (times.least, times.most, times.mean, times.p50, times.p50, times.p75)
    seconds += (times.p90, times.p95, times.p99, times.p999)  # type: ignore[assignment] # ten in all
    return {f"{name}.{part}": None if one is None else one * 1000 for part, one in zip(_SUMMARY, seconds, strict=True)}


def outcome(check: Check, measured: Mapping[str, float | None]) -> Outcome:
    """Return what comes of a check."""
    counted = {
        metric: measured.get(metric, 0 if _CODE.fullmatch(metric) or _ERROR.fullmatch(metric) else None)
        for metric in check.names.values()
    }
    ok = False
    if None not in counted.values():
        try:
            ok = bool(_value(check.tree.body, {name: counted[metric] or 0 for name, metric in check.names.items()}))
        except (ZeroDivisionError, OverflowError, TypeError):  # of no arrivals; of a root of a negative number
            ok = False
    return Outcome(check.text, check.strict, ok, counted)


def _value(node: ast.AST, values: Mapping[str, float]) -> float:
    if isinstance(node, ast.Constant):
        return float(node.value)  # type: ignore[arg-type] # a number
    if isinstance(node, ast.Name):
        return values[node.id]
    if isinstance(node, ast.UnaryOp):
        one = _value(node.operand, values)
        return float(not one) if isinstance(node.op, ast.Not) else -one
    if isinstance(node, ast.BoolOp):
        each = (bool(_value(one, values)) for one in node.values)
        return float(all(each) if isinstance(node.op, ast.And) else any(each))
    if isinstance(node, ast.BinOp):
        return float(_SIGNS[type(node.op)](_value(node.left, values), _value(node.right, values)))
    if isinstance(node, ast.Compare):
        each_ = [_value(one, values) for one in (node.left, *node.comparators)]
        signs = [_SIGNS[type(one)] for one in node.ops]
        return float(all(sign(a, b) for sign, a, b in zip(signs, each_, each_[1:], strict=False)))
    raise CheckError(f"{ast.unparse(node)!r} is not known here")  # `_check` lets none through
