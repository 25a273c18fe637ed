"""Read evidence from the files of shipped objects."""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING, Any

from adaptive_batching import objects
from adaptive_batching.experiment.core.evidence import Evidence
from adaptive_batching.logs.sources.inflating import inflated

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def read(files: list[Path], name: str, failed: list[str], *, keep: bool = False) -> Evidence:
    """Read the lines of objects from their files. `failed` are sentences about objects that could not be fetched.

    With `keep` the evidence also keeps the lines.
    """
    evidence = Evidence(name, incomplete=list(failed), keep=keep)
    for file in files:
        evidence.holders += 1
        for line in decoded(file.read_bytes(), evidence, file.name):
            evidence.add_shipped(line, file.name)
    return evidence


def decoded(body: bytes, evidence: Evidence, where: str) -> Iterator[dict[str, Any]]:
    """Yield the lines of an object. If the object is damaged, yield the lines that can still be read. Pure."""
    try:
        lines: list[Any] = list(objects.lines(body))
    except (ValueError, zlib.error, RecursionError):
        lines = list(_saved(body, evidence, where))
    for line in lines:
        if isinstance(line, dict):
            yield line
        else:
            evidence.complain(where, "a line that is not a JSON object")


def _saved(body: bytes, evidence: Evidence, where: str) -> Iterator[Any]:
    if body[:2] == b"\x1f\x8b":
        body, damage = inflated(body)
        if damage:
            evidence.complain(where, "the gzip stream is damaged or incomplete")
    for number, line in enumerate(body.split(b"\n"), 1):
        try:
            if line:
                yield json.loads(line)
        except (ValueError, RecursionError):
            evidence.complain(f"{where}, line {number}", f"not JSON: {line[:80]!r}")
