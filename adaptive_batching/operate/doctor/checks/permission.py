"""One action: the policies of the role and those of the resource, and what stands against it. Pure.

In one account an Allow of either side will do, except for KMS keys, whose own policy must allow or leave it to the
account. Between accounts both sides must allow. A Deny of either side counts more than all else.
Source: IAM user guide, "Policy evaluation logic"; KMS developer guide, "Key policies in AWS KMS".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from adaptive_batching.operate.doctor.facts import ALLOW, DENY, NO_ROLE, Decision, Unknown
from adaptive_batching.operate.doctor.finding import CANNOT_SAY, ERROR, Finding, cannot_say
from adaptive_batching.operate.doctor.policy import UNCLEAR, Said

if TYPE_CHECKING:
    from collections.abc import Iterator

NOT_ASKED = Unknown("the role's policies were not read")
INVOKE = "doctor --function NAME --invoke '{}' tells"


@dataclass(frozen=True)
class Asked:
    """What is asked, as in `s3:PutObject on …`, and who says what. `whose` is as in `the bucket's policy`.

    `is_own`: the resource belongs to the function's account. `always`: the resource's policy has to allow it.
    """

    what: str
    role: Decision | Unknown
    resource: Said | Unknown
    whose: str
    is_own: bool | Unknown
    always: bool
    mend: str

    def against(self) -> Finding | None:
        """Return what stands against it, None if nothing does."""
        return next(self._against(), None)

    def _against(self) -> Iterator[Finding]:
        role, resource = self.role, self.resource
        if isinstance(role, Decision) and role.effect == NO_ROLE:
            yield Finding(ERROR, f"the function's role does not exist: {role.by}", "give the function another role")
        if isinstance(role, Decision) and role.effect == DENY:
            yield Finding(ERROR, f"{role.by} denies {self.what}", "remove the statement, or make an exception")
        if isinstance(resource, Said) and resource.effect == DENY:
            read = f"{self.whose} denies {self.what}: statement {resource.statement}"
            yield Finding(ERROR, read, "meet its condition, or make an exception for the role")
        direct = isinstance(resource, Said) and resource.effect == ALLOW and not resource.delegates
        if self.is_own is False or not direct:
            yield from self._of_the_role()
        yield from self._of_the_resource()

    def _of_the_role(self) -> Iterator[Finding]:
        role = self.role
        if isinstance(role, Unknown):
            yield cannot_say(role)
        elif not role.allows:
            read = f"no policy of the role allows {self.what}{f' ({role.by})' if role.by else ''}"
            if isinstance(self.resource, Unknown) and self.is_own is not False:
                yield Finding(CANNOT_SAY, f"{read}; as for {self.whose}, {self.resource.why}", self.mend)
            yield Finding(ERROR, read, self.mend)

    def _of_the_resource(self) -> Iterator[Finding]:
        resource = self.resource
        if isinstance(resource, Unknown):
            yield cannot_say(resource)
            return
        if isinstance(self.is_own, Unknown):
            yield cannot_say(self.is_own)
        if resource.effect != ALLOW and (self.always or self.is_own is False):
            if resource.effect == UNCLEAR:
                yield self._unclear(resource.statement)
            yield Finding(ERROR, f"{self.whose} does not allow {self.what} to the role", self.mend)
        if resource.unclear:
            yield self._unclear(resource.unclear)

    def _unclear(self, statement: str) -> Finding:
        read = f"statement {statement} of {self.whose} depends on what is not known from here"
        return Finding(CANNOT_SAY, read, INVOKE)
