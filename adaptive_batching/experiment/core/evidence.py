"""The observations from one source: objects on S3, a CloudWatch export, or log-stream files. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from adaptive_batching.experiment.core.observations import Kind, Observation, UnreadableError, of_record, of_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: Complaints that are kept as text. Further ones are only counted.
COMPLAINTS = 5


@dataclass
class Evidence:
    """Observations by log stream (or environment), each with its position in the stream.

    `incomplete` lists reasons why some lines may not have been read. `bad` counts lines that could not be parsed. With
    `keep` the lines themselves are kept too (`texts`).
    """

    name: str
    holders: int = 0  # the number of objects, pages or files
    lines: int = 0
    bad: int = 0
    complaints: list[str] = field(default_factory=list)
    incomplete: list[str] = field(default_factory=list)
    dropped: int = 0  # records that the platform reports as dropped
    starts_seen: bool = False
    keep: bool = False
    _texts: dict[str, list[tuple[float, str]]] = field(default_factory=dict)
    _streams: dict[str, list[tuple[float, Observation]]] = field(default_factory=dict)

    def add(self, stream: str, order: float, observation: Observation) -> None:
        """Add one observation. Observations of a stream with equal `order` stay in the order of the calls."""
        self._streams.setdefault(stream, []).append((order, observation))
        self.starts_seen |= observation.kind is Kind.START

    def complain(self, where: str, why: str) -> None:
        """Count one unreadable line."""
        self.bad += 1
        if len(self.complaints) < COMPLAINTS:
            self.complaints.append(f"{where}: {why}")

    def streams(self) -> dict[str, list[Observation]]:
        """Return the observations of each stream, sorted by their position."""
        return {
            name: [observation for _, observation in sorted(found, key=lambda pair: pair[0])]
            for name, found in self._streams.items()
        }

    def texts(self, stream: str) -> list[str]:
        """Return the lines of a stream in their order, without newlines; none unless the evidence keeps them."""
        return [text for _, text in sorted(self._texts.get(stream, []), key=lambda pair: pair[0])]

    def _note(self, stream: str, order: float, text: str) -> None:
        if self.keep:
            self._texts.setdefault(stream, []).append((order, text))

    def add_text(self, stream: str, order: float, text: str, time: str, where: str) -> None:
        """Add one message of a log stream. It may have several lines: REPORT and XRAY share an event."""
        for line in text.split("\n"):
            if line.strip():
                self.lines += 1
                self._note(stream, order, line)
                self._read(stream, order, of_text(line, time), where)

    def add_shipped(self, line: Mapping[str, object], where: str) -> None:
        """Add one parsed line of an object that the extension shipped."""
        self.lines += 1
        kind, environment = line.get("type"), line.get("environment")
        if not isinstance(kind, str) or not isinstance(environment, str):
            self.complain(where, "a line without type and environment")
            return
        sequence, time, record = line.get("sequence"), line.get("time"), line.get("record")
        order = float(sequence) if isinstance(sequence, int) else float("inf")
        self._note(environment, order, json.dumps(line, ensure_ascii=False, separators=(",", ":")))
        self._read(environment, order, of_record(kind, record, time if isinstance(time, str) else ""), where)
        if kind == "platform.logsDropped" and isinstance(record, dict):
            count = record.get("droppedRecords")
            self.dropped += count if isinstance(count, int) and count > 0 else 0

    def _read(self, stream: str, order: float, found: Iterator[Observation], where: str) -> None:
        try:
            for observation in found:
                self.add(stream, order, observation)
        except UnreadableError as error:
            self.complain(where, str(error))
