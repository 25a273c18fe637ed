"""`adaptive-batching sandbox run|serve`: the command line of the sandbox. Results on stdout, talk on stderr."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.embedded_s3 import NOWHERE, embedded_s3, make_bucket
from sandbox.faults import FAULTS, FaultError, parse
from sandbox.fleet import CONCURRENCY, Fleet
from sandbox.function import INITIALIZATION_TYPES, ON_DEMAND, Function
from sandbox.launch import SandboxError
from sandbox.many import invoke_many, summarise
from sandbox.options import APIS, Options, base_interpreter
from sandbox.s3_proxy import S3Proxy
from sandbox.serve import PORT, serve
from sandbox.template import Template
from sandbox.terminal import Voice

if TYPE_CHECKING:
    import argparse
import contextlib

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sandbox.results import Result


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands."""
    commands = parser.add_subparsers(dest="action", required=True, metavar="run|serve")
    run_parser = commands.add_parser("run", help="invoke a function some times, then shut its environment down")
    _add_function(run_parser)
    run_parser.add_argument("-n", "--invocations", type=int, default=1, help="how many (default: 1)")
    run_parser.add_argument("-c", "--concurrency", type=int, default=1, help="so many at a time (default: 1)")
    run_parser.add_argument("--payload", default="{}", help="JSON, or @file (default: {})")
    run_parser.add_argument("--pause", type=float, default=0.0, metavar="S", help="seconds frozen between invocations")
    run_parser.set_defaults(action=_run)
    serve_parser = commands.add_parser("serve", help="Lambda's Invoke API for a function, until Ctrl-C")
    _add_function(serve_parser)
    serve_parser.add_argument("--port", type=int, default=PORT, help="of the Invoke API; 0: any (default: %(default)s)")
    serve_parser.add_argument(
        "--concurrency", type=int, default=CONCURRENCY, help="environments at most; more is 429 (default: %(default)s)"
    )
    serve_parser.add_argument("--idle", type=float, metavar="S", help="shut an environment down when idle so long")
    serve_parser.set_defaults(action=_serve)


def _add_function(parser: argparse.ArgumentParser) -> None:
    code = parser.add_argument_group("the function")
    code.add_argument("folder", type=Path, help="folder with the function's code, or a SAM template")
    code.add_argument("--function", metavar="ID", help="logical id, where a template has several functions")
    code.add_argument("--parameter", action="append", default=[], metavar="NAME=VALUE", help="of the template")
    code.add_argument("--handler", default="app.handler", help="module.function (default: app.handler)")
    code.add_argument(
        "--runtime", default="python", help="python…, nodejs… or provided… (an executable bootstrap; default: python)"
    )
    code.add_argument("--initialization-type", choices=INITIALIZATION_TYPES, default=ON_DEMAND)
    code.add_argument("--name", default="", help="function name (default: the folder's)")
    code.add_argument(
        "--layer", type=Path, action="append", default=[], help="folder laid out as /opt; may be repeated"
    )
    code.add_argument("--env", action="append", default=[], metavar="NAME=VALUE", help="a variable; may be repeated")
    code.add_argument("--timeout", type=float, default=3.0, metavar="S", help="seconds (default: 3)")
    code.add_argument("--memory", type=int, default=256, metavar="MB", help="default: 256")
    code.add_argument("--log-format", choices=("Text", "JSON"), default="Text")
    where = parser.add_argument_group("the environment")
    where.add_argument("--apis", choices=sorted(APIS), default="both", help="log APIs that exist; others answer 202")
    where.add_argument("--no-freeze", dest="freeze", action="store_false", help="never stop processes when idle")
    where.add_argument("--no-private-tmp", action="store_true", help="TMPDIR instead of a mount namespace")
    where.add_argument(
        "--fault", default="", metavar="NAME=RATE[xLIMIT],…", help=f"make things go wrong: {', '.join(FAULTS)}"
    )
    where.add_argument("--seed", type=int, default=0, help="the same seed, the same faults (default: 0)")
    where.add_argument("--no-redelivery", action="store_true", help="drop what an extension does not acknowledge")
    where.add_argument("--python", type=Path, default=base_interpreter(), help="interpreter of Python functions")
    where.add_argument(
        "--awslambdaric", type=Path, default=Options().awslambdaric, help="folder that holds it (default: %(default)s)"
    )
    where.add_argument("--logs", action="store_true", help="show CloudWatch's view on stderr as it is written")
    where.add_argument(
        "--s3", metavar="BUCKET", help="an embedded S3 with this bucket; functions find it by themselves"
    )
    where.add_argument("--log-folder", type=Path, help="keep log streams here, as CloudWatch would show them")


