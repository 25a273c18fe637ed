"""What extensions say at level warning and above, which is shown even without --logs."""

from __future__ import annotations

import json
import re
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

#: The lines that are shown. Further ones are counted.
SHOWN = 10
#: What a level begins with, in lower case, in the words of the common loggers.
_LEVELS = ("warn", "err", "crit", "fatal", "panic", "alert", "emerg", "severe")
_MEMBERS = ("level", "severity", "levelname", "lvl")
#: A level in the first words of a line of text, `level=error`, or the beginning of a crash.
_WORDS = re.compile(
    r"^.{0,60}?\b(WARN|WARNING|ERROR|CRITICAL|FATAL|PANIC|SEVERE)\b|\b(level|lvl|severity)=\"?(warn|err|crit|fatal|panic)"
    r"|^Traceback \(most recent|^panic: |^(fatal )?error: |^warning: ",
    re.DOTALL,
)


def serious(text: str) -> bool:
    """Return whether a line is at level warning or above, as far as its text says. Pure."""
    found = _object(text)
    if found is None:
        return bool(_WORDS.search(text))
    levels = [str(found[name]).lower() for name in _MEMBERS if name in found]
    return any(level.startswith(_LEVELS) for level in levels)


def shortened(text: str) -> str:
    """Return a line as people read it: the message of a JSON object first, then its other members. Pure."""
    found = _object(text)
    if found is None or not isinstance(found.get("message"), str):
        return text.rstrip()
    rest = {name: value for name, value in found.items() if name not in {"message", "extension", *_MEMBERS}}
    message = str(found["message"])
    return f"{message} {json.dumps(rest, ensure_ascii=False)}" if rest else message


class Overheard:
    """Called with the name of an extension and each record that it writes; says the serious ones. Thread-safe."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._lock = threading.Lock()
        self._count = 0

    def __call__(self, name: str, text: str) -> None:
        """Show a record if it is serious and not too many were shown."""
        if not serious(text):
            return
        with self._lock:
            self._count += 1
            shown = self._count <= SHOWN
        if shown:
            self._say(f"{name}: {shortened(text)}")

    def rest(self) -> list[str]:
        """Return a line about what was not shown, if there was any."""
        more = self._count - SHOWN
        return [f"the extensions wrote {more:,} more warnings and errors; --logs shows them"] if more > 0 else []


def _object(text: str) -> dict[str, Any] | None:
    if not text.startswith("{"):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
