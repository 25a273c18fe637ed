"""The conditions of `search`: -q 'level >= warn and fields.price > 3', --field k=v, --grep, --level, ids."""

from __future__ import annotations

from adaptive_batching.logs.language import literals, values
from adaptive_batching.logs.language.errors import LanguageError
from adaptive_batching.logs.language.names import for_search
from adaptive_batching.logs.language.nodes import Comparison, Name, Text
from adaptive_batching.logs.language.parser import Parser
from adaptive_batching.logs.language.scanner import Scanner
from adaptive_batching.logs.language.translation import Translator, level

_SEARCH = Translator(for_search)


def expression(text: str) -> str:
    """Return the condition that an expression states. Raises LanguageError with a sentence."""
    scanner = Scanner(text)
    if scanner.done():
        raise LanguageError("the expression is empty; write one such as level >= warn and fields.price > 3")
    try:
        node = Parser(scanner, bare=True).condition()
        if not scanner.done():
            raise LanguageError(f"`and` or `or` is expected where {scanner.rest()} stands")
        return _SEARCH.condition(node)
    except RecursionError:
        raise LanguageError("the expression is nested too deeply") from None


def field(text: str) -> str:
    """Return the condition for `name=value`: the member of the JSON is this text, or a number that is equal."""
    name, sign, value = text.partition("=")
    if not (name and sign):
        raise LanguageError(f"{text!r} is not name=value")
    return _SEARCH.condition(
        Comparison("=", Name(f"fields.{name}" if name == "level" else name), Text(value, quoted=False))
    )


def grep(pattern: str) -> str:
    """Return the condition that the record contains a match of a regular expression (RE2)."""
    return f"coalesce(regexp_matches(record, {literals.text(pattern)}), false)"


def at_least(word: str) -> str:
    """Return the condition that the level is this one or a more severe one."""
    return f"coalesce({values.rank('level')} >= {values.rank(literals.text(level(word)))}, false)"


def is_request(request: str) -> str:
    """Return the condition that the line belongs to a request."""
    return f"coalesce(request_id = {literals.text(request)}, false)"


def is_trace(trace: str) -> str:
    """Return the condition that the line has a trace id, or an X-Ray id."""
    wanted = literals.text(trace)
    return f"coalesce(trace_id = {wanted} OR xray_id = {wanted}, false)"
