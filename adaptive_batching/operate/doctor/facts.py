"""What the checks judge: a function and what it depends on. Pure.

A fact that could not be read is an `Unknown`. No check guesses one: it says `cannot say`, and what it takes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adaptive_batching.operate.variables import Variables

#: A policy document, as JSON.
Document: TypeAlias = "Mapping[str, Any]"


@dataclass(frozen=True)
class Unknown:
    """A fact that could not be read. `why` is a clause.

    `action` is the permission that it takes, "" if it is not that; `mend` is then what to do, "" if nothing is known.
    """

    why: str
    action: str = ""
    mend: str = ""


@dataclass(frozen=True)
class Layer:
    """One layer of the function. `architectures` is empty if it names none, `origin` if its build is not known.

    `is_deleted`: Lambda has this version for the functions that have it, and for no other.
    """

    name: str
    is_extension: bool | Unknown
    architectures: tuple[str, ...] | Unknown = ()
    origin: str | Unknown = ""
    is_deleted: bool = False


@dataclass(frozen=True)
class Function:
    """The function's configuration. `timeout` in seconds, `memory` in MB. `role` is an ARN, "" if it is not known."""

    name: str
    region: str
    account: str
    variables: Variables
    timeout: int | Unknown
    memory: int | Unknown
    architecture: str | Unknown = "x86_64"
    partition: str = "aws"
    image: bool = False
    layers: tuple[Layer, ...] = ()
    role: str = ""
    log_group: str = ""
    unresolved: Mapping[str, Unknown] = field(default_factory=dict)  # variables whose value is not known, by name


@dataclass(frozen=True)
class Bucket:
    """The bucket as S3 describes it. `key`: of its default encryption, "" if it is S3's."""

    exists: bool | Unknown = True
    region: str | Unknown = ""
    is_own: bool | Unknown = True
    key: str | Unknown = ""
    policy: Document | Unknown | None = None
    in_template: bool = False


#: Of a KMS key: states, of which ABSENT is not one of KMS's, and the only spec with which S3 encrypts.
ENABLED, ABSENT, SYMMETRIC = "Enabled", "absent", "SYMMETRIC_DEFAULT"


@dataclass(frozen=True)
class Key:
    """The KMS key that encrypts. `arn` is what was named if there is no such key.

    `state` is KMS's KeyState, or ABSENT; `spec` its KeySpec. `is_aws_own`: it is AWS's key `aws/s3`, which needs no
    permission.
    """

    arn: str
    state: str = ENABLED
    is_aws_own: bool = False
    policy: Document | Unknown = field(default_factory=dict)
    spec: str = SYMMETRIC

    @property
    def region(self) -> str:
        """The region of its ARN, "" if it is not one."""
        return self.arn.split(":")[3] if self.arn.startswith("arn:") else ""


@dataclass(frozen=True)
class Decision:
    """What the role's policies say of one action: allow, deny, or none of both. `by` says who decided.

    NO_ROLE: there is no such role.
    """

    effect: str
    by: str = ""

    @property
    def allows(self) -> bool:
        """Whether the action is allowed."""
        return self.effect == ALLOW


ALLOW, DENY, NEITHER, NO_ROLE = "allow", "deny", "neither", "no role"


@dataclass(frozen=True)
class Way:
    """How a subnet reaches S3. `gateway_endpoint`: for the region; `default`: the id that 0.0.0.0/0 leads to, or ""."""

    subnet: str
    gateway_endpoint: bool
    default: str


@dataclass(frozen=True)
class Network:
    """The VPC of a function: its subnets' ways to S3, and whether an interface endpoint answers for S3's names."""

    vpc: str
    ways: tuple[Way, ...]
    interface_endpoint: bool = False


@dataclass(frozen=True)
class Traffic:
    """The last hour: invocations as CloudWatch counts them, and when the newest object was stored, if there is one.

    Moments are seconds since the epoch.
    """

    invocations: int | Unknown
    newest: float | Unknown | None
    now: float


@dataclass(frozen=True)
class Invocation:
    """One invocation that doctor made. `key`: of the object that has its request id, None if none came in time.

    `is_cold`: it was the first of its environment. `waited`: seconds.
    """

    request_id: str
    error: str
    is_cold: bool
    key: str | Unknown | None
    waited: float


@dataclass(frozen=True)
class Facts:
    """Everything that is judged. `role_allows`: what the role's own policies say, by action.

    `lines`: of the function's log group, of the extension or of the platform about it.
    """

    function: Function
    bucket: Bucket | Unknown = field(default_factory=Bucket)
    role_allows: Mapping[str, Decision | Unknown] = field(default_factory=dict)
    key: Key | Unknown | None = None
    network: Network | Unknown | None = None
    metric_filters: tuple[str, ...] | Unknown = ()
    traffic: Traffic | Unknown = field(default_factory=lambda: Unknown("it is not deployed"))
    lines: tuple[str, ...] | Unknown = ()
