"""A folder of shipped objects, as a few busy functions leave it. Deterministic; written by `tests.fakes.shipped`.

python -m benchmarks.reading.traffic FOLDER [LINES]
"""

from __future__ import annotations

import json
import random
import sys
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.batches import DETAILS, MESSAGES
from tests.fakes.shipped import Line, Shipped, done, moment, report, started, text

if TYPE_CHECKING:
    from collections.abc import Iterator

FUNCTIONS = ("orders", "payments", "stock", "shipping")
BEGIN = datetime(2026, 11, 20, 8, tzinfo=UTC)
LINES = 1_000_000
PER_OBJECT = 200
ENVIRONMENTS = 8  # of each function
PER_REQUEST = 10  # lines
_SECONDS = 86_400.0  # that all of it takes


def write(folder: Path, lines: int = LINES, seed: int = 1) -> list[str]:
    """Write objects with so many lines in all, and return the ids of their requests."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    environments = [
        Shipped(folder, name, environment=f"{chance.getrandbits(48):012x}", now=BEGIN)
        for name in FUNCTIONS
        for _ in range(ENVIRONMENTS)
    ]
    per_object = PER_OBJECT // PER_REQUEST
    step = timedelta(seconds=_SECONDS / max(1, lines / PER_OBJECT / len(environments)))
    ids: list[str] = []
    for number in range(lines // PER_OBJECT):
        ship = environments[number % len(environments)]
        begin = BEGIN + step * (number // len(environments))
        made: list[Line] = []
        for turn in range(per_object):
            one = str(uuid.UUID(int=chance.getrandbits(128)))
            ids.append(one)
            made += _request(chance, one, begin + turn * step / per_object, ship.function)
        ship(*made)
    return ids


def _request(chance: random.Random, one: str, begin: datetime, function: str) -> Iterator[Line]:
    trace = str(uuid.UUID(int=chance.getrandbits(128)))
    took = chance.lognormvariate(4, 1)
    xray = f"1-{chance.getrandbits(32):08x}-{chance.getrandbits(96):024x}"
    yield started(one, time=begin, xray=xray)
    at = begin
    for number in range(PER_REQUEST - 3):
        at += timedelta(milliseconds=took / PER_REQUEST)
        said = chance.choice(MESSAGES)
        detail = " ".join(f"{chance.choice(DETAILS)}={chance.randrange(1000)}" for _ in range(18))
        level = "ERROR" if chance.random() < 0.002 else "INFO"  # noqa: PLR2004 - few
        if function == "stock":
            yield text(f"[{level}]\t{moment(at)}\t{one}\t{said}: {detail}\n", request=one, time=at)
        elif function == "shipping":
            yield text(f"{moment(at)}\t{one}\t{level}\t{said}: {detail}\n", request=one, time=at)
        else:
            record: dict[str, object] = {
                "level": level,
                "message": said,
                "timestamp": moment(at),
                "traceId": trace,
                "detail": detail,
            }
            record |= {"milestone": f"STEP_{number}", "price": round(chance.random() * 100, 2)}
            shown = json.dumps(record) + "\n" if function == "orders" else record
            yield text(shown, request=one, time=at)
    status = "timeout" if chance.random() < 0.001 else "success"  # noqa: PLR2004 - few
    yield done(one, status=status, time=at, ms=took)
    yield report(one, status=status, time=at + timedelta(milliseconds=1), ms=took)


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else LINES)  # noqa: PLR2004
