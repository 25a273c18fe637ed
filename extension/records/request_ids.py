"""The request id that a record itself names, read where a logger writes one. Pure; nothing raises.

A name or a position decides. Free text is not searched: an id that occurs in a message does not say whose line it is.

    objects    a member with one of NAMES, on the outermost level or one level down, in one of PLACES
    JSON text  the same; it is decoded only if it names another known id than the one that it would get anyway
    text       Python      [LEVEL] TAB time TAB id TAB message
               Node, .NET  time TAB id TAB level TAB message
               Java        date and time, id, level ... (log4j2's patterns; Lambda's "Task timed out" too)
               Ruby        I, [time#pid] LEVEL id -- program: message
               Lambda      RequestId: id Process exited ...
"""

from __future__ import annotations

import json
import re

from extension.records.mending import numeral, plain_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from extension.records.plain import Lines

ID_LENGTH = 128  # characters; Lambda's have 36, and each line repeats its own
NAMES = (  # that loggers use, in the order in which they are believed
    *("requestId", "AWSRequestId", "function_request_id", "awsRequestId", "aws_request_id", "request_id"),
    *("FunctionRequestId", "functionRequestId", "AwsRequestId", "RequestId"),
    *("requestID", "AWSRequestID", "awsRequestID", "functionRequestID"),
    *("request-id", "aws-request-id", "function-request-id"),
)
PLACES = ("message", "context", "lambda")  # where loggers put them one level down
TIME_LENGTHS = (19, 40)  # characters of date and time at the head of a line: the shortest form, and the longest
RUBY_LENGTH = 220  # characters in which a Ruby logger's head ends
MEMBERS = 32  # places of JSON text that may be a name: where there are more it is decoded at once

_NAMES = frozenset(NAMES)
_PLACES = frozenset(PLACES)
_IN_EACH_NAME = "equest"
_MEMBER = re.compile(r'equest[_-]?[Ii][dD]"[ \t\n\r]*:[ \t\n\r]*"([^"\\]{1,128})"')  # the end of a name, and its value
# The same in JSON: a member; the heads of Python and Node; the beginning of text that has no place for an id.
_ESCAPED_MEMBER = re.compile(r'equest[_-]?[Ii][dD]\\"(?: |\\[tnr])*:(?: |\\[tnr])*\\"([^"\\]{1,128})\\"')
_ESCAPED_HEAD = re.compile(r"(?:\[[A-Z]{1,20}\]\\t|(?=[0-9]))[0-9TZ:.-]{19,39}\\t([0-9A-Za-z-]{1,128})\\t")
_ESCAPED_RUBY = re.compile(r"[A-Z], \[[0-9TZ:.+-]{10,40} #[0-9]{1,10}\] {1,4}[A-Z]{1,20} ([0-9A-Za-z-]{1,128}) -- ")
_NO_PLACE = re.compile(r"[^0-9R\\{](?!, \[)")
_HEADS = re.compile(  # what stands before an id, and the id
    r"(?:\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?[\t ]+"
    r"|[A-Z], \[[^\]]{1,64}\] +[A-Z]+ +(?=\S+ -- )|RequestId: )(\S+)"
)
_scan_string = json.decoder.scanstring  # type: ignore[attr-defined]
_decode = json.JSONDecoder(parse_int=numeral, parse_float=numeral, parse_constant=numeral).decode


def request_of(record: object, known: Container[str], otherwise: str | None) -> str | None:
    """Return the known id that a record names, and `otherwise` if it names none."""
    if isinstance(record, str):
        mark = record[:1]
        if mark == "{":
            if _IN_EACH_NAME not in record:
                return otherwise
            named = _of_json(record, known, otherwise)
        else:
            named = None if mark == "[" else _at_the_head(record, mark, known, otherwise)
            if named is None and "\t" in record:
                fields = record.split("\t", 3)
                if len(fields) > 2 and (third := fields[2].strip()) in known:  # noqa: PLR2004 - [LEVEL] time id message
                    return third
    elif isinstance(record, dict):
        named = _of_object(record, known)
    else:
        return otherwise
    return otherwise if named is None else named


