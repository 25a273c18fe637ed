"""`adaptive-batching sandbox run|serve`: the command line of the sandbox. Results on stdout, talk on stderr."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from adaptive_batching.objects import FormatError
from adaptive_batching.sandbox.cli import arguments as given
from adaptive_batching.sandbox.cli import bounds
from adaptive_batching.sandbox.cli.serve import PORT, serve
from adaptive_batching.sandbox.cli.summary import summarise
from adaptive_batching.sandbox.cli.terminal import Voice, log_line
from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.faults import FAULTS, PUT, FaultError, parse
from adaptive_batching.sandbox.fleet.fleet import CONCURRENCY, Fleet
from adaptive_batching.sandbox.fleet.repeat import delivered, invoke_many
from adaptive_batching.sandbox.host import cgroups, launch
from adaptive_batching.sandbox.host.names import S3_NAME
from adaptive_batching.sandbox.s3 import shipped
from adaptive_batching.sandbox.s3.embedded import NOWHERE, client, embedded_s3, make_bucket
from adaptive_batching.sandbox.s3.ledger import balance
from adaptive_batching.sandbox.s3.proxy import S3Proxy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adaptive_batching.sandbox.function import Function
    from adaptive_batching.sandbox.lifecycle.environment import Environment
    from adaptive_batching.sandbox.lifecycle.results import Result
    from adaptive_batching.sandbox.options import Options

_EXAMPLES = """examples:
  adaptive-batching sandbox run functions/demo -n 3 --logs
      three invocations, one after the other, and what CloudWatch would show of them
  adaptive-batching sandbox run functions/demo --layer build/layer --s3 logs -n 1000 -c 10
      with the extensions of a layer and an S3 of its own: a thousand, ten at a time
  adaptive-batching sandbox serve functions/demo --layer my-layer --port 3001
      Lambda's Invoke API, for the AWS CLI and every SDK
  adaptive-batching sandbox run . --layer my-layer --s3 logs --fault s3-503x2,kill-extension=0.1 --seed 7
      two refused PUTs, one invocation in ten with a killed extension; --fault list shows what there is
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _EXAMPLES
    commands = parser.add_subparsers(dest="action", required=True, metavar="run|serve")
    line = "invoke a function some times, then shut its environments down"
    run_parser = commands.add_parser("run", help=line, description=line, usage="%(prog)s [options] folder")
    run_parser.add_argument("-n", "--invocations", type=int, default=1, help="how many (default: 1)")
    run_parser.add_argument("-c", "--concurrency", type=int, default=1, help="so many at a time (default: 1)")
    run_parser.add_argument("--payload", default="{}", help="JSON, or @file (default: {})")
    run_parser.add_argument("--pause", type=float, default=0.0, metavar="S", help="seconds frozen between invocations")
    given.add(run_parser)
    run_parser.set_defaults(action=_run)
    line = "Lambda's Invoke API for a function, until Ctrl-C"
    serve_parser = commands.add_parser("serve", help=line, description=line, usage="%(prog)s [options] folder")
    serve_parser.add_argument("--port", type=int, default=PORT, help="of the Invoke API; 0: any (default: %(default)s)")
    serve_parser.add_argument(
        "--concurrency", type=int, default=CONCURRENCY, help="environments at most; more is 429 (default: %(default)s)"
    )
    serve_parser.add_argument("--idle", type=float, metavar="S", help="shut an environment down when idle so long")
    given.add(serve_parser)
    serve_parser.set_defaults(action=_serve)


def run(arguments: argparse.Namespace) -> int:
    """Carry out a subcommand; return the exit code."""
    talk = Voice(sys.stderr)
    try:
        bounds.check(arguments)
        arguments.faults = parse(arguments.fault, arguments.seed)
        with _store(arguments, talk) as upstream:
            return int(arguments.action(arguments, talk, upstream))
    except (SandboxError, FaultError) as error:
        talk.say(f"sandbox: {error}")
        return 2


