"""The command `adaptive-batching smoke`. The module `smoke`, which takes longer to load, carries it out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from adaptive_batching.command_line import Command, Mistake, Option, refusing
from adaptive_batching.load.core import verdict
from adaptive_batching.load.options import access_options, source_options, with_access
from adaptive_batching.option_types import DAY, Number, Text, Url, is_endless
from adaptive_batching.values.bounds import Bounds

if TYPE_CHECKING:
    import click

_HEADER = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[ \t]*[^\r\n]*"


class _Webhook(Url):
    """A URL, and perhaps a text: URL=TEXT."""

    name = "webhook"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return what was given. Raises Mistake if it begins with no URL."""
        super().convert(value.partition("=")[0], param, ctx)
        return value


def _smoke(
    *,
    given_json: str | None,
    header: tuple[str, ...],
    expect: int | None,
    webhook_saw: str | None,
    **given: Any,  # noqa: ANN401 - click's own
) -> int:
    from adaptive_batching.console import consoles  # noqa: PLC0415 - --help must not load slow modules
    from adaptive_batching.load.destinations import LoadError  # noqa: PLC0415
    from adaptive_batching.load.smoke import Smoke, carry_out  # noqa: PLC0415
    from adaptive_batching.load.targets import TargetError  # noqa: PLC0415
    from adaptive_batching.logs.reading import SourceError  # noqa: PLC0415

    if bool(given["logs"]) != bool(given["milestone"]):
        raise Mistake("--logs and --milestone go together: where the milestone is looked for, and which")
    wanted = Smoke(
        body=None if given_json is None else _body(given_json),
        headers={name: value.strip() for name, _, value in (one.partition(":") for one in header)},
        expected=expect,
        webhook=None if webhook_saw is None else verdict.webhook(webhook_saw),
        **with_access(given),
    )
    out, err = consoles()
    with refusing(LoadError, TargetError, SourceError):
        return carry_out(wanted, out, err)


def _body(given: str) -> bytes:
    """Return the body in TEXT or @FILE. Raises Mistake."""
    text = given
    if given.startswith("@"):
        file = Path(given[1:])
        try:
            if is_endless(file):
                raise Mistake(f"--json {given!r} is a device, not a file")
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise Mistake(f"--json {given!r} is not text in UTF-8") from None
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise Mistake(f"--json {given!r} cannot be read: {why}") from None
    try:
        return verdict.as_json(text)
    except (ValueError, RecursionError) as error:
        raise Mistake(f"--json {given!r} is not JSON: {error}; a file is written @FILE") from None


smoke = Command(
    "smoke",
    callback=_smoke,
    help="Send one request, and wait until the milestone of its trace is in the logs.",
    params=[
        Option(["--target"], type=Text(), required=True, metavar="TARGET", help="URL of the request, or lambda:NAME"),
        Option(
            ["--json", "given_json"],
            type=Text(),
            metavar="JSON",
            help="body of a POST, or @FILE (default: a GET without a body)",
        ),
        Option(
            ["--header"],
            type=Text(_HEADER, "a header such as 'X-Api-Key: abc'"),
            multiple=True,
            metavar="NAME:VALUE",
            help="of the request; repeatable",
        ),
        Option(
            ["--expect"],
            type=Number(int, Bounds(100, 599)),
            metavar="CODE",
            help="code of the answer (default: 200 to 299)",
        ),
        Option(
            ["--timeout"],
            type=Number(float, Bounds(0, DAY, above=True)),
            default=60.0,
            metavar="S",
            help="for all that is waited for, in seconds (default: 60)",
        ),
        Option(
            ["--webhook-saw"],
            type=_Webhook(),
            metavar="URL[=TEXT]",
            help="ask the mock at this URL whether a request came, with this text in its body",
        ),
        *source_options(),
        Option(
            ["--milestone"],
            type=Text(),
            metavar="NAME",
            group="the logs",
            help="wait until a line of the answer's trace has this milestone",
        ),
        *access_options(),
    ],
)
