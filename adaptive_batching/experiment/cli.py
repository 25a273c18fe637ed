"""`adaptive-batching experiment run|analyze`: the lost-last-line experiment. Results on stdout, talk on stderr."""

from __future__ import annotations

import argparse
from pathlib import Path

from adaptive_batching.experiment import analyze, run_command
from adaptive_batching.experiment.core.plan import EVENT, REQUEST_RESPONSE, Range


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="run|analyze")
    line = "invoke the experiment's function many times, in the sandbox or on AWS, and keep a ledger"
    _configure_run(actions.add_parser("run", help=line, description=line))
    line = "find which begin and end lines never arrived; exit code 0 no loss, 1 losses, 2 cannot say"
    _configure_analyze(actions.add_parser("analyze", help=line, description=line))


def run(arguments: argparse.Namespace) -> int:
    """Carry out a subcommand; return the exit code."""
    return int(arguments.carry_out(arguments))


def _configure_run(parser: argparse.ArgumentParser) -> None:
    what = parser.add_argument_group("what is done")
    what.add_argument("--preset", choices=("original",), help="600 at 600, Event, pause 5-6 s; other options win")
    what.add_argument("-n", "--invocations", type=int, help="how many (default: 100)")
    what.add_argument("-c", "--concurrency", type=int, help="how many at once (default: 10)")
    what.add_argument("--type", choices=(EVENT, REQUEST_RESPONSE), help=f"default: {REQUEST_RESPONSE}")
    what.add_argument("--pause", type=_span, metavar="S", help="seconds between a worker's own, 5 or 5-6 (default: 0)")
    what.add_argument("--sleep", type=_span, metavar="MS", help="how long the function sleeps (default: 10-600)")
    what.add_argument("--seed", type=int, help="of pauses and sleeps (default: drawn, and said)")
    what.add_argument("--limit", type=float, default=3600.0, metavar="S", help="end after so long (default: 3600)")
    what.add_argument("--folder", type=Path, help="where to keep everything (default: experiment-<time>)")
    where = parser.add_argument_group("where", "by default in the project's sandbox, which is started and ended")
    where.add_argument("--function", help="name or ARN of a function (default with --endpoint-url: experiment)")
    where.add_argument("--endpoint-url", metavar="URL", help="of an Invoke API that is not AWS's")
    where.add_argument("--region", help="default: as the AWS CLI has it")
    local = parser.add_argument_group("the sandbox")
    local.add_argument("--environments", type=int, help="environments at most (default: the concurrency, 20 at most)")
    local.add_argument("--code", type=Path, default=Path("functions/experiment"), help="default: %(default)s")
    local.add_argument("--layer", type=Path, default=Path("build/layer"), help="default: %(default)s")
    local.add_argument("serve_words", nargs="*", metavar="-- OPTION", help="options of `sandbox serve`, after --")
    parser.set_defaults(carry_out=run_command.run)


def _configure_analyze(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, nargs="?", help="of a run: its ledger, objects and log streams")
    sources = parser.add_argument_group(
        "what is looked through", "each is judged by itself; default: what FOLDER holds"
    )
    sources.add_argument("--s3", metavar="s3://BUCKET/PREFIX", help="shipped objects; kept in FOLDER/objects")
    sources.add_argument("--endpoint-url", metavar="URL", help="of an S3 that is not AWS's")
    sources.add_argument("--region", help="default: as the AWS CLI has it")
    sources.add_argument("--cloudwatch", type=Path, nargs="+", metavar="FILE", help="pages of FilterLogEvents, JSON")
    sources.add_argument("--log-folder", type=Path, metavar="FOLDER", help="log streams of the sandbox")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.set_defaults(carry_out=analyze.run)


def _span(text: str) -> Range:
    try:
        return Range.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
