"""What the extension and the platform said in the function's log group. Pure."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from adaptive_batching import settings
from adaptive_batching.operate.doctor import asks, entries
from adaptive_batching.operate.doctor.facts import Decision, Unknown
from adaptive_batching.operate.doctor.finding import CANNOT_SAY, ERROR, OK, WARNING, Finding, cannot_say
from adaptive_batching.wording import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adaptive_batching.operate.doctor.facts import Facts

_LEVELS = {"error": ERROR, "warning": WARNING}
_LONGEST = 240
#: Characters of a line in which words of the platform are looked for: a line of a function's own may have a megabyte.
_LONGEST_LINE = 2000
#: How the platform's lines begin: a line of a function's own may quote one of them.
_PLATFORM = re.compile(
    r"(EXTENSION|INIT_REPORT|REPORT|RequestId:|User:) |(fork/exec )?/opt/extensions/|exec format error|Extension\."
)


def judge(facts: Facts) -> list[Finding]:
    """Return each kind of line that says that something is wrong, once."""
    if isinstance(facts.lines, Unknown):
        return [cannot_say(facts.lines, "try again")]
    group = facts.function.log_group
    found: dict[tuple[str, str, str], list[str]] = {}
    for line in facts.lines:
        if kind := told(line):
            found.setdefault(kind, []).append(line)
    if found:
        return [_finding(kind, lines) for kind, lines in found.items()]
    role = facts.role_allows.get(asks.LOG)
    if not facts.lines and isinstance(role, Decision) and not role.allows:
        read = f"the role may not write to {group}, where the lines would be"
        return [Finding(CANNOT_SAY, read, "ship them: LOG_TYPES with extension; they are in the objects then")]
    return [Finding(OK, f"no error of the extension in {group} in the last hour")]


def told(text: str) -> tuple[str, str, str] | None:
    """Return status, message and reason of a line, None for one that says nothing wrong."""
    start = text.find("{")
    try:
        said, _ = json.JSONDecoder().raw_decode(text[start:]) if start >= 0 else ({}, 0)
    except (ValueError, RecursionError):  # any function may write there
        said = {}
    if isinstance(said, dict) and said.get("extension") == settings.EXTENSION:
        status = _LEVELS.get(str(said.get("level")))
        return (status, str(said.get("message")), str(said.get("why", ""))) if status else None
    text = " ".join(text[:_LONGEST_LINE].split())
    if not _PLATFORM.match(text):
        return None
    found = entries.of_lambda(text)
    return (ERROR, text, "") if found and found.level == "error" else None


def _finding(kind: tuple[str, str, str], lines: Sequence[str]) -> Finding:
    """Return a finding with the entry of docs/troubleshooting.md."""
    status, message, why = kind
    read = f"{counted(len(lines), 'line')}: {message}{f' ({why})' if why else ''}"[:_LONGEST]
    entry = entries.find(message) or entries.of_lambda(message)
    if entry:
        return Finding(status, f"{read}. That is: {entry.meaning}. Lost: {entry.lost}", entry.mend)
    about = "correct the variable: docs/troubleshooting.md, Messages about settings"
    return Finding(status, read, about if entries.is_about_a_setting(message) else "report it, with the line")
