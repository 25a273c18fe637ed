"""What happens to one environment in a chaos run: drawn from a seed, a list that can be read and played again. Pure."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

#: What a kind of environment may meet. In the first three, process or /tmp is alive at every moment; in the fourth
#: the store is dead at the end; in the last, process and /tmp may both be gone: nobody is left to tell what was lost,
#: but it must have come before /tmp was emptied.
KINDS = {
    "killed": ("kill", "store", "freeze", "reset"),
    "wiped": ("wipe", "store", "freeze", "flood"),
    "split": ("kill", "store", "reset", "large"),
    "given up": ("store", "freeze", "flood", "reset"),
    "both": ("kill", "wipe", "store", "freeze", "reset"),
}
STORE = ("s3-500", "s3-503", "s3-403", "s3-slow", "s3-drop-before", "s3-drop-after", "s3-stall-after", "s3-black-hole")
#: Those after which nothing is stored.
DEAD = ("s3-500", "s3-503", "s3-403", "s3-drop-before", "s3-black-hole")
#: Bytes, the fewest that the extension takes: full after one flood.
SMALL_JOURNAL = 1024 * 1024
#: The function exits, or does not end in time.
RESETS = ({"exit": 3}, {"sleep": 30})


@dataclass(frozen=True)
class Step:
    """One thing that happens. `what` is a method of `play.Player`; the rest are its arguments."""

    what: str
    arguments: dict[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.what}({', '.join(f'{name}={value!r}' for name, value in self.arguments.items())})"


@dataclass(frozen=True)
class Plan:
    """One environment: its kind, the extension's settings, rates of the delivery's faults, and the steps."""

    seed: str
    kind: str
    settings: dict[str, object]
    rates: dict[str, float]
    steps: tuple[Step, ...]


def draw(seed: int, number: int, steps: int) -> Plan:
    """Return the plan of the environment with this number in the run with this seed."""
    chance = random.Random(f"{seed}/{number}")
    kind = tuple(KINDS)[number % len(KINDS)]
    settings: dict[str, object] = {
        "SHIP_RATE_BYTES": chance.choice([1, 2000, 20_000, 200_000]),
        "SHIP_RATE_INVOKES": chance.choice([1, 3, 10]),
        "SHIP_RATE_MILLISECONDS": chance.choice([50, 1000, 10_000]),
        "MAX_HOLD_MILLISECONDS": chance.choice([20, 200, 500]),
        "COMPRESSION": chance.choice(["none", "gzip"]),
        "S3_CLIENT": chance.choice(["light", "light", "light", "boto3"]),
    }
    if "flood" in KINDS[kind] and chance.random() < 0.7:
        settings["JOURNAL_BYTES"] = SMALL_JOURNAL
    rates = {"duplicate": 0.1, "cut-post": chance.choice([0.0, 0.3]), "late": 0.5}
    if "large" not in KINDS[kind]:
        rates["shuffle"] = chance.choice([0.0, 0.2])  # shuffled pieces of a record cannot be joined by anybody
    made = [_step(chance, KINDS[kind]) for _ in range(steps)]
    end = Step("store", {"fault": chance.choice(DEAD) if kind == "given up" else ""})
    # What hangs in an attempt from before needs the two seconds that the store gives it: SHUTDOWN is shorter.
    last = Step("invoke", {"event": {"lines": 3, "bytes": 100, "sleep": 2.2}})
    return Plan(f"{seed}/{number}", kind, settings, rates, (*made, end, last))


def _step(chance: random.Random, may: tuple[str, ...]) -> Step:
    what = chance.choices(["invoke", "burst", *may], [4, 2, *[1] * len(may)])[0]
    event = {"lines": chance.choice([0, 1, 5, 40]), "bytes": chance.choice([60, 200, 2000])}
    if what == "kill":
        return _kill(chance, event)
    steps = {
        "invoke": Step("invoke", {"event": {**event, "sleep": chance.choice([0, 0, 0, 0.05])}}),
        "burst": Step("burst", {"count": chance.randint(5, 20), "event": event}),
        "store": Step("store", {"fault": chance.choice(["", "", "", *STORE])}),
        "wipe": Step("invoke", {"event": {**event, "wipe": True}}),
        "freeze": Step("freeze", {**_moment(chance), "event": {**event, "sleep": 0.1}}),
        "flood": Step("burst", {"count": 4, "event": {"lines": 150, "bytes": 2000}}),
        "large": Step("invoke", {"event": {"lines": 3, "bytes": chance.choice([500_000, 1_100_000, 2_500_000])}}),
        "reset": Step("invoke", {"event": {**event, **chance.choice(RESETS)}, "fails": True}),
    }
    return steps[what]


def _moment(chance: random.Random) -> dict[str, float]:
    return {"after": chance.uniform(0.0, 0.1), "seconds": chance.choice([0.05, 0.4, 2.5])}


def _kill(chance: random.Random, event: dict[str, int]) -> Step:
    when = chance.choice(["kill_running", "kill_running", "kill_idle", "kill_starting", "kill_ending", "kill_runtime"])
    if when == "kill_idle":
        return Step(when)
    return Step(when, {"after": chance.uniform(0.0, 0.15), "event": {**event, "sleep": chance.choice([0, 0.05])}})
