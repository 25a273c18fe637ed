"""Makes a report and carries out what was asked for: prints it, writes the page, judges conditions, posts, serves."""

from __future__ import annotations

import json
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from adaptive_batching.console import consoles
from adaptive_batching.logs.interrupting import as_interrupts
from adaptive_batching.logs.reading import NothingFound, SourceError
from adaptive_batching.logs.report.document import Wish, document
from adaptive_batching.logs.report.page.page import HEADERS, page
from adaptive_batching.logs.report.text import as_csv, head, text
from adaptive_batching.logs.report.words import count, plain
from adaptive_batching.sandbox.http_server import Answer, Request, Server

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import tzinfo
    from pathlib import Path

    from adaptive_batching.console import Console
    from adaptive_batching.logs.reading import Reading
    from adaptive_batching.logs.report.conditions import Condition

#: Exit code when a condition of --fail-if holds.
HOLDS = 1
#: Seconds until a webhook has to answer.
PATIENCE = 30.0
#: What a webhook gets of the errors, and how many functions; the charts and traces are left out.
_POSTED_ERRORS, _POSTED_FUNCTIONS = 20, 100


class ReportError(Exception):
    """The report was made and could not be delivered. The message is a sentence. Exit code 2."""


@dataclass(frozen=True)
class Asked:
    """What the command line asks for, beside the source's own options."""

    source: str
    wish: Wish = field(default_factory=Wish)
    format_: str = "text"
    conditions: Sequence[Condition] = ()
    html: Path | None = None
    post: str | None = None


def report(asked: Asked, reading: Reading) -> int:
    """Make the report once and return the exit code. Raises ReportError, SourceError, NothingFound, PatternsError."""
    out, notes = consoles()
    with reading.open() as logs:
        zone = logs.zone
        found = document(logs, asked.wish, asked.source, datetime.now(UTC), lambda *at: notes.progress("report", *at))
        notes.clear()
        held = list(holding(asked.conditions, found))
        if not _has_something(found):
            raise NothingFound(f"no lines in {plain(asked.source)} in this window")
        if asked.html:
            _write(asked.html, page(found, zone).encode(), notes)
        for line in _printed(asked.format_, found, zone):
            out.say(line)
        for one in held:
            notes.say(f"fail-if: {one['sentence']}")
    if asked.post and (held or not asked.conditions):
        _post(asked.post, message(found, held, "\n".join(head(found, zone))))
        notes.say("posted")
    return HOLDS if held else 0


def _has_something(found: dict[str, Any]) -> bool:
    """Return whether there is something to report: lines, or that some cannot be read."""
    complete = found["complete"]
    return bool(complete["lines"] or complete["unreadable"] or complete["damaged"] or found["total"]["invocations"])


def _printed(format_: str, found: dict[str, Any], zone: tzinfo) -> Iterator[str]:
    if format_ == "json":
        return iter([json.dumps(found, indent=1)])
    if format_ == "csv":
        return iter(as_csv(found).splitlines())
    return text(found, zone)


def holding(conditions: Sequence[Condition], found: dict[str, Any]) -> Iterator[dict[str, str]]:
    """Yield each condition that holds for a function: function, condition, and a sentence with the figures in it."""
    for condition in conditions:
        for one in found["functions"]:
            if condition.holds(one):
                figures = ", ".join(f"{name} {_figure(one[name])}" for name in condition.names)
                name = plain(one["function"])
                yield {
                    "function": name,
                    "condition": condition.text,
                    "sentence": f"{name}: {condition.text} ({figures})",
                }


def _figure(value: float | None) -> str:
    return "unknown" if value is None else count(value) if value == int(value) else f"{value:.4g}"


def message(found: dict[str, Any], held: Sequence[dict[str, str]], summary: str) -> dict[str, Any]:
    """Return what a webhook gets: `text` as chats show it, and `report`, the document without charts and traces."""
    lines = [summary, *(one["sentence"] for one in held), found["complete"]["sentence"]]
    kept = ("format", "source", "generated", "since", "until", "complete", "notes", "total")
    report_ = {name: found[name] for name in kept}
    report_ |= {"functions": found["functions"][:_POSTED_FUNCTIONS], "errors": found["errors"][:_POSTED_ERRORS]}
    return {"text": "\n".join(lines), "conditions": list(held), "report": report_}


def _post(url: str, body: dict[str, Any]) -> None:
    """Raise ReportError, which names no more of the URL than its host: the rest of a webhook's URL is a secret."""
    import requests  # noqa: PLC0415 - takes a while, and only a webhook needs it

    try:
        answer = requests.post(url, json=body, timeout=PATIENCE, allow_redirects=False)
    except requests.RequestException as error:
        raise ReportError(f"--post: {_host(url)} did not take the report: {type(error).__name__}") from None
    if not answer.ok or answer.is_redirect:
        raise ReportError(f"--post: {_host(url)} did not take the report: it answered {answer.status_code}")


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]


def _write(file: Path, data: bytes, notes: Console) -> None:
    part = file.with_name(f"{file.name}.part")
    try:
        part.write_bytes(data)
        part.replace(file)
    except OSError as error:
        raise ReportError(f"--html {str(file)!r} cannot be written: {error.strerror}") from None
    notes.say(f"{file}: {len(data) / 1000:,.0f} KB")


def serve(asked: Asked, reading: Reading, port: int) -> int:
    """Serve the page until Ctrl-C; each reload reads the source again. Raises ReportError if the port is taken.

    Pages are made here, one at a time: Ctrl-C stops a query of the main thread, and of no other.
    """
    out, notes = consoles()
    wanted: SimpleQueue[Future[str]] = SimpleQueue()

    def answer(request: Request) -> Answer:
        if request.path.partition("?")[0] != "/":
            return _plain(404, "there is one page here: /")
        if request.method not in ("GET", "HEAD"):
            return _plain(405, "the page can be read only")
        made: Future[str] = Future()
        wanted.put(made)
        try:
            return Answer(200, made.result().encode(), HEADERS)
        except (SourceError, NothingFound) as error:
            return _plain(503, str(error))

    try:
        server = Server(answer, port, ())
    except OSError as error:
        raise ReportError(f"--port {port} cannot be used: {error.strerror}") from None
    out.say(f"http://{server.address}/")
    notes.say("each reload reads the logs again; Ctrl-C ends")
    try:
        while True:
            made = wanted.get()
            try:
                with as_interrupts():
                    made.set_result(_page(asked, reading))
            except Exception as error:  # noqa: BLE001 - told to whoever asked for it
                made.set_exception(error)
    finally:
        server.stop()


def _page(asked: Asked, reading: Reading) -> str:
    with reading.open() as logs:
        return page(document(logs, asked.wish, asked.source, datetime.now(UTC)), logs.zone)


def _plain(status: int, why: str) -> Answer:
    return Answer(status, f"{why}\n".encode(), {"Content-Type": "text/plain; charset=utf-8"})
