"""Turn a function's logs in CloudWatch off and on: one inline policy of its role, written or removed.

IAM shows a change only some seconds later (IAM User Guide, "eventual consistency"): right after `off` or `on`, a
reading may tell the state before. So no reading decides that there is nothing to write.
"""

from __future__ import annotations

import contextlib
import json
import time
from typing import TYPE_CHECKING, Any

from adaptive_batching.operate import function as functions
from adaptive_batching.operate.aws import AwsError, answers
from adaptive_batching.operate.cloudwatch.denial import denial, policy_name
from adaptive_batching.operate.cloudwatch.held import held, role_of
from adaptive_batching.operate.doctor.checks import flowing, layer
from adaptive_batching.operate.doctor.finding import OK
from adaptive_batching.operate.doctor.reading import aws as reading
from adaptive_batching.settings import log_types

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from adaptive_batching.console import Console
    from adaptive_batching.operate.aws import Account
    from adaptive_batching.operate.function import Function


#: Seconds between two readings of what was written.
_WAITS = (0.2, 0.4, 0.8, 1.6)


class NotFlowingError(Exception):
    """Logs are not certain to arrive on S3, so CloudWatch is not turned off. The message is for the user."""


def off(
    account: Account, name: str, now: float, consoles: tuple[Console, Console], *, force: bool, dry_run: bool
) -> None:
    """Deny the role the function's log group. `now`: seconds since the epoch.

    Raises AwsError, FunctionError and NotFlowingError, before it writes.
    """
    out, err = consoles
    found = functions.found(account, name)
    wanted = denial(found.arn, found.log_group)
    iam, role, policy = account.client("iam"), role_of(found), policy_name(found.arn)
    is_off = held(iam, role, policy) == wanted
    if not is_off:
        if not force:
            _refuse_unless_flowing(account, found, now)
        for note in _notes(account, found):
            err.say(f"{found.name}: {note}")
    if not dry_run:
        with _said_if_interrupted(found, err):
            with answers():
                iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(wanted))
            _await(lambda: held(iam, role, policy) == wanted, f"the role {role} does not show the policy {policy}")
    if is_off:
        out.say(f"{found.name}: CloudWatch is off already, by the policy {policy} of the role {role}")
        return
    does = "would be turned off" if dry_run else "is off within a minute or two"
    out.say(f"{found.name}: CloudWatch {does}: the role {role} is denied {found.log_group}")


def on(account: Account, name: str, consoles: tuple[Console, Console], *, dry_run: bool) -> None:
    """Remove the denial, if it is there. Raises AwsError and FunctionError."""
    out, err = consoles
    found = functions.found(account, name)
    iam, role, policy = account.client("iam"), role_of(found), policy_name(found.arn)
    if dry_run:
        is_there = held(iam, role, policy) is not None
    else:
        with _said_if_interrupted(found, err):
            is_there = _removed(iam, role, policy)
    if not is_there:
        out.say(f"{found.name}: CloudWatch is not denied by this command: the role {role} has no policy {policy}")
        return
    does = "would be turned on" if dry_run else "is on within a minute or two"
    out.say(f"{found.name}: CloudWatch {does}: the role {role} loses the policy {policy}")


@contextlib.contextmanager
def _said_if_interrupted(found: Function, err: Console) -> Iterator[None]:
    """Say on Ctrl-C that the policy may be written or removed already."""
    try:
        yield
    except KeyboardInterrupt:
        err.say(f"{found.name}: interrupted, so {functions.UNSETTLED}")
        raise


def _removed(iam: Any, role: str, policy: str) -> bool:  # noqa: ANN401 - boto3's
    """Remove an inline policy of a role. Return whether it was there. Raises AwsError."""
    try:
        with answers():
            iam.delete_role_policy(RoleName=role, PolicyName=policy)
    except AwsError as error:
        if error.is_absent:
            return False
        raise
    return True


def _await(is_so: Callable[[], bool], otherwise: str) -> None:
    """Look again and again until it is so. Raises AwsError if it is not in the end."""
    for seconds in (*_WAITS, None):
        if is_so():
            return
        if seconds:
            time.sleep(seconds)
    raise AwsError(f"{otherwise} {sum(_WAITS):.0f} seconds after AWS agreed: run the same again in a minute to see")


def _refuse_unless_flowing(account: Account, found: Function, now: float) -> None:
    """Take doctor's word for it: the layer is there, and objects arrive. Raises AwsError and NotFlowingError."""
    facts = reading.arriving(account, found.arn, now)
    why = [one.read for one in flowing.judge(facts) if one.status != OK]
    if not facts.function.image and not any(one.is_extension is True for one in facts.function.layers):
        why += [one.read for one in layer.judge(facts)]
    if why:
        raise NotFlowingError(
            f"{found.name}: it is not certain that its logs arrive on S3 ({'; '.join(why)}), and then they would be "
            "nowhere; --force turns CloudWatch off all the same"
        )


def _notes(account: Account, found: Function) -> list[str]:
    """Return what is lost beside the lines that S3 has: metric filters, subscriptions, the extension's own lines."""
    notes = [f"{one} sees nothing any more" for one in _readers(account, found)]
    notes += _sharing(account, found)
    if "extension" not in log_types(found.held.variables):
        notes.append(
            "the extension's own lines go nowhere then (LOG_TYPES has no extension); records of type extension.report "
            "stay in the objects"
        )
    return notes


def _readers(account: Account, found: Function) -> list[str]:
    client = account.client("logs", found.region)
    readers: list[str] = []
    for operation, member, what in (
        ("describe_metric_filters", "metricFilters", "metric filter"),
        ("describe_subscription_filters", "subscriptionFilters", "subscription filter"),
    ):
        try:
            with answers():
                pages = client.get_paginator(operation).paginate(logGroupName=found.log_group)
                readers += [f"the {what} {one['filterName']}" for page in pages for one in page[member]]
        except AwsError as error:
            if not error.is_absent:  # without a log group there are none
                readers += [f"whatever reads {found.log_group} ({what}s could not be listed: {error})"]
    return readers


def _sharing(account: Account, found: Function) -> list[str]:
    """Return what other functions of the role have to do with it."""
    try:
        with answers():
            pages = account.client("lambda", found.region).get_paginator("list_functions").paginate()
            all_of_role = [one for page in pages for one in page["Functions"] if one["Role"] == found.role]
    except AwsError as error:
        return [f"whether other functions have its role could not be found out: {error}"]
    others = [one for one in all_of_role if one["FunctionName"] != found.name]
    same = [one["FunctionName"] for one in others if functions.log_group(one) == found.log_group]
    rest = [one["FunctionName"] for one in others if one["FunctionName"] not in same]
    notes = [f"{', '.join(same)}: same log group and same role, so denied it too"] if same else []
    return notes + ([f"{', '.join(rest)}: same role, but log groups of their own, which go on"] if rest else [])
