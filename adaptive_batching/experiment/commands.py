"""The options of `experiment run` and `experiment analyze`."""

from __future__ import annotations

from dataclasses import replace
from secrets import randbelow
from typing import Any

import click

from adaptive_batching import clone
from adaptive_batching.command_line import Argument, Command, Mistake, Option, refusing
from adaptive_batching.experiment.cli import COMMANDS
from adaptive_batching.experiment.core.plan import EVENT, ORIGINAL, REQUEST_RESPONSE, Plan, Range
from adaptive_batching.option_types import DAY, FUNCTION, REGION, File, Number, Text, Url, format_option
from adaptive_batching.values.bounds import Bounds

#: Default of --limit: after so many seconds no further invocation is started.
LIMIT = 3600.0
#: Environments that the sandbox has at most by default. Each is a runtime and an extension, about 40 MB.
ENVIRONMENTS = 20
#: The longest sleep of the function, in milliseconds, and the most invocations and workers of one run.
MOST_SLEEP, MOST_INVOCATIONS, MOST_WORKERS = 900_000, 10_000_000, 1000
_PATH = File()
_WHAT, _WHERE, _SANDBOX = "what is done", "where", "the sandbox"
_SOURCES = "sources"


class _Range(click.ParamType):  # type: ignore[type-arg]  # not a generic class in every version
    """A number, or a range from which numbers are drawn."""

    name = "range"

    def __init__(self, most: float) -> None:
        self._most = most

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> Range:
        """Return the range. Raises Mistake, with the text that was read, if it is not one."""
        option = param.opts[0] if param else "the range"
        try:
            found = Range.parse(value)
        except ValueError as error:
            raise Mistake(f"{option} {error}", ctx) from None
        if found.high > self._most:
            raise Mistake(f"{option} {value!r} is out of bounds; it must be 0 to {self._most:,}", ctx)
        return found


class _Greedy(Command):
    """A command whose option --cloudwatch takes every word up to the next option: `--cloudwatch a.json b.json`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Repeat the option before each of its words, which is the form that click parses."""
        words: list[str] = []
        inside = False
        for word in args:
            if word.startswith("-"):
                inside = word == "--cloudwatch"
            elif inside and words[-1] != "--cloudwatch":
                words.append("--cloudwatch")
            words.append(word)
        return super().parse_args(ctx, words)


class _WithOptionsOfTheSandbox(Command):
    """A command that takes words after `--` for `sandbox serve`, and no other words."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the words before `--`. Raises Mistake if one of them is not an option's."""
        own, dashes, more = _split(args)
        rest = super().parse_args(ctx, own)
        if found := ctx.params["serve_words"]:
            hint = "options of `sandbox serve` follow --" if not dashes else "only options stand before --"
            raise Mistake(f"unexpected word {found[0]!r}; {hint}", ctx)
        ctx.params["serve_words"] = tuple(more)
        return rest


def _split(words: list[str]) -> tuple[list[str], bool, list[str]]:
    if "--" not in words:
        return words, False, []
    at = words.index("--")
    return words[:at], True, words[at + 1 :]


def _run(*, preset: str | None, seed: int | None, environments: int | None, **given: Any) -> int:  # noqa: ANN401
    from adaptive_batching.console import consoles  # noqa: PLC0415 - --help must not load slow modules
    from adaptive_batching.experiment.run_command import RunRequest, run  # noqa: PLC0415
    from adaptive_batching.experiment.runner import RunError  # noqa: PLC0415

    planned = ("invocations", "concurrency", "kind", "pause", "sleep_ms")
    wanted = {name: value for name in planned if (value := given.pop(name)) is not None}
    with refusing(RunError, ValueError, clone.LayerError):
        base = ORIGINAL if preset else Plan()
        plan = replace(base, seed=randbelow(1_000_000) if seed is None else seed, **wanted)
        room = environments or min(plan.concurrency, ENVIRONMENTS)
        return run(RunRequest(plan, environments=room, **given), *consoles())


