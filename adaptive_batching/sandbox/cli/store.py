"""The embedded S3 of a command with --s3. The function's variables point to it, and its objects are read at the end."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from adaptive_batching import settings
from adaptive_batching.sandbox.faults import FAULTS, PUT
from adaptive_batching.sandbox.fleet.repeat import delivered
from adaptive_batching.sandbox.host.names import S3_NAME
from adaptive_batching.sandbox.s3 import shipped
from adaptive_batching.sandbox.s3.embedded import NOWHERE, client, embedded_s3, make_bucket
from adaptive_batching.sandbox.s3.ledger import REPORT, balance
from adaptive_batching.sandbox.s3.proxy import S3Proxy
from adaptive_batching.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from adaptive_batching.sandbox.cli.arguments import Target
    from adaptive_batching.sandbox.function import Function
    from adaptive_batching.sandbox.lifecycle.environment import Environment


@dataclass(frozen=True)
class Store:
    """moto's server on this machine. `endpoint` is a URL. `bucket` is None if only other services are used."""

    endpoint: str
    bucket: str | None


@contextlib.contextmanager
def ready(target: Target, say: Callable[[str], None]) -> Iterator[tuple[Function, Store | None]]:
    """Start the embedded S3, if the target wants one. Yield the function with all its variables, and the S3 or None.

    Raises SandboxError.
    """
    of_puts = [name for name in target.options.faults.rates if FAULTS[name].chance == PUT]
    if not (target.bucket or target.aws):
        yield _with(target, _offline(target, say)), None
        return
    with embedded_s3() as upstream, contextlib.ExitStack() as stack:
        variables = {"AWS_ENDPOINT_URL": upstream, "AWS_EC2_METADATA_SERVICE_ENDPOINT": NOWHERE}
        if not target.bucket:
            yield _with(target, variables), Store(upstream, None)
            return
        make_bucket(upstream, target.bucket)
        endpoint = upstream
        if of_puts:
            proxy = S3Proxy(upstream, target.options.faults)
            stack.callback(proxy.stop)
            endpoint = proxy.endpoint
        if "hang-dns" in target.options.faults.rates:
            endpoint = endpoint.replace("127.0.0.1", S3_NAME)
        say(f"s3://{target.bucket} is at {endpoint}")
        variables |= {
            "AWS_ENDPOINT_URL_S3": endpoint,
            settings.bucket_variable(): target.bucket,
        }
        yield _with(target, variables), Store(upstream, target.bucket)


def _with(target: Target, variables: Mapping[str, str]) -> Function:
    return replace(target.function, variables={**target.function.variables, **variables, **target.variables})


def _offline(target: Target, say: Callable[[str], None]) -> dict[str, str]:
    """Return variables by which no SDK reaches AWS with the sandbox's dummy credentials, unless the user wants it to.

    A user who names an endpoint or credentials knows where requests go.
    """
    chosen = {**target.function.variables, **target.variables}
    if any(name.startswith("AWS_ENDPOINT_URL") or name == "AWS_ACCESS_KEY_ID" for name in chosen):
        return {}
    if bucket := chosen.get(settings.bucket_variable()):
        say(
            f"the function ships to s3://{bucket}, and AWS is never called from here, so its logs are lost; "
            f"--s3 {bucket} starts an S3 for them"
        )
    return {"AWS_ENDPOINT_URL": NOWHERE, "AWS_EC2_METADATA_SERVICE_ENDPOINT": NOWHERE}


@dataclass(frozen=True)
class Balance:
    """A sentence that compares what was stored with what was delivered, and whether it agrees or is not judged."""

    text: str
    agrees: bool


def stored(store: Store, function: Function, environments: list[Environment]) -> Balance:
    """Compare the records on S3 with the delivered ones, in every bucket: an extension may have made its own."""
    found, others = shipped.read_all(client(store.endpoint))
    foreign = f"{counted(others, 'object')} in another format, not judged"
    if others and not found:
        return Balance(foreign, agrees=True)
    came = delivered(environments, settings.EXTENSION)
    if not found and not came and (all_ := delivered(environments)):
        return Balance(f"no objects; {len(all_):,} records were delivered to other extensions, not judged", agrees=True)
    types = settings.log_types(function.variables)
    records = [record for one in found for record in one.records]
    unjudged = ""
    if settings.has_filters(function.variables):
        judged = [record for record in records if str(record.get("type")).startswith("platform.")]
        others_left = sum(record.get("type") != REPORT for record in records) - len(judged)
        unjudged = f"; {counted(others_left, 'record')} that filters have left, not judged"
        types, records = tuple(one for one in types if one == "platform"), judged
    ledger = balance(came or delivered(environments), records, types)
    which = " and ".join(types) or "judged"
    text = (
        f"{counted(len(found), 'object')}, {ledger.shipped:,} of {ledger.delivered:,} {which} records, "
        f"lost {ledger.lost:,}, twice {ledger.duplicated:,}"
    )
    if ledger.unknown:
        text += f", never delivered {ledger.unknown:,}"
    text += unjudged
    return Balance(f"{text}; {foreign}" if others else text, ledger.balanced)
