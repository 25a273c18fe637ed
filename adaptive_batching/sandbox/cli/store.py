"""The embedded S3 of a command with --s3. The function's variables point to it, and its objects are read at the end."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from adaptive_batching import settings
from adaptive_batching.objects import FormatError
from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.faults import FAULTS, PUT
from adaptive_batching.sandbox.fleet.repeat import delivered
from adaptive_batching.sandbox.host.names import S3_NAME
from adaptive_batching.sandbox.s3 import shipped
from adaptive_batching.sandbox.s3.embedded import NOWHERE, client, embedded_s3, make_bucket
from adaptive_batching.sandbox.s3.ledger import balance
from adaptive_batching.sandbox.s3.proxy import S3Proxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from adaptive_batching.sandbox.cli.arguments import Target
    from adaptive_batching.sandbox.function import Function
    from adaptive_batching.sandbox.lifecycle.environment import Environment


@dataclass(frozen=True)
class Store:
    """An S3 on this machine. `endpoint` is a URL."""

    endpoint: str
    bucket: str


@contextlib.contextmanager
def ready(target: Target, say: Callable[[str], None]) -> Iterator[tuple[Function, Store | None]]:
    """Start the embedded S3, if the target has a bucket. Yield the function with all its variables, and the S3 or None.

    Raises SandboxError.
    """
    of_puts = [name for name in target.options.faults.rates if FAULTS[name].chance == PUT]
    if not target.bucket:
        if of_puts:
            raise SandboxError(f"--fault {of_puts[0]} needs --s3 BUCKET: it strikes PUTs to the embedded S3")
        yield _with(target, {}), None
        return
    with embedded_s3() as upstream, contextlib.ExitStack() as stack:
        make_bucket(upstream, target.bucket)
        endpoint = upstream
        if of_puts:
            proxy = S3Proxy(upstream, target.options.faults)
            stack.callback(proxy.stop)
            endpoint = proxy.endpoint
        if "hang-dns" in target.options.faults.rates:
            endpoint = endpoint.replace("127.0.0.1", S3_NAME)
        say(f"s3://{target.bucket} is at {endpoint}")
        variables = {
            "AWS_ENDPOINT_URL_S3": endpoint,
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": NOWHERE,
            settings.bucket_variable(): target.bucket,
        }
        yield _with(target, variables), Store(upstream, target.bucket)


def _with(target: Target, variables: Mapping[str, str]) -> Function:
    return replace(target.function, variables={**target.function.variables, **variables, **target.variables})


def stored(store: Store, environments: list[Environment]) -> str:
    """Return a sentence that compares the stored records with the delivered ones, or says why they cannot be read."""
    try:
        objects = shipped.read(client(store.endpoint), store.bucket)
    except (FormatError, UnicodeDecodeError) as error:
        return f"not read: {error}"
    arrived = [record for one in objects for record in one.records]
    ledger = balance(delivered(environments), arrived, settings.default_log_types())
    return (
        f"{len(objects):,} objects, {ledger.shipped:,} of {ledger.delivered:,} platform and function records, "
        f"lost {ledger.lost:,}, twice {ledger.duplicated:,}"
    )