def function(arguments: argparse.Namespace) -> Function:
    """Return the function that the arguments describe."""
    variables = _pairs("--env", arguments.env)
    if arguments.folder.suffix in {".yaml", ".yml"}:
        template = Template(arguments.folder, _pairs("--parameter", arguments.parameter))
        found = template.function(arguments.function, tuple(arguments.layer))
        return replace(found, variables={**found.variables, **variables})
    return Function(
        arguments.folder,
        arguments.handler,
        arguments.name or arguments.folder.resolve().name,
        runtime=arguments.runtime,
        initialization_type=arguments.initialization_type,
        variables=variables,
        layers=tuple(arguments.layer),
        timeout=arguments.timeout,
        memory=arguments.memory,
        log_format=arguments.log_format,
    )


def _pairs(option: str, words: Sequence[str]) -> dict[str, str]:
    found = {}
    for pair in words:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise SandboxError(f"{option} {pair!r} is not NAME=VALUE")
        found[name] = value
    return found


def options(arguments: argparse.Namespace) -> Options:
    """Return the options that the arguments describe."""
    return Options(
        apis=arguments.apis,
        freeze=arguments.freeze,
        private="never" if arguments.no_private_tmp else "auto",
        interpreter=arguments.python,
        awslambdaric=arguments.awslambdaric,
        log_folder=arguments.log_folder,
        echo=_echo if arguments.logs else None,
        redeliver=not arguments.no_redelivery,
        faults=arguments.faults,
    )


def _echo(text: str) -> None:
    print(text, end="", file=sys.stderr, flush=True)


def run(arguments: argparse.Namespace) -> int:
    """Carry out a subcommand; return the exit code."""
    try:
        arguments.faults = parse(arguments.fault, arguments.seed)
        with _store(arguments):
            return int(arguments.action(arguments))
    except (SandboxError, FaultError) as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 2


@contextlib.contextmanager
def _store(arguments: argparse.Namespace) -> Iterator[None]:
    """With --s3 run an embedded S3 and let the function's variables point to it."""
    if not arguments.s3:
        yield
        return
    with embedded_s3() as upstream, contextlib.ExitStack() as stack:
        make_bucket(upstream, arguments.s3)
        endpoint = upstream
        if any(name.startswith("s3-") for name in arguments.faults.rates):
            proxy = S3Proxy(upstream, arguments.faults)
            stack.callback(proxy.stop)
            endpoint = proxy.endpoint
        arguments.env[:0] = [
            f"AWS_ENDPOINT_URL_S3={endpoint}",
            f"AWS_EC2_METADATA_SERVICE_ENDPOINT={NOWHERE}",
            f"ADAPTIVE_BATCHING_EXTENSION_S3_BUCKET={arguments.s3}",
        ]
        print(f"s3://{arguments.s3} is at {endpoint}", file=sys.stderr)
        yield


def _serve(arguments: argparse.Namespace) -> int:
    talk = Voice(sys.stderr)
    return serve(function(arguments), options(arguments), arguments.port, arguments.concurrency, arguments.idle, talk)


def _run(arguments: argparse.Namespace) -> int:
    payload = _payload(arguments.payload)
    talk = Voice(sys.stderr)

    def tell(result: Result, done: int) -> None:
        print(result.payload.decode("utf-8", "replace"), flush=True)
        talk.progress("invoked", done, arguments.invocations)

    fleet = Fleet(function(arguments), options(arguments), arguments.concurrency)
    with fleet:
        results = invoke_many(fleet, payload, arguments.invocations, arguments.concurrency, arguments.pause, tell)
    for line in summarise(results, fleet.all, arguments.faults):
        talk.say(line)
    return 1 if any(result.function_error for result in results) else 0


def _payload(text: str) -> bytes:
    data = Path(text[1:]).read_bytes() if text.startswith("@") else text.encode()
    try:
        json.loads(data)
    except ValueError as error:
        raise SandboxError(f"the payload is not JSON: {error}") from None
    return data
