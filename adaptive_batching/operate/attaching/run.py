"""Attach and detach: one function after the other, and what is to be said about each."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from adaptive_batching.command_line import NAME
from adaptive_batching.operate import function, variables
from adaptive_batching.operate.attaching import change, layer
from adaptive_batching.operate.attaching.lacking import lacking
from adaptive_batching.operate.aws import AwsError
from adaptive_batching.operate.cloudwatch.held import denying, is_off, role_of
from adaptive_batching.operate.doctor.facts import Unknown
from adaptive_batching.operate.doctor.reading.attempt import unknown
from adaptive_batching.operate.policies.needs import key_arn
from adaptive_batching.settings import PREFIX, bucket_variable, default

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from adaptive_batching.console import Console
    from adaptive_batching.operate.aws import Account
    from adaptive_batching.operate.function import Function, Held
    from adaptive_batching.operate.variables import Variables


@dataclass(frozen=True)
class Attaching:
    """What every function gets: the layer, None for the newest of its architecture, and variables by full names."""

    layer: str | None
    variables: Mapping[str, str]
    account: Account
    _doubts: dict[str, str] = field(default_factory=dict, compare=False, repr=False)

    def __call__(self, found: Function) -> Held:
        """Return what a function has with it. Raises ChangeError if nothing would be shipped, or no layer fits."""
        values = variables.read({**found.held.variables, **self.variables}, found.name, found.region)
        if not values["S3_BUCKET"]:
            raise change.ChangeError(next(str(one) for one in values.problems if one.name == bucket_variable()))
        arn = layer.chosen(self.account, found, self.layer)
        own = layer.held(self.account, found)
        if not self.layer:
            self._doubts[found.arn] = _doubt(found, own, "--layer ARN attaches that layer all the same")
        return change.attached(found.held, own.layers, arn, self.variables)

    def done(self, *, dry_run: bool) -> str:
        """Return what was done."""
        return "would be attached" if dry_run else "attached"

    def notes(self, found: Function, held: Held) -> list[str]:
        """Return which variables do nothing as they stand, and what the function's role lacks to write there."""
        values = variables.read(held.variables, found.name, found.region)
        doubt = self._doubts.get(found.arn)
        notes = [f"{doubt}; if it does, the function has it twice"] if doubt else []
        notes += [str(one) for one in values.problems]
        try:
            denied = lacking(self.account, found, values)
        except AwsError as error:  # no reason to say that the function could not be changed
            denied = unknown(error)
        if isinstance(denied, Unknown):
            return [*notes, f"whether its role may write there could not be found out: {denied.why}"]
        role, policy = found.role.rpartition("/")[2], f"`{_policy(found, values)}` prints what it needs"
        return [*notes, *(f"its role {role} lacks {one}; {policy}" for one in denied)]


