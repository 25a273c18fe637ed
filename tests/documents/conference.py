"""The logs of a small application, as a folder of shipped objects: speakers submit sessions to a conference.

    python -m tests.documents.conference examples/logs

writes the folder that the pages on reading logs use. `submit` takes a session, `save` stores it, `mail` thanks the
speaker. The first request finds every function cold; one is refused by `save`, which Lambda then tries again; one waits
long for `mail`.
"""

from __future__ import annotations

import json
import shutil
import sys
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.fakes.shipped import LAYOUT, Line, done, encoded, report, started, text

BEGIN = datetime(2026, 11, 20, 17, 41, 41, 211_000, tzinfo=UTC)
REQUESTS, REFUSED, SLOW = 12, 4, 9
SUBMIT, SAVE, MAIL = "conference-submit", "conference-save", "conference-mail"
SUBJECTS = ("Batches", "Queues", "Cold starts", "Traces", "Nothing at all", "Costs")
#: Invocations whose lines go into one object.
TOGETHER = 4


def ident(name: str) -> str:
    """The same id for the same name, always."""
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, name))


@dataclass
class Environment:
    """One environment of a function, which ships into a folder."""

    folder: Path
    function: str
    waiting: list[bytes] = field(default_factory=list)
    first: datetime = BEGIN
    sequence: int = 0
    invocations: int = 0
    init_ms: float | None = 1480.5

    def invoke(
        self, request: str, at: datetime, ms: float, said: list[tuple[float, Any]], status: str = "success"
    ) -> datetime:
        """Log one invocation, which begins with an init if it is the first. Return its end."""
        begin = at + timedelta(milliseconds=self.init_ms or 0)
        end = begin + timedelta(milliseconds=ms)
        lines = [started(request, time=begin)]
        lines += [text(what, request=request, time=begin + timedelta(milliseconds=after)) for after, what in said]
        lines += [
            done(request, status=status, time=end, ms=ms),
            report(request, status=status, time=end, ms=ms, memory=256, used=81, init_ms=self.init_ms),
        ]
        self.init_ms = None
        self._log(lines)
        self.invocations += 1
        if self.invocations % TOGETHER == 0:
            self.ship()
        return end

    def _log(self, lines: list[Line]) -> None:
        for line in lines:
            assert line.time is not None
            self.first = self.first if self.waiting else line.time
            self.sequence += 1
            environment = ident(f"environment of {self.function}").replace("-", "")[:12]
            self.waiting.append(encoded(line, line.time, environment, self.sequence))

    def ship(self) -> None:
        """Write what waits as one object."""
        if not self.waiting:
            return
        where = LAYOUT.format(function=self.function, date=f"{self.first:%Y-%m-%d}", hour=f"{self.first:%H}")
        unique = ident(f"object {self.sequence} of {self.function}")
        file = self.folder / where / f"{self.function}-{int(self.first.timestamp() * 1000)}-{unique}.log"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"".join(self.waiting))
        self.waiting.clear()


def write(folder: Path) -> None:
    """Write the folder anew."""
    shutil.rmtree(folder, ignore_errors=True)
    submit, save, mail = (Environment(folder, name) for name in (SUBMIT, SAVE, MAIL))
    for number in range(REQUESTS):
        at = BEGIN + timedelta(seconds=20 * number)
        trace, session = ident(f"trace {number}"), ident(f"session {number}")

        def said(milestone: str | None = None, level: str = "INFO", trace: str = trace, **more: Any) -> dict[str, Any]:  # noqa: ANN401
            given = {"milestone": milestone} if milestone else {}
            return {"level": level, **more, **given, "traceId": trace}

        subject = SUBJECTS[number % len(SUBJECTS)]
        lines = [
            (3.0, said("RECEIVED", message="session received", sessionId=session, subject=subject)),
            (21.5, said("QUEUED", message="sent to the queue", price=number)),
        ]
        end = submit.invoke(ident(f"submit {number}"), at, 40.25 + number, lines)
        begin = end + timedelta(milliseconds=629)
        request = ident(f"save {number}")
        if number == REFUSED:
            for _ in range(2):  # asynchronous: Lambda tries again
                error = {"errorType": "ValueError", "errorMessage": "this subject cannot be saved"}
                refused = [
                    (12.0, said(message="saving", sessionId=session)),
                    (
                        60.0,
                        said(level="ERROR", **error, stackTrace=['  File "/var/task/save.py", line 31, in handler']),
                    ),
                ]
                end = save.invoke(request, begin, 71.5, refused, status="error")
                begin = end + timedelta(seconds=58)
            continue
        wrote = [
            (12.0, said(message="saving", sessionId=session)),
            (302.0, said(message="put", span="dynamodb PutItem", durationMs=286.5)),
            (303.0, said("SAVED", message="saved")),
        ]
        end = save.invoke(request, begin, 310.75, wrote)
        begin = end + timedelta(seconds=30 if number == SLOW else 1)
        slow = [(890.0, "[WARNING]\t2026-11-20T17:45:00.000Z\t\tthe mail server is slow\n")] if number == SLOW else []
        thanked = [*slow, (900.0, said("THANKED", message="the speaker is thanked", span="smtp", durationMs=850.0))]
        mail.invoke(ident(f"mail {number}"), begin, 905.0, thanked)
    for environment in (submit, save, mail):
        environment.ship()


if __name__ == "__main__":
    write(Path(sys.argv[1]))
    print(json.dumps({"objects": sum(file.is_file() for file in Path(sys.argv[1]).rglob("*"))}))
