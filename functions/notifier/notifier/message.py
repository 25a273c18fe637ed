"""The text of a message, as Slack takes it. Pure.

What comes from logs, alarms and queues is quoted: it stands between backticks, has none itself, and neither `&`, `<`,
`>` nor an `@` before a letter, so it cannot end the quotation, make a link, or call anybody.
Source: "Formatting text for app surfaces", Slack.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from notifier import lines
from notifier.notices import identifier

if TYPE_CHECKING:
    from notifier.notices import Notice
    from notifier.search import Attempt

#: Characters of a message: Slack cuts longer ones at 4,000.
MOST = 3500
#: Characters of a name or an error in a line of its own.
_NAME, _ERROR = 120, 300
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
#: Looks like a backtick and is none.
_APOSTROPHE = "\u02cb"
#: Has no width, and ends what would be a mention.
_BREAK = "\u200b"
_BLOCK = "```"


def text(
    notice: Notice,
    attempt: Attempt | None,
    *,
    notes: tuple[str, ...] = (),
    source: str = "",
    now: int = 0,
    with_lines: bool = True,
) -> str:
    """Return the message of a notice: at most MOST characters, the lines cut in the middle.

    `notes` are sentences of our own, `source` the bucket as `logs trace` takes it, `now` in epoch milliseconds.
    """
    parts = [_title(notice, now)]
    end = [*notes]
    if command := _command(notice, attempt, source):
        end.append(code(command, 400))
    about = _about(notice, attempt)
    body = "\n".join(filter(None, map(lines.shown, attempt.lines))) if attempt and with_lines else ""
    whole = "\n".join(filter(None, [about, body]))
    if whole:
        room = MOST - sum(len(one) + 1 for one in (*parts, *end)) - 2 * len(_BLOCK) - 2
        parts.append(f"{_BLOCK}\n{quoted(whole, room)}\n{_BLOCK}")
    return "\n".join([*parts, *end])


def quoted(words: str, most: int) -> str:
    """Return a text that can stand between backticks, cut in the middle to at most `most` characters (over 100)."""
    units = [_harmless(one) for one in words]
    if sum(map(len, units)) <= most:
        return "".join(units)
    room = most - len(_left_out(len(words)))
    head, begin = 0, 0
    while head + len(units[begin]) <= room // 3:
        head += len(units[begin])
        begin += 1
    tail, end = head, len(units)
    while tail + len(units[end - 1]) <= room:  # the end tells more than the beginning
        tail += len(units[end - 1])
        end -= 1
    return "".join([*units[:begin], _left_out(end - begin), *units[end:]])


def code(words: str, most: int = _NAME) -> str:
    """Return a text in one line, between backticks, cut at its end."""
    line = " ".join(words.split())
    return f"`{_cut(line, most)}`" if line else ""


def _cut(line: str, most: int) -> str:
    units = [_harmless(one) for one in line]
    if sum(map(len, units)) <= most:
        return "".join(units)
    kept, length = [], 1
    for unit in units:
        length += len(unit)
        if length > most:
            break
        kept.append(unit)
    return "".join([*kept, "…"])


def _left_out(count: int) -> str:
    return f"\n… {count:,} characters left out …\n"


def _harmless(character: str) -> str:
    """Return what stands for one character inside a quotation."""
    if character in _ENTITIES:
        return _ENTITIES[character]
    if character == "`":
        return _APOSTROPHE
    if character == "@":
        return f"@{_BREAK}"
    if character in "\n\t":
        return character
    # Control characters, those that turn the direction of writing, and halves of characters.
    return "\ufffd" if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") else character


def _title(notice: Notice, now: int) -> str:
    mark = ":warning:" if " is " not in notice.what else ":information_source:"
    title = " ".join(filter(None, [mark, notice.what, code(notice.where)]))
    return ", ".join(filter(None, [title, notice.tries, _clock(notice.at, now)]))


def _clock(at: int, now: int) -> str:
    if at <= 0:
        return ""
    when, today = (datetime.fromtimestamp(one / 1000, UTC) for one in (at, now))
    return f"{when:%H:%M:%S} UTC" if when.date() == today.date() else f"{when:%Y-%m-%d %H:%M:%S} UTC"


def _about(notice: Notice, attempt: Attempt | None) -> str:
    """Return the first line of the quotation: function, request, trace, error."""
    if attempt is None:
        return _shortened(notice.said)
    trace = f"trace {attempt.trace}" if attempt.trace else ""
    error = attempt.error or notice.said
    return "  ".join(filter(None, [attempt.function, f"request {attempt.request}", trace, _shortened(error)]))


def _shortened(words: str) -> str:
    line = re.sub(r"\s+", " ", words).strip()
    return line if len(line) <= _ERROR else f"{line[:_ERROR]}…"


def _command(notice: Notice, attempt: Attempt | None, source: str) -> str:
    """Return the command that shows the whole trace. Ids have characters that no shell reads."""
    values = notice.clue.values if notice.clue else ()
    name = (identifier(attempt.trace) or identifier(attempt.request)) if attempt else ""
    name = name or next(iter(values), "")
    return " ".join(filter(None, ["adaptive-batching logs trace", name, source])) if name else ""
