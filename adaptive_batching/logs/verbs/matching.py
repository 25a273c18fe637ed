"""The options that say which lines match, for `search` and `tail`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from adaptive_batching.command_line import Option, refusing
from adaptive_batching.logs.language import conditions
from adaptive_batching.logs.language.errors import LanguageError
from adaptive_batching.option_types import Text

if TYPE_CHECKING:
    import click

_WHAT = "what matches"


def options() -> list[click.Parameter]:
    """Return the options."""
    return [
        Option(["--request-id"], type=Text(), metavar="ID", group=_WHAT, help="lines of this request"),
        Option(["--trace"], type=Text(), metavar="ID", group=_WHAT, help="lines with this trace id, or X-Ray id"),
        Option(
            ["--level"],
            type=Text(),
            metavar="LEVEL",
            group=_WHAT,
            help="lines of this level or a more severe one: TRACE, DEBUG, INFO, WARN, ERROR, FATAL",
        ),
        Option(
            ["--grep"],
            type=Text(),
            multiple=True,
            metavar="RE",
            group=_WHAT,
            help="records with a match of this regular expression (RE2; (?i) ignores case); repeatable",
        ),
        Option(
            ["--field", "fields"],
            type=Text(),
            multiple=True,
            metavar="K=V",
            group=_WHAT,
            help="a member of the JSON, a.b for one within another; repeatable",
        ),
        Option(
            ["-q", "--query", "expressions"],
            type=Text(),
            multiple=True,
            metavar="EXPR",
            group=_WHAT,
            help="an expression: 'level >= warn and fields.price > 3'; repeatable",
        ),
    ]


@dataclass(frozen=True)
class Matching:
    """What the options say."""

    request_id: str | None
    trace: str | None
    level: str | None
    grep: tuple[str, ...]
    fields: tuple[str, ...]
    expressions: tuple[str, ...]

    def condition(self) -> str:
        """Return the condition in SQL. Raises Mistake if one of the options is not understood."""
        with refusing(LanguageError):
            found = [
                *([conditions.is_request(self.request_id)] if self.request_id else []),
                *([conditions.is_trace(self.trace)] if self.trace else []),
                *([conditions.at_least(self.level)] if self.level else []),
                *map(conditions.grep, self.grep),
                *map(conditions.field, self.fields),
                *map(conditions.expression, self.expressions),
            ]
        return " AND ".join(found) or "true"
