"""What runtimes and loggers write as text: heads of lines, levels, exceptions, numbers. Pure: RE2 and SQL as text."""

from __future__ import annotations

#: Level -> how loggers write it. Numbers are those of pino and bunyan, words of four letters those of .NET. The most
#: frequent stands first.
LEVELS = {
    "INFO": ("INFO", "INFORMATION", "NOTICE", "30"),
    "DEBUG": ("DEBUG", "DBUG", "VERBOSE", "20"),
    "WARN": ("WARN", "WARNING", "40"),
    "ERROR": ("ERROR", "ERR", "FAIL", "SEVERE", "50"),
    "TRACE": ("TRACE", "TRCE", "SILLY", "10"),
    "FATAL": ("FATAL", "CRITICAL", "CRIT", "ALERT", "EMERG", "EMERGENCY", "60"),
}
_TIME = r"\d{4}-\d\d-\d\d[T ][\d:.,]+Z?"
#: The head of a line: what runtimes write before the message, with the level in it. It is one only if the word is a
#: level: with the words themselves in the pattern, RE2 needs twice the time for each line.
PYTHON_HEAD = rf"^(?P<head>\[(?P<level>[A-Za-z]+)\](?:\t{_TIME}\t[^\t\n]*\t| +))"
RUBY_HEAD = r"^(?P<head>[A-Z], \[[^\]\n]*\] +(?P<level>[A-Z]+) -- [^:\n]*: )"
#: Node and .NET write tabs, Java (log4j2) blanks.
TIMED_HEAD = rf"^(?P<head>{_TIME}(?:\t[^\t\n]*\t| +[0-9a-f-]{{36}} +)(?P<level>[A-Za-z]+)(?:\t| +))"
#: A level that the function itself wrote first. It is part of the message.
FIRST_WORD = r"^(?P<head>)(?P<level>[A-Z]+)(?:[:\s]|$)"

TRACEBACK = "Traceback (most recent call last):"
#: Of an error that nothing caught, as Python's runtime writes it: what stands before the traceback.
UNCAUGHT = r"^(?s:(.*?))\s*\nTraceback \(most recent call last\):"
#: Of a traceback: its last line.
CAUGHT = r"Traceback \(most recent call last\):(?s:.*)\n([\w.]+(?::[^\n]*)?)\s*$"
#: Of a stack of JavaScript or Java: the line before the first frame, without what was logged before it.
FRAMES = r"^(?:[^\n]*?\s)??([\w.$]+: [^\n]*|[\w.$]*(?:Error|Exception))\n\s+at "
#: What Node's runtime writes before the JSON of an error that nothing caught.
NODE = ("Invoke Error ", "Uncaught Exception ", "Unhandled Promise Rejection ")
#: One of these is in each text that an exception is looked for in: a traceback, a frame of JavaScript, one of Java.
PARTS = (TRACEBACK, r"\n    at ", r"\n\tat ")
LINE = r"^([^\r\n]+)"
XRAY = "1-[0-9a-f]{8}-[0-9a-f]{24}"
XRAY_LENGTH = 35


def as_double(value: str) -> str:
    """Return the SQL of the number in a text, NULL if it is none. To DuckDB's cast alone 1_000 is one."""
    return f"try_cast(replace({value}, '_', '?') as double)"
