"""Plays a plan against a real environment, and says what came of it."""

from __future__ import annotations

import time
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adaptive_batching.sandbox.faults import Rate
from tests.chaos.rig import Rig, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.chaos.plan import Plan
    from tests.chaos.verdict import Verdict
    from tests.fakes.s3 import Moto

#: Seconds of an invocation: the start of another process after a kill and the last step's sleep have to fit in.
TIMEOUT = 4.0
#: The same where a freeze has to fit in too.
TIMEOUT_OF_FROZEN = 5.0


@dataclass(frozen=True)
class Outcome:
    """What came of one plan. `failed`: errors of the function that no step explains; `broken`: a traceback, or ""."""

    plan: Plan
    verdict: Verdict
    invocations: int
    killed: int
    failed: list[str]
    broken: str
    history: list[str]
    said: list[str]

    @property
    def clean(self) -> bool:
        """Whether all is as it must be."""
        verdict = self.verdict
        if self.failed or self.broken or verdict.twice or verdict.unknown or verdict.faults:
            return False
        if self.plan.kind == "both":
            return not verdict.inexcusable
        if self.plan.kind == "given up":
            return not verdict.unexplained
        return not (verdict.lost or verdict.reported)


class Player:
    """Each public method is something that can happen, see `plan`."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self.failed: list[str] = []

    def invoke(self, event: dict[str, object], *, fails: bool = False) -> None:
        """One invocation."""
        self._during(event, lambda: None, fails=fails)
        if event.get("wipe"):
            self._rig.wiped_at = time.time()

    def burst(self, count: int, event: dict[str, object]) -> None:
        """Some invocations in a row."""
        for _ in range(count):
            self.invoke(event)

    def store(self, fault: str) -> None:
        """The store behaves so from now on."""
        self._rig.store(fault)

    def kill_running(self, after: float, event: dict[str, object]) -> None:
        """SIGKILL some seconds after the beginning of an invocation."""
        self._during(event, lambda: self._kill_after(after))

    def kill_runtime(self, after: float, event: dict[str, object]) -> None:
        """The function's process is killed."""
        self._during(event, lambda: self._kill_after(after, "runtime"))

    def kill_idle(self) -> None:
        """SIGKILL between two invocations."""
        self._rig.kill()

    def kill_starting(self, after: float, event: dict[str, object]) -> None:
        """SIGKILL twice: the second one while the next process starts, and takes up what the first one left."""
        self._rig.kill()

        def kill() -> None:
            until(lambda: self._rig.process() is not None, "the next process")
            self._kill_after(after)

        self._during(event, kill)

    def kill_ending(self, after: float, event: dict[str, object]) -> None:
        """SIGKILL during the SHUTDOWN that follows a time-out."""
        running = self._rig.begin(**{**event, "sleep": 30})
        until(running.answered.is_set, "the time-out")
        self._kill_after(after)
        self._rig.end(running)

    def freeze(self, after: float, seconds: float, event: dict[str, object]) -> None:
        """Everything is stopped in the middle of an invocation, and goes on later."""
        environment = self._rig.environment

        def freeze() -> None:
            time.sleep(after)
            environment.freeze()
            time.sleep(seconds)
            environment.thaw()

        self._during(event, freeze, fails=False)

    def _during(self, event: dict[str, object], act: Callable[[], object], *, fails: bool = True) -> None:
        running = self._rig.begin(**event)
        act()
        result = self._rig.end(running)
        if result.function_error and not fails:
            self.failed.append(f"{event}: {result.payload.decode()}")

    def _kill_after(self, seconds: float, kind: str = "extension") -> None:
        time.sleep(seconds)
        self._rig.kill(kind)


def play(plan: Plan, server: Moto) -> Outcome:
    """Carry a plan out."""
    name = "chaos-" + plan.seed.replace("/", "-")
    timeout = TIMEOUT_OF_FROZEN if any(step.what == "freeze" for step in plan.steps) else TIMEOUT
    rates = {fault: Rate(rate) for fault, rate in plan.rates.items()}
    rig = Rig(server, name, seed=plan.seed, rates=rates, timeout=timeout, told=plan.settings)
    player = Player(rig)
    history: list[str] = []
    broken = ""
    began = time.monotonic()
    try:
        with rig:
            for step in plan.steps:
                history.append(f"{time.monotonic() - began:7.3f} {step} [{len(rig.puts)} puts]")
                getattr(player, step.what)(**step.arguments)
    except Exception:  # noqa: BLE001 - one environment must not hide what became of the others
        broken = traceback.format_exc()
    said = list(rig.environment.extension_lines)
    return Outcome(plan, rig.verdict(), len(rig.results), len(rig.ends), player.failed, broken, history, said)
