"""How severe a record says that it is, read where loggers and Lambda's runtimes write it. Pure; nothing raises.

    objects    a member with one of NAMES, on the outermost level; numbers are those of pino and bunyan
    JSON text  the same
    Python     [LEVEL] TAB time TAB id TAB message; a traceback and Java's LambdaLogger have a blank behind the bracket
    Node, .NET time TAB id TAB level TAB message
    Java       date and time, id, LEVEL ... (log4j2's patterns)
    Ruby       I, [time#pid] LEVEL -- program: message

Free text is not searched: a level that occurs in a message is not the record's own.
"""

from __future__ import annotations

import json
import re

from extension.records.mending import numeral, plain_text

LEVELS = ("trace", "debug", "info", "warn", "error", "fatal")  # a rank is a position in this
NAMES = (
    *("level", "Level", "LEVEL", "severity", "Severity", "severityText", "levelname", "log_level", "logLevel"),
    *("LogLevel", "loglevel", "log.level", "lvl", "@l"),
)
SPELLINGS = {
    "trace": "trace trce finest finer silly all",
    "debug": "debug dbug dbg debu fine config verbose vrb http",
    "info": "info information informational inf notice",
    "warn": "warn warning wrn",
    "error": "error err eror fail severe",
    "fatal": "fatal ftl critical crit panic dpanic alert emerg emergency",
}
TIME_LENGTHS = (19, 40)  # characters of date and time at the head of a line: the shortest form, and the longest
NUMBERS = (10, 69)  # pino's and bunyan's: 10 is trace, 60 fatal; syslog's, the other way round, are below 8

_RANKS = {word: rank for rank, level in enumerate(LEVELS) for word in SPELLINGS[level].split()}
_BRACKET = re.compile(r"\[([A-Za-z]{2,13})\][\t ]")
_JAVA = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?[\t ]{1,4}"
    r"(?:[0-9A-Za-z-]{1,128}[\t ]{1,4})??([A-Z]{3,8})[\t ]"
)
_RUBY = re.compile(r"[A-Z], \[[^\]]{1,64}\] {1,4}([A-Z]{1,20}) ")
_LONGEST_WORD = 16
_decode = json.JSONDecoder(parse_int=numeral, parse_float=numeral, parse_constant=numeral).decode


def rank(record: object) -> int | None:
    """Return the position in LEVELS of the level that a record names; None if it names none."""
    if isinstance(record, dict):
        return _of_members(record)
    if not isinstance(record, str):
        return None
    mark = record[:1]
    if mark == "{":
        try:
            value = _decode(record)
        except (ValueError, RecursionError):
            return None
        return _of_members(value)
    if mark == "[":
        head = _BRACKET.match(record)
    elif "0" <= mark <= "9":
        at = record.find("\t", *TIME_LENGTHS)
        fields = record.split("\t", 3) if at > 0 and " " not in record[:at].strip() else ()
        if len(fields) > 3 and (found := _of_word(fields[2])) is not None:  # noqa: PLR2004 - time id level message
            return found
        head = _JAVA.match(record)
    else:
        head = _RUBY.match(record)
    return _of_word(head[1]) if head else None


def _of_members(members: dict[str, object]) -> int | None:
    for name in NAMES:
        value = members.get(name)
        if isinstance(value, bytes) and value.isdigit() and len(value) == 2:  # noqa: PLR2004 - of NUMBERS
            least, most = NUMBERS
            return int(value) // least - 1 if least <= int(value) <= most else None
        if (text := plain_text(value)) is not None:
            return _of_word(text)
    return None


def _of_word(text: str) -> int | None:
    return _RANKS.get(text.strip().lower()) if len(text) <= _LONGEST_WORD else None
