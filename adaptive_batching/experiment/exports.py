"""Read evidence from files: pages of CloudWatch's FilterLogEvents, and log streams of the sandbox."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from adaptive_batching.experiment.core.evidence import Evidence

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


def cloudwatch(files: Iterable[Path], name: str, *, keep: bool = False) -> Evidence:
    """Read an export of CloudWatch's logs. Raises OSError.

    Each file holds one page, an array of pages, or pages one after the other, in any Unicode encoding. With `keep` the
    evidence also keeps the lines.
    """
    evidence = Evidence(name, keep=keep)
    known: set[str] = set()
    last_pages = 0
    for file in files:
        data = file.read_bytes()
        text = data.decode(json.detect_encoding(data), "replace")  # PowerShell writes UTF-16, or a byte order mark
        for page in pages(text, evidence, file.name):
            last_pages += add_page(page, evidence, known, file.name)
    if evidence.holders and not last_pages:
        evidence.incomplete.append("every page of the export has a nextToken, so the last page is missing")
    return evidence


def pages(text: str, evidence: Evidence, where: str) -> Iterator[dict[str, Any]]:
    """Yield the pages in a file's text.

    A page that is not JSON is reported in `evidence.incomplete`, and reading continues at the next line that begins
    with `{`.
    """
    decoder, at = json.JSONDecoder(), 0
    while (at := _next_text(text, at)) < len(text):
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            evidence.incomplete.append(f"{where}: a page is not JSON ({error})")
            newline = text.find("\n{", at)
            at = len(text) if newline < 0 else newline + 1
            continue
        for page in value if isinstance(value, list) else [value]:
            if isinstance(page, dict) and isinstance(page.get("events"), list):
                yield page
            else:
                evidence.incomplete.append(f"{where}: not a page of FilterLogEvents, which has a list of events")


def _next_text(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def add_page(page: dict[str, Any], evidence: Evidence, known: set[str], where: str) -> bool:
    """Add the events of a page to the evidence and return whether the page is a last page, without a nextToken.

    `known` holds the event ids that have been read. An event with a known id is skipped, because exports overlap.
    """
    evidence.holders += 1
    for number, event in enumerate(page["events"], 1):
        message = event.get("message") if isinstance(event, dict) else None
        if not isinstance(message, str):
            evidence.complain(f"{where}, event {number}", "without a message")
            continue
        identity, stream, time = event.get("eventId"), event.get("logStreamName"), event.get("timestamp")
        if isinstance(identity, str):
            if identity in known:
                continue
            known.add(identity)
        order = float(time) if isinstance(time, int | float) else 0.0
        stream = stream if isinstance(stream, str) else ""
        evidence.add_text(stream, order, message, str(time or ""), f"{where}, event {number}")
    return not (page.get("nextToken") or page.get("NextToken"))


def log_folder(folder: Path, name: str, *, keep: bool = False) -> Evidence:
    """Read the sandbox's log streams, one file each, in text or JSON format. Raises OSError.

    With `keep` the evidence also keeps the lines.
    """
    evidence = Evidence(name, keep=keep)
    for file in sorted(folder.iterdir()):
        if file.suffix == ".log" and file.is_file():
            evidence.holders += 1
            text = file.read_text(encoding="utf-8", errors="replace")
            for number, line in enumerate(text.split("\n"), 1):
                evidence.add_text(file.stem, 0.0, line, "", f"{file.name}, line {number}")
    return evidence
