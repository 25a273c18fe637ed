"""Lifecycles that follow from a seed, and a digest of the objects that each makes: keys, bytes, metadata, in order.

`python -m tests.unit.extension.core.recorded_lives.lives` prints the digests, one a line. Those of thresholds.txt were
printed by the code of the commit before mode `adaptive` came; this module runs with that code too.
"""

from __future__ import annotations

import hashlib
import random
from typing import Any

from extension.errors import StoreError
from tests.unit.extension.build import function_line, platform
from tests.unit.extension.core.story import Story

LIFECYCLES = 100
FAILURES = (StoreError.SERVER, StoreError.TRANSPORT, StoreError.THROTTLED, StoreError.CONFIGURATION)


def digest(puts: list[str]) -> str:
    """Return how many objects these are, and what tells them from others."""
    return f"{len(puts)} {hashlib.sha256(chr(10).join(puts).encode()).hexdigest()[:16]}"


def lifecycle(seed: int) -> list[str]:
    """Run one life; return a line for each object: number, key, metadata, hash of the body."""
    source = random.Random(seed)
    managed = source.random() < 0.1
    story = Story(managed=managed, **_settings(source))
    attempts: list[str] = []
    now = 0.0
    for number in range(source.randint(0, 60)):
        now += source.choice([0.05, 0.2, 1.0, 5.0, 30.0, 200.0]) * source.uniform(0.5, 1.5)
        now = _invocation(story, source, f"r{number}", now, attempts)
    if source.random() < 0.9:
        story.shutdown(now + source.uniform(0.1, 300), reason=source.choice(["spindown", "timeout", "failure"]))
        now = story.now().mono - 1000
        for _ in range(20):
            now += source.uniform(0.01, 0.3)
            _answer(story, source, now, attempts)
    return attempts


def _settings(source: random.Random) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if source.random() < 0.7:
        told["SHIP_RATE_BYTES"] = source.choice([1, 500, 5000, 50_000, 262_144])
    if source.random() < 0.7:
        told["SHIP_RATE_INVOKES"] = source.choice([1, 2, 10, 100])
    if source.random() < 0.7:
        told["SHIP_RATE_MILLISECONDS"] = source.choice([1, 1000, 10_000, 60_000])
    if source.random() < 0.3:
        told["LOG_TYPES"] = '["function"]'
    if source.random() < 0.2:
        told["MAX_HOLD_MILLISECONDS"] = source.choice([1, 5000])
    return told


def _invocation(story: Story, source: random.Random, request: str, now: float, attempts: list[str]) -> float:
    """Let one invocation run; return when its environment is frozen or goes on."""
    story.invoke(request, now, telemetry=source.random() < 0.95)
    if source.random() < 0.8:
        now += source.uniform(0, 0.03)
        story.post(now, platform("start", request, version="1"))
    for _ in range(source.randint(0, 4)):
        now += source.choice([0.001, 0.03, 0.3, 8.0]) * source.random()
        texts = ["x" * int(source.choice([10, 300, 6000]) * source.random()) for _ in range(source.randint(1, 5))]
        story.post(now, *(function_line(text) for text in texts))
        _answer(story, source, now + source.random() / 10, attempts)
        now = max(now, story.now().mono - 1000)
    if source.random() < 0.9:
        now += source.uniform(0, 0.05)
        story.done(request, now)
    if source.random() < 0.5:
        now += source.uniform(0, 0.05)
        story.post(now, platform("report", request, metrics={"durationMs": 1.5}))
    if source.random() < 0.1:
        story.post(now, {"time": "t", "type": "platform.logsDropped", "record": {"droppedRecords": 3}})
    if source.random() < 0.05:
        story.body(now, b'[{"time":"t","type":"function","record":"half')
    for _ in range(source.randint(0, 3)):
        now += source.random() / 5
        _answer(story, source, now, attempts)
    if source.random() < 0.4:
        story.freeze(source.uniform(0.5, 100), monotonic=source.random() < 0.5)
    return max(now, story.now().mono - 1000)


def _answer(story: Story, source: random.Random, when: float, attempts: list[str]) -> None:
    """Answer the PUT in flight, if there is one: most are stored."""
    story.until(when)
    for name, upload in story.chunks.items():
        body = upload.chunk.body
        assert isinstance(body, bytes)
        said = f"{name} {upload.chunk.key} {sorted(upload.chunk.metadata.items())} {hashlib.sha256(body).hexdigest()}"
        if said not in attempts:
            attempts.append(said)
    if story.core.in_flight is None:
        return
    if source.random() < 0.85:
        story.stored(when)
    else:
        story.failed(when, source.choice(FAILURES))


if __name__ == "__main__":
    print("\n".join(digest(lifecycle(seed)) for seed in range(LIFECYCLES)))