run = _WithOptionsOfTheSandbox(
    "run",
    callback=_run,
    help=COMMANDS["run"][1],
    about={_WHERE: "By default in the project's sandbox, which the command starts and ends."},
    params=[
        Option(
            ["--preset"],
            type=click.Choice(["original"]),
            group=_WHAT,
            help="600 at 600, Event, pause 5-6 s; other options override it",
        ),
        Option(
            ["-n", "--invocations"],
            type=Number(int, Bounds(1, MOST_INVOCATIONS)),
            metavar="N",
            group=_WHAT,
            help="how many (default: 100)",
        ),
        Option(
            ["-c", "--concurrency"],
            type=Number(int, Bounds(1, MOST_WORKERS)),
            metavar="N",
            group=_WHAT,
            help="invocations in parallel (default: 10)",
        ),
        Option(
            ["--type", "kind"],
            type=click.Choice([EVENT, REQUEST_RESPONSE]),
            group=_WHAT,
            help=f"how the function is invoked (default: {REQUEST_RESPONSE})",
        ),
        Option(
            ["--pause"],
            type=_Range(DAY),
            metavar="S",
            group=_WHAT,
            help="seconds between two invocations of a worker, 5 or 5-6 (default: 0)",
        ),
        Option(
            ["--sleep", "sleep_ms"],
            type=_Range(MOST_SLEEP),
            metavar="MS",
            group=_WHAT,
            help="how long the function sleeps (default: 10-600)",
        ),
        Option(
            ["--seed"],
            type=Number(int, Bounds(0, 2**64)),
            metavar="N",
            group=_WHAT,
            help="seed of pauses and sleeps (default: random, printed)",
        ),
        Option(
            ["--limit"],
            type=Number(float, Bounds(0, 7 * DAY, above=True)),
            default=LIMIT,
            metavar="S",
            group=_WHAT,
            help=f"stop after this many seconds (default: {LIMIT:.0f})",
        ),
        Option(["--folder"], type=_PATH, group=_WHAT, help="where to keep everything (default: experiment-<time>)"),
        Option(
            ["--function"],
            type=FUNCTION,
            metavar="NAME",
            group=_WHERE,
            help="name or ARN of a function (default with --endpoint-url: experiment)",
        ),
        Option(
            ["--endpoint-url", "endpoint"],
            type=Url(),
            metavar="URL",
            group=_WHERE,
            help="URL of an Invoke API that is not AWS's",
        ),
        Option(
            ["--region"],
            type=REGION,
            metavar="REGION",
            group=_WHERE,
            help="region of the function (default: as for the AWS CLI)",
        ),
        Option(
            ["--environments"],
            type=Number(int, Bounds(1, MOST_WORKERS)),
            metavar="N",
            group=_SANDBOX,
            help=f"largest number of environments (default: the concurrency, up to {ENVIRONMENTS})",
        ),
        Option(["--code"], type=_PATH, group=_SANDBOX, help="the function's folder (default: functions/experiment)"),
        Option(["--layer"], type=_PATH, group=_SANDBOX, help=f"the built layer (default: {clone.LAYER})"),
        Argument(
            ["serve_words"],
            nargs=-1,
            type=click.UNPROCESSED,
            metavar="[-- option …]",
            group=_SANDBOX,
            help="options of `sandbox serve`, after --",
        ),
    ],
)


def _analyze(**given: Any) -> int:  # noqa: ANN401 - the options below
    from adaptive_batching.console import consoles  # noqa: PLC0415 - --help must not load slow modules
    from adaptive_batching.experiment.analyze import AnalyzeRequest, SourceError, run  # noqa: PLC0415

    with refusing(SourceError):
        return run(AnalyzeRequest(**given), *consoles())


analyze = _Greedy(
    "analyze",
    callback=_analyze,
    help=COMMANDS["analyze"][1],
    about={_SOURCES: "Each source is judged by itself. Default: those in folder."},
    params=[
        Argument(
            ["folder"],
            required=False,
            type=_PATH,
            metavar="[folder]",
            group=_SOURCES,
            help="of a run: its ledger, objects and log streams",
        ),
        Option(
            ["--s3"],
            type=Text(r"s3://[^/\s]+(/.*)?", "an address like s3://bucket/prefix"),
            metavar="s3://BUCKET/PREFIX",
            group=_SOURCES,
            help="shipped objects; kept in folder/objects",
        ),
        Option(
            ["--endpoint-url", "endpoint"],
            type=Url(),
            metavar="URL",
            group=_SOURCES,
            help="URL of a server that is not AWS's, for S3 and CloudWatch",
        ),
        Option(
            ["--region"],
            type=REGION,
            metavar="REGION",
            group=_SOURCES,
            help="region of the bucket and the log group (default: as for the AWS CLI)",
        ),
        Option(
            ["--log-group"],
            type=Text(r"[A-Za-z0-9_/.#-]{1,512}", "the name of a log group such as /aws/lambda/NAME"),
            metavar="NAME",
            group=_SOURCES,
            help="CloudWatch's log group, read by FilterLogEvents",
        ),
        Option(
            ["--cloudwatch"],
            type=_PATH,
            multiple=True,
            metavar="FILE …",
            group=_SOURCES,
            help="pages of FilterLogEvents, JSON; several files, and repeatable",
        ),
        Option(["--log-folder"], type=_PATH, group=_SOURCES, help="log streams of the sandbox"),
        Option(
            ["--streams"],
            type=_PATH,
            metavar="FOLDER",
            help="keep the whole log streams of lost requests in this folder",
        ),
        format_option("text", "json"),
    ],
)