@contextlib.contextmanager
def _store(arguments: argparse.Namespace, talk: Voice) -> Iterator[str]:
    """With --s3 run an embedded S3 and let the function's variables point to it; yield its endpoint, or ""."""
    of_puts = [name for name in arguments.faults.rates if FAULTS[name].chance == PUT]
    if not arguments.s3:
        if of_puts:
            raise SandboxError(f"--fault {of_puts[0]} needs --s3 BUCKET: it strikes PUTs to the S3 that --s3 starts")
        yield ""
        return
    with embedded_s3() as upstream, contextlib.ExitStack() as stack:
        make_bucket(upstream, arguments.s3)
        endpoint = upstream
        if of_puts:
            proxy = S3Proxy(upstream, arguments.faults)
            stack.callback(proxy.stop)
            endpoint = proxy.endpoint
        if "hang-dns" in arguments.faults.rates:
            endpoint = endpoint.replace("127.0.0.1", S3_NAME)
        arguments.env[:0] = [
            f"AWS_ENDPOINT_URL_S3={endpoint}",
            f"AWS_EC2_METADATA_SERVICE_ENDPOINT={NOWHERE}",
            f"ADAPTIVE_BATCHING_EXTENSION_S3_BUCKET={arguments.s3}",
        ]
        talk.say(f"s3://{arguments.s3} is at {endpoint}")
        yield upstream


def _described(arguments: argparse.Namespace, talk: Voice) -> tuple[Function, Options]:
    """Return what the arguments describe, checked before anything starts."""
    function, options = given.function(arguments), _options(arguments, talk)
    launch.check(function, options)
    return function, options


def _options(arguments: argparse.Namespace, talk: Voice) -> Options:
    found = given.options(arguments, lambda text: talk.say(log_line(text.rstrip("\n"), talk)))
    if found.limits and (why := cgroups.refused(found.limits)):
        talk.say(f"memory and CPU are not limited: {why}")
    return found


def _serve(arguments: argparse.Namespace, talk: Voice, _upstream: str) -> int:
    function, options = _described(arguments, talk)
    return serve(function, options, arguments.port, arguments.concurrency, arguments.idle, talk)


def _run(arguments: argparse.Namespace, talk: Voice, upstream: str) -> int:
    payload = _payload(arguments.payload)

    def tell(result: Result, done: int) -> None:
        print(result.payload.decode("utf-8", "replace"), flush=True)
        talk.progress("invoked", done, arguments.invocations)

    function, options = _described(arguments, talk)
    with Fleet(function, options, arguments.concurrency) as fleet:
        results = invoke_many(fleet, payload, arguments.invocations, arguments.concurrency, arguments.pause, tell)
    for line in summarise(results, fleet.all, arguments.faults):
        talk.say(line)
    if upstream:
        talk.say(f"s3            {_stored(upstream, arguments.s3, fleet.all)}")
    return 1 if any(result.function_error for result in results) else 0


def _stored(upstream: str, bucket: str, environments: list[Environment]) -> str:
    """Say what an extension stored, and whether it is what was delivered, if it is in our format."""
    try:
        objects = shipped.read(client(upstream), bucket)
    except (FormatError, UnicodeDecodeError) as error:
        return f"not read: {error}"
    ledger = balance(
        delivered(environments), [record for one in objects for record in one.records], ("platform", "function")
    )
    return (
        f"{len(objects):,} objects, {ledger.shipped:,} of {ledger.delivered:,} platform and function records, "
        f"lost {ledger.lost:,}, twice {ledger.duplicated:,}"
    )


def _payload(text: str) -> bytes:
    try:
        data = Path(text[1:]).read_bytes() if text.startswith("@") else text.encode()
        json.loads(data)
    except OSError as error:
        raise SandboxError(f"the payload {text[1:]} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise SandboxError(f"the payload is not JSON: {error}") from None
    return data
