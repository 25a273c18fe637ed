"""`logs report`: figures of a window as text, JSON, CSV or a page; conditions, a webhook, a server on loopback."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from adaptive_batching.command_line import Mistake, Option, refusing
from adaptive_batching.logs.verbs.making import OUTPUT, format_option, made
from adaptive_batching.option_types import FUNCTION_NAME, File, Number, Text, Url, refuse_empty
from adaptive_batching.values.bounds import Bounds

if TYPE_CHECKING:
    from pathlib import Path

    from adaptive_batching.logs.reading import Reading

_FIGURES, _ACTIONS = "figures", "what follows"
#: The longest timeout that Lambda allows, in seconds.
_LONGEST = 900
_LARGEST_FILE = 1024 * 1024  # bytes of patterns
_SHARE = Number(float, Bounds(0, 1, above=True))


class _Timeout(click.ParamType):  # type: ignore[type-arg]  # not a generic class in every version
    """A function's name and its timeout: NAME=SECONDS."""

    name = "timeout"

    def convert(
        self, value: str | tuple[str, float], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, float]:
        """Return name and seconds. Raises Mistake if it is not that."""
        if isinstance(value, tuple):
            return value
        refuse_empty(value, param, ctx)
        name, equals, seconds = value.partition("=")
        Text(FUNCTION_NAME, "NAME=SECONDS with the name of a function, such as orders=30").convert(name, param, ctx)
        if not equals:
            raise Mistake(f"--timeout {value!r} has no seconds; write it as {name}=30", ctx)
        return name, float(Number(float, Bounds(0, _LONGEST, above=True)).convert(seconds, param, ctx))


def _report(  # noqa: PLR0913 - the options
    *,
    reading: Reading,
    format_: str,
    timeouts: tuple[tuple[str, float], ...],
    near: float,
    short: float | None,
    price_gb_second: float | None,
    arm: tuple[str, ...],
    patterns: Path | None,
    lead: tuple[str, str] | None,
    fail_if: tuple[str, ...],
    html: Path | None,
    post: str | None,
    serve: bool,
    port: int,
) -> int:
    from adaptive_batching.logs.report import conditions, run  # noqa: PLC0415 - --help must not load slow modules
    from adaptive_batching.logs.report.document import Wish  # noqa: PLC0415
    from adaptive_batching.logs.report.figures.functions import FIGURES  # noqa: PLC0415
    from adaptive_batching.logs.report.figures.tables import Terms  # noqa: PLC0415
    from adaptive_batching.logs.report.patterns import KNOWN, PatternsError, parse  # noqa: PLC0415

    source = str(click.get_current_context().params["source"])
    if serve and (fail_if or post or html):
        raise Mistake("--serve shows the report; --fail-if, --post and --html go with a report that is made once")
    with refusing(conditions.ConditionError):
        wanted = [conditions.parse(one, FIGURES) for one in fail_if]
    try:
        known = KNOWN if patterns is None else parse(_text(patterns))
    except PatternsError as error:
        raise Mistake(f"--patterns {str(patterns)!r}: {error}") from None
    terms = Terms(near, short, dict(timeouts), price_gb_second, arm)
    asked = run.Asked(source, Wish(terms, known, lead), format_, wanted, html, post)
    try:
        return run.serve(asked, reading, port) if serve else run.report(asked, reading)
    except (run.ReportError, PatternsError) as error:
        raise Mistake(str(error)) from None


def _text(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            data = opened.read(_LARGEST_FILE + 1)
        if len(data) > _LARGEST_FILE:
            raise Mistake(f"--patterns {str(file)!r} is larger than a file of patterns can be")
        return data.decode()
    except OSError as error:
        raise Mistake(f"--patterns {str(file)!r} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Mistake(f"--patterns {str(file)!r} is not text in UTF-8") from None


_OPTIONS = [
    Option(
        ["--timeout", "timeouts"],
        type=_Timeout(),
        multiple=True,
        metavar="NAME=S",
        group=_FIGURES,
        help="a function's timeout in seconds (default: as its objects tell); repeatable",
    ),
    Option(
        ["--near"],
        type=_SHARE,
        default=0.8,
        metavar="SHARE",
        group=_FIGURES,
        help="near the timeout: from this share of it on (default: 0.8)",
    ),
    Option(
        ["--short"],
        type=_SHARE,
        metavar="SHARE",
        group=_FIGURES,
        help="short: less than this share of the timeout (default: not counted)",
    ),
    Option(
        ["--price-gb-second"],
        type=Number(float, Bounds(0, 1)),
        metavar="DOLLARS",
        group=_FIGURES,
        help="price of a GB-second (default: the list price of us-east-1)",
    ),
    Option(
        ["--arm"],
        type=Text(),
        multiple=True,
        metavar="GLOB",
        group=_FIGURES,
        help="functions that run on arm64, which costs less; repeatable",
    ),
    Option(
        ["--patterns"],
        type=File(),
        metavar="TOML",
        group=_FIGURES,
        help="texts and regular expressions that are counted over time",
    ),
    Option(
        ["--lead"],
        type=Text(),
        nargs=2,
        metavar="FROM TO",
        group=_FIGURES,
        help="milestones for the lead time (default: those that most traces have first and last)",
    ),
    format_option("text", "json", "csv"),
    Option(["--html"], type=File(), metavar="FILE", group=OUTPUT, help="write the report as one page, too"),
    Option(
        ["--fail-if"],
        type=Text(),
        multiple=True,
        metavar="CONDITION",
        group=_ACTIONS,
        help="exit code 1 if it holds for a function: 'timeouts > 0 or p95_ms > 1000'; repeatable",
    ),
    Option(
        ["--post"],
        type=Url(),
        metavar="URL",
        group=_ACTIONS,
        help="send a summary to a webhook; with --fail-if only if a condition holds",
    ),
    Option(["--serve"], is_flag=True, group=_ACTIONS, help="serve the page on this machine, made anew for each reload"),
    Option(
        ["--port"],
        type=Number(int, Bounds(0, 65535)),
        default=0,
        metavar="N",
        group=_ACTIONS,
        help="port for --serve (default: a free one)",
    ),
]


report = made("report", _report, _OPTIONS, since="24h")
