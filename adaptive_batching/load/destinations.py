"""Where a test is sent: what an address stands for."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from adaptive_batching.load.targets import HttpTarget, LambdaTarget, lambda_client
from adaptive_batching.option_types import FUNCTION_PATTERN, is_url, without_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from adaptive_batching.load.targets import Target

LAMBDA, SANDBOX = "lambda:", "sandbox:"
#: What a target is; only `load` takes the last.
TAKEN = "a URL, lambda:NAME or, for load, sandbox:TEMPLATE"


class LoadError(Exception):
    """The test cannot be made. The message is a sentence. Exit code 2."""


@dataclass(frozen=True)
class Access:
    """How AWS is reached, and the layout of the bucket."""

    profile: str | None = None
    region: str | None = None
    layout: str | None = None
    endpoint: str | None = None


@dataclass(frozen=True)
class LocalOptions:
    """For a template in the sandbox: its parameters, name and value, and layers in place of those of its functions."""

    parameters: tuple[tuple[str, str], ...] = ()
    layers: tuple[Path, ...] = ()


def reached(address: str, timeout: float, access: Access) -> Target:
    """Return the target of an address, which is not one in the sandbox. Raises LoadError."""
    if address.startswith(LAMBDA):
        name = address.removeprefix(LAMBDA)
        if not re.fullmatch(FUNCTION_PATTERN, name):
            raise LoadError(f"the target {address!r} has no name of a function; write lambda:NAME or lambda:ARN")
        return LambdaTarget(lambda_client(access.endpoint, access.region, access.profile, timeout), name)
    if not is_url(address):
        raise LoadError(f"the target {without_secrets(address)!r} is not {TAKEN}")
    return HttpTarget(address, timeout)


@dataclass(frozen=True)
class Looked:
    """Where a milestone is looked for, and which, as the options --logs and --until say."""

    logs: str | None = None
    until: str | None = None

    def source(self, buckets: Sequence[str] = ()) -> str | None:
        """Return the source of logs, or None if nothing is looked for. Raises LoadError.

        `buckets` are those of a template. If there is one, it need not be named.
        """
        if self.until and not self.logs and buckets:
            if len(buckets) > 1:
                raise LoadError(f"--logs is missing: the template has {len(buckets)} buckets")
            return buckets[0]
        if bool(self.logs) != bool(self.until):
            raise LoadError("--logs and --until go together: where the milestone is looked for, and which")
        return self.logs


@contextlib.contextmanager
def destination(
    address: str, timeout: float, access: Access, options: LocalOptions, looked: Looked, say: Callable[[str], None]
) -> Iterator[tuple[Target, str | None]]:
    """Yield the target of an address, and the source of its logs if they are looked at. Raises LoadError."""
    if not address.startswith(SANDBOX):
        if options != LocalOptions():
            raise LoadError("--parameter and --layer are for a target sandbox:TEMPLATE")
        yield reached(address, timeout, access), looked.source()
        return
    if not address.removeprefix(SANDBOX).strip():
        raise LoadError(f"the target {address!r} has no template; write sandbox:template.yaml")
    from adaptive_batching.load import local  # noqa: PLC0415 - takes a while to load
    from adaptive_batching.sandbox.errors import SandboxError  # noqa: PLC0415

    try:
        landscape = local.landscape(Path(address.removeprefix(SANDBOX)), options.parameters, options.layers, say)
        source = looked.source(local.buckets(landscape))  # a mistake is said before anything starts
        with local.running(landscape, say) as url:
            yield HttpTarget(url, timeout), source
    except SandboxError as error:
        raise LoadError(str(error)) from None
