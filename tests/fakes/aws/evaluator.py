"""What IAM decides on one request: a small evaluator of policy documents, for the statements of this project. Pure.

After IAM's user guide, "Policy evaluation logic": an explicit denial wins; in one account an allowance of the role's
policies or of the resource's suffices; across accounts both are needed. A key's policy is always needed.

It shares nothing with the product's `doctor/policy.py`: tests/unit/operate/doctor/test_policy_oracle.py holds the two
to each other.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Policy = dict[str, Any]


@dataclass(frozen=True)
class Request:
    """Who asks for what. `context` holds condition keys; one that is missing is null."""

    action: str
    resource: str
    account: str = "111122223333"
    role: str = "orders-role"
    owner: str = "111122223333"
    context: Mapping[str, str] = field(default_factory=dict)


def allowed(request: Request, *, role: Iterable[Policy] = (), resource: Iterable[Policy] = ()) -> bool:
    """Return whether IAM allows it, with the policies of the role and those of the bucket or key."""
    own = [one for policy in role for one in _statements(policy) if _applies(one, request)]
    theirs = [
        one for policy in resource for one in _statements(policy) if _applies(one, request) and _is_for(one, request)
    ]
    if any(one["Effect"] == "Deny" for one in own + theirs):
        return False
    if request.account != request.owner:
        return bool(own) and bool(theirs)
    direct = any(_names_role(one, request) for one in theirs)
    if request.action.startswith("kms:"):
        return direct or (bool(own) and bool(theirs))
    return direct or bool(own)


def _statements(policy: Policy) -> list[dict[str, Any]]:
    assert policy["Version"] == "2012-10-17"
    found = policy["Statement"]
    return [found] if isinstance(found, dict) else found


def _names_role(statement: Mapping[str, Any], request: Request) -> bool:
    """Whether a statement is for the role itself; one for its account leaves it to the account's own policies."""
    principal = statement["Principal"]
    arns = {f"arn:aws:iam::{request.account}:role/{request.role}", "*"}
    return principal == "*" or bool(set(_texts(principal["AWS"])) & arns)


def _is_for(statement: Mapping[str, Any], request: Request) -> bool:
    account = {request.account, f"arn:aws:iam::{request.account}:root"}
    return _names_role(statement, request) or bool(set(_texts(statement["Principal"]["AWS"])) & account)


def _applies(statement: Mapping[str, Any], request: Request) -> bool:
    return (
        any(fnmatchcase(request.action.lower(), one.lower()) for one in _texts(statement["Action"]))
        and any(_matches(request.resource, _filled(one, request)) for one in _texts(statement["Resource"]))
        and all(_holds(test, keys, request) for test, keys in statement.get("Condition", {}).items())
    )


def _filled(text: str, request: Request) -> str:
    return text.replace("${aws:PrincipalAccount}", request.account)


def _matches(text: str, pattern: str) -> bool:
    return fnmatchcase(text, pattern.replace("[", "[[]"))


def _holds(test: str, keys: Mapping[str, Any], request: Request) -> bool:
    known = {key.lower(): value for key, value in request.context.items()}  # the case of a key does not count
    for key, wanted in keys.items():
        actual = known.get(key.lower())
        texts = [str(one).lower() if isinstance(one, bool) else one for one in _texts(wanted)]
        if test == "Null":
            held = (actual is None) == (texts[0] == "true")
        elif test in ("StringEquals", "Bool"):
            held = actual in texts
        elif test == "StringLike":
            held = actual is not None and any(_matches(actual, one) for one in texts)
        elif test == "StringNotEquals":
            held = actual not in texts
        else:
            raise AssertionError(f"a condition that this evaluator does not know: {test}")
        if not held:
            return False
    return True


def _texts(value: Any) -> list[Any]:  # noqa: ANN401 - any JSON
    return value if isinstance(value, list) else [value]
