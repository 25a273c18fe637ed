"""An application that answers at once, works later, and ships its logs later still, into a folder."""

from __future__ import annotations

import json
import threading
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import requests

from tests.edge.load.web import application
from tests.fakes.shipped import Shipped, done, report, started, text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.edge.load.web import Seen, Web

RECEIVED, SAVING, SENT = "CREATE_REQUEST_RECEIVED", "SAVE_REQUEST_RECEIVED", "SLACK_NOTIFICATION_NEW_SESSION_SENT"
UNFINISHED = ("bad", "silent")
ERROR = "this subject cannot be saved"
#: Seconds that a session takes, by what its logs say, and seconds until they are shipped.
WORK, SHIPPING = 0.25, 0.1


@dataclass
class Conference:
    """Sessions whose subject is `bad` fail to be saved; of one that is `silent` nobody is notified."""

    folder: Path
    webhook: str = ""
    web: Web | None = None
    shipped: dict[str, Shipped] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    timers: list[threading.Timer] = field(default_factory=list)

    @property
    def url(self) -> str:
        assert self.web
        return f"{self.web.url}/sessions"

    def answer(self, seen: Seen) -> tuple[int, bytes]:
        if seen.path != "/sessions":
            return 404, b"{}"
        body = json.loads(seen.body)
        ids = {"traceId": str(uuid.uuid4()), "sessionId": str(uuid.uuid4())}
        given = (ids["traceId"], body.get("subject"), datetime.now(UTC))
        if body.get("subject") in UNFINISHED:  # what can be seen of it is there at once
            self.ship(*given)
        else:
            timer = threading.Timer(SHIPPING, self.ship, given)
            self.timers.append(timer)
            timer.start()
        return 202, json.dumps(ids).encode()

    def ship(self, trace: str, subject: str, now: datetime) -> None:
        def said(milestone: str | None = None, **more: object) -> dict[str, object]:
            given = {"milestone": milestone} if milestone else {}
            return {"level": "INFO", "message": f"{subject} {milestone}", **more, **given, "traceId": trace}

        failing = said(level="ERROR", errorType="ValueError", errorMessage=ERROR, message=ERROR)
        self._invocation("conference-submit", now, [said(RECEIVED)])
        self._invocation(
            "conference-save",
            now + timedelta(milliseconds=20),
            [said(SAVING), *([failing] if subject == "bad" else [])],
        )
        if subject not in UNFINISHED:
            if self.webhook:
                requests.post(self.webhook, json={"text": f"new session: {subject}"}, timeout=30)
            self._invocation("conference-notify", now + timedelta(seconds=WORK), [said(SENT)])

    def _invocation(self, function: str, now: datetime, lines: list[dict[str, object]]) -> None:
        request = str(uuid.uuid4())
        with self.lock:
            ship = self.shipped.setdefault(function, Shipped(self.folder, function))
            ship(
                started(request, time=now),
                *(text(line, request=request, time=now) for line in lines),
                done(request, time=now + timedelta(milliseconds=2)),
                report(request, time=now + timedelta(milliseconds=2), ms=2),
            )


@contextmanager
def conference(folder: Path, webhook: str = "") -> Iterator[Conference]:
    app = Conference(folder, webhook)
    with application(app.answer) as app.web:
        try:
            yield app
        finally:
            for timer in app.timers:
                timer.join(60)
