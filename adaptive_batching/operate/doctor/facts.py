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
    """A fact that could not be read. `why` is a clause; `action` the permission that it takes, "" if it is not that."""

    why: str
    action: str = ""


@dataclass(frozen=True)
class Layer:
    """One layer of the function. `architectures` is empty if it names none, `origin` if its build is not known."""

    name: str
    is_extension: bool | Unknown
    architectures: tuple[str, ...] | Unknown = ()
    origin: str | Unknown = ""


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
    unresolved: tuple[str, ...] = ()  # names of variables whose value is not known


@dataclass(frozen=True)
class Bucket:
    """The bucket as S3 describes it. `exists` None: not known. `key`: of its default encryption, "" if it is S3's."""

    exists: bool | Unknown | None = True
    region: str | Unknown = ""
    is_own: bool | Unknown = True
    key: str | Unknown = ""
    policy: Document | Unknown | None = None
    in_template: bool = False


@dataclass(frozen=True)
class Key:
    """The KMS key that encrypts. `is_aws_own`: it is AWS's key `aws/s3`, which needs no permission."""

    arn: str
    state: str = "Enabled"
    region: str = ""
    is_aws_own: bool = False
    policy: Document | Unknown = field(default_factory=dict)


@dataclass(frozen=True)
class Decision:
    """What the role's policies say of one action: allow, deny, or none of both. `by` says who decided."""

    effect: str
    by: str = ""

    @property
    def allows(self) -> bool:
        """Whether the action is allowed."""
        return self.effect == ALLOW


ALLOW, DENY, NEITHER = "allow", "deny", "neither"


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
class Line:
    """A line in the function's log group, of the extension or of the platform about it. `time`: since the epoch."""

    time: float
    text: str


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
    """Everything that is judged. `role_allows`: what the role's own policies say, by action."""

    function: Function
    bucket: Bucket | Unknown = field(default_factory=Bucket)
    role_allows: Mapping[str, Decision | Unknown] = field(default_factory=dict)
    key: Key | Unknown | None = None
    network: Network | Unknown | None = None
    metric_filters: tuple[str, ...] | Unknown = ()
    traffic: Traffic | Unknown = field(default_factory=lambda: Unknown("it is not deployed"))
    lines: tuple[Line, ...] | Unknown = ()