@dataclass(frozen=True)
class Detaching:
    """What every function loses: our layer, or the one named, and the extension's variables."""

    layer: str | None
    account: Account
    force: bool = False
    _doubts: dict[str, str] = field(default_factory=dict, compare=False, repr=False)
    _unread: dict[str, str] = field(default_factory=dict, compare=False, repr=False)

    def __call__(self, found: Function) -> Held:
        """Return what a function has without it. Raises ChangeError if its logs would, or might, go nowhere then."""
        if self.layer:
            layer.refuse_foreign(self.account, self.layer)
        own = layer.held(self.account, found)
        if not self.layer:
            mend = "name it with --layer if it does, else a version of the extension's layer"
            self._doubts[found.arn] = _doubt(found, own, mend)
        target = change.detached(found.held, own.layers, self.layer)
        if target != found.held and not self.force:
            self._refuse_if_off(found)
        return target

    def _refuse_if_off(self, found: Function) -> None:
        on = f"run `adaptive-batching cloudwatch on --function {found.name}` first"
        try:
            if is_off(self.account, found):
                raise change.ChangeError(
                    f"CloudWatch is off for it, so its logs would go nowhere: {on}; after that, IAM takes some seconds "
                    "to show it"
                )
        except AwsError as error:
            if error.is_unasked:
                raise
            raise change.ChangeError(
                f"whether CloudWatch is off for it could not be found out ({error}); if it is, its logs would go "
                f"nowhere: {on}; --force detaches all the same"
            ) from None
        self._refuse_if_denied(found)

    def _refuse_if_denied(self, found: Function) -> None:
        """Look at the other inline policies of the role. What may not be read is said, and no reason to refuse."""
        role = role_of(found)
        try:
            names = denying(self.account, found)
        except AwsError as error:
            if error.is_unasked:
                raise
            self._unread[found.arn] = (
                f"whether another inline policy of its role {role} denies {found.log_group} could not be found out "
                f"({error}); if one does, its logs go nowhere"
            )
            return
        if names:
            raise change.ChangeError(
                f"its role {role} is denied {found.log_group} by its inline policy {', '.join(names)}, so its logs "
                "would go nowhere: remove that denial first; --force detaches all the same"
            )

    def done(self, *, dry_run: bool) -> str:
        """Return what was done."""
        return "would be detached" if dry_run else "detached"

    def notes(self, found: Function, _held: Held) -> list[str]:
        """Return what could not be read: what else might be said is a reason to refuse."""
        doubt, unread = self._doubts.get(found.arn), self._unread.get(found.arn)
        return [*([f"{doubt}; if it does, name it with --layer"] if doubt else []), *([unread] if unread else [])]


def _doubt(found: Function, own: layer.Own, mend: str) -> str:
    """Return what is to be said of layers that may be the extension's, "" if there are none.

    Raises ChangeError if the function also has the extension's variables, so that one of them probably is.
    """
    doubt = own.doubt()
    if doubt and any(name.startswith(PREFIX) for name in found.held.variables):
        raise change.ChangeError(f"{doubt}, and it has the extension's variables: {mend}")
    return doubt


def _policy(found: Function, values: Variables) -> str:
    """Return the command that prints what a function's role needs, with the settings on which that depends."""
    words = [NAME, "policy", values["S3_BUCKET"], "--function", found.name]
    key = values["KMS_KEY_ID"]
    words += ["--kms", key if key_arn(key) else "KEY_ARN"] if key else []
    for ending in ("S3_PREFIX", "S3_REGION", "TAGS"):
        words += ["--set", f"{ending}={values[ending]}"] if values[ending] != default(ending) else []
    return shlex.join(words)


def run(names: Sequence[str], work: Attaching | Detaching, out: Console, err: Console, *, dry_run: bool) -> int:
    """Change every function. Return 0, 1 if some failed, 2 if all did. Raises AwsError if AWS cannot be asked."""
    failed = 0
    unasked: list[tuple[str, AwsError]] = []
    try:
        for name in names:
            try:
                _one(name, work, (out, err), dry_run=dry_run)
            except (AwsError, change.ChangeError, function.FunctionError) as error:
                failed += 1
                if isinstance(error, AwsError) and error.is_unasked:
                    unasked.append((name, error))  # which is one sentence if it is so for all
                else:
                    err.say(f"{name}: {error}")
            except KeyboardInterrupt:
                if not dry_run:
                    err.say(f"{name}: interrupted, so {function.UNSETTLED}")
                raise
        if len(unasked) == len(names) and len({str(error) for _, error in unasked}) == 1:
            _, of_all = unasked.pop()
            unasked.clear()
            raise of_all
    finally:
        for name, why in unasked:
            err.say(f"{name}: {why}")
    if not failed:
        return 0
    return 2 if failed == len(names) else 1


def _one(name: str, work: Attaching | Detaching, consoles: tuple[Console, Console], *, dry_run: bool) -> None:
    out, err = consoles
    client = work.account.client("lambda", function.region(name))
    found = function.read(client, name)
    if dry_run:
        before, held = found, work(found)
    else:
        before, held = function.change(client, found, work)
    lines = change.differences(before.held, held)
    out.say(f"{before.name}: {work.done(dry_run=dry_run) if lines else 'unchanged'}")
    for line in lines:
        out.say(f"  {line}")
    for note in work.notes(before, held):
        err.say(f"{before.name}: {note}")
