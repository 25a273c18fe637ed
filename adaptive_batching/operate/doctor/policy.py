"""What policy documents say of one request: allowed, denied, neither, or not to be known from here. Pure.

This is the part of IAM's evaluation that the checks need: Effect, Principal, Action, Resource, NotAction, NotResource
and the condition operators that the policies of buckets and keys use. Conditions on what is not known of the request
(an organization, an endpoint) make a statement `unclear` instead of true or false.
Source: IAM user guide, "Policy evaluation logic", "IAM JSON policy elements: Condition operators".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from adaptive_batching.operate.doctor.facts import ALLOW, DENY, NEITHER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from adaptive_batching.operate.doctor.facts import Document

UNCLEAR = "unclear"


@dataclass(frozen=True)
class Request:
    """One request. `principal` is the role's ARN, `account` its account.

    `context` has the condition keys that are known, in lower case; None is a key that the request does not have.
    """

    action: str
    resource: str
    principal: str
    account: str
    context: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Said:
    """What documents say. `statement` names the statement that decided; `unclear`: others may decide otherwise."""

    effect: str
    statement: str = ""
    delegates: bool = False  # allowed to the account, whose own policies then decide
    unclear: str = ""  # a statement whose conditions cannot be judged, which could deny


def said(documents: Iterable[Document], request: Request, *, has_principals: bool) -> Said:
    """Return what the documents say of a request: a Deny counts more than any Allow.

    `has_principals`: these are policies of a resource, whose statements name who they are for.
    """
    allowed = Said(NEITHER)
    unclear = ""
    for statement in _statements(documents):
        who = _who(statement, request) if has_principals else "role"
        if not who or not _is_about(statement, request):
            continue
        holds = _holds(statement.get("Condition") or {}, request)
        name = str(statement.get("Sid") or f"its {statement.get('Effect')} of {_words(statement, 'Action')[:60]}")
        if statement.get("Effect") == "Deny":
            if holds:
                return Said(DENY, name)
            unclear = unclear or (name if holds is None else "")
        elif holds and (allowed.effect != ALLOW or allowed.delegates):
            allowed = Said(ALLOW, name, delegates=who == "account")
        elif holds is None and allowed.effect == NEITHER:
            allowed = Said(UNCLEAR, name)
    return Said(allowed.effect, allowed.statement, allowed.delegates, unclear)


def matches(pattern: str, text: str, *, any_case: bool = False) -> bool:
    """Return whether a pattern of IAM, with * and ?, matches all of a text. Case counts, but not in actions."""
    parts = [".*" if c == "*" else "." if c == "?" else re.escape(c) for c in pattern]
    return re.fullmatch("".join(parts), text, re.DOTALL | (re.IGNORECASE if any_case else 0)) is not None


def is_document(value: object) -> bool:
    """Return whether a value has the form of a policy: mappings as statements, whose conditions are mappings."""
    if not isinstance(value, dict):
        return False
    return all(isinstance(one, dict) for one in _list(value.get("Statement")))


def _statements(documents: Iterable[Document]) -> Iterable[Mapping[str, Any]]:
    for document in documents:
        found = document.get("Statement", [])
        yield from (one for one in _list(found) if isinstance(one, dict))


def _list(value: object) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [] if value is None else [value]


def _words(statement: Mapping[str, Any], name: str) -> str:
    return ", ".join(map(str, _list(statement.get(name) or statement.get(f"Not{name}"))))


def _who(statement: Mapping[str, Any], request: Request) -> str:
    """Return whom a statement of a resource is for: role, account, or "" if for others."""
    if "NotPrincipal" in statement:
        return "" if _names(statement["NotPrincipal"], request) else "role"
    return _names(statement.get("Principal"), request)


def _names(principal: object, request: Request) -> str:
    if principal == "*":
        return "role"
    named = _list(principal.get("AWS")) if isinstance(principal, dict) else []
    root = re.compile(rf"arn:aws[a-z-]*:iam::{re.escape(request.account)}:root")
    if any(one in ("*", request.principal) for one in named):
        return "role"
    return "account" if any(one == request.account or root.fullmatch(str(one)) for one in named) else ""


def _is_about(statement: Mapping[str, Any], request: Request) -> bool:
    def one_of(name: str, text: str) -> bool:
        any_case = name.endswith("Action")
        return any(matches(_filled(str(one), request), text, any_case=any_case) for one in _list(statement.get(name)))

    action = one_of("Action", request.action) if "Action" in statement else not one_of("NotAction", request.action)
    if "Resource" in statement:
        return action and one_of("Resource", request.resource)
    return action and not one_of("NotResource", request.resource)


def _filled(pattern: str, request: Request) -> str:
    """Return a pattern with the variables of policies that are known."""
    return re.sub(r"\$\{([^}]+)\}", lambda found: request.context.get(found[1].lower()) or found[0], pattern)


def _holds(condition: Mapping[str, Any], request: Request) -> bool | None:
    """Return whether all conditions hold, None if that cannot be known: one that fails decides, whatever others do."""
    if not isinstance(condition, dict):
        return None
    found = [
        _one(str(operator), str(key).lower(), _list(values), request)
        for operator, keys in condition.items()
        for key, values in (keys.items() if isinstance(keys, dict) else ())
    ]
    if False in found:
        return False
    return None if None in found else True


def _one(operator: str, key: str, wanted: list[Any], request: Request) -> bool | None:
    name = operator.removeprefix("ForAnyValue:").removeprefix("ForAllValues:")
    if key not in request.context:
        return None
    value = request.context[key]
    if name == "Null":
        return (value is None) == (str(wanted[0]).lower() == "true") if wanted else None
    optional, name = name.endswith("IfExists"), name.removesuffix("IfExists")
    negated = "Not" in name
    if value is None:  # a key that is not there: a negated operator holds, any other does not
        return True if optional else negated
    compare = _OPERATORS.get(name.replace("Not", ""))
    if compare is None:
        return None
    return any(compare(_filled(str(one), request), value) for one in wanted) != negated


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")  # which no comparison fits


_OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "NumericLessThan": lambda one, value: _number(value) < _number(one),
    "NumericLessThanEquals": lambda one, value: _number(value) <= _number(one),
    "NumericGreaterThan": lambda one, value: _number(value) > _number(one),
    "NumericGreaterThanEquals": lambda one, value: _number(value) >= _number(one),
    "StringEquals": lambda one, value: one == value,
    "StringEqualsIgnoreCase": lambda one, value: one.lower() == value.lower(),
    "StringLike": matches,
    "ArnEquals": matches,
    "ArnLike": matches,
    "Bool": lambda one, value: one.lower() == value.lower(),
}