def other_requests(lines: Lines, known: Container[str], otherwise: str | None) -> Iterator[tuple[int, str | None]]:
    """Yield number and request of those of some plain lines that do not belong to `otherwise`.

    Most lines need no search of their own: JSON text in which no member can be called a request id, and text that names
    `otherwise` where its runtime does, or has no place for an id.
    """
    at, texts = lines.record_at, lines.texts
    usual = otherwise if otherwise in known else None
    if lines.unicode:
        suspects = [n for n, text in enumerate(texts) if text[at] != "{" or _IN_EACH_NAME in text or "\\u" in text]
    else:
        suspects = [n for n, text in enumerate(texts) if text[at] != "{" or _IN_EACH_NAME in text]
    for number in suspects:
        probe = lines.probes[number]
        if probe[at] == "{":
            named = _ESCAPED_MEMBER.match(probe, probe.find(_IN_EACH_NAME))
            is_sure = named and named[1] == usual and probe.find(_IN_EACH_NAME, named.end()) < 0
            is_sure = is_sure and not (lines.unicode and "\\u" in probe)
        else:
            named = _ESCAPED_HEAD.match(probe, at) or _ESCAPED_RUBY.match(probe, at)
            is_sure = named[1] == usual if named else _NO_PLACE.match(probe, at) and "\\t" not in probe
            is_sure = is_sure and (named or not (lines.unicode and "\\u" in probe))
        if not is_sure:
            record, _ = _scan_string(texts[number], at)
            request = request_of(record, known, otherwise)
            if request != otherwise:
                yield number, request


def _at_the_head(text: str, mark: str, known: Container[str], otherwise: str | None) -> str | None:
    """Return the known id that stands behind a time, a Ruby logger's level or `RequestId:`.

    Looks at its place first; the whole form counts only where the answer depends on it.
    """
    if "0" <= mark <= "9":
        at = text.find("\t", *TIME_LENGTHS)
        at = text.find(" ", *TIME_LENGTHS) if at < 0 else at
        words = text[at + 1 : at + 2 + ID_LENGTH].split(None, 1)
    elif text[1:4] == ", [":
        words = text[: text.find(" -- ", 0, RUBY_LENGTH)].rsplit(" ", 1)[1:]
    elif text.startswith("RequestId: "):
        words = text[11 : 12 + ID_LENGTH].split(None, 1)
    else:
        return None
    if not words or words[0] not in known:
        return None
    if words[0] == otherwise:
        return otherwise
    head = _HEADS.match(text)
    return head[1] if head and head[1] == words[0] else None


def _of_json(text: str, known: Container[str], otherwise: str | None) -> str | None:
    """Return the known id that JSON text names, None if it names none, or none but `otherwise`."""
    at = first = text.find(_IN_EACH_NAME)
    named = None
    looked = 0
    while at >= 0:
        looked += 1
        if looked > MEMBERS:
            return _decoded(text, known)
        member = _MEMBER.match(text, at)
        if member and (one := member[1]) in known and one != named:
            if named is not None:
                return _decoded(text, known)
            named, first = one, at
        at = text.find(_IN_EACH_NAME, at + 1)
    if named is None or named == otherwise or _is_outermost(text, first):
        return named
    return _decoded(text, known)


def _is_outermost(text: str, at: int) -> bool:
    """Return whether the member in whose name `at` is stands on the outermost level for sure."""
    quote = text.rfind('"', 0, at)
    name = text[quote + 1 : text.index('"', at)]
    escaped = text[quote - 1] == "\\"
    return name in _NAMES and not escaped and text.count("{", 0, at) == 1 and text.endswith(("}", "}\n"))


def _decoded(text: str, known: Container[str]) -> str | None:
    try:
        value = _decode(text)
    except (ValueError, RecursionError):
        return None
    return _of_object(value, known)


def _of_object(record: dict[str, object], known: Container[str]) -> str | None:
    named = None if _NAMES.isdisjoint(record) else _of_members(record, known)
    if named is None and not _PLACES.isdisjoint(record):
        for place in PLACES:
            inner = record.get(place)
            if isinstance(inner, dict) and (named := _of_members(inner, known)) is not None:
                return named
    return named


def _of_members(members: dict[str, object], known: Container[str]) -> str | None:
    for name in NAMES:
        value = members.get(name)
        if value is not None and (named := plain_text(value)) is not None and named in known:
            return named
    return None
