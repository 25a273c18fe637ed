"""How the sandbox behaves, beside what the function says. Each option has a user: the command line or a test."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from adaptive_batching.sandbox.faults import Faults

if TYPE_CHECKING:
    from collections.abc import Callable

TELEMETRY, LOGS = "Telemetry", "Logs"


@dataclass(frozen=True)
class Shapes:
    """Switches for older shapes of events; the defaults are today's."""

    function_arn: bool = True
    spans: bool = True
    bill_init: bool = True


APIS = {
    "both": frozenset({LOGS, TELEMETRY}),
    "telemetry": frozenset({TELEMETRY}),
    "logs": frozenset({LOGS}),
    "none": frozenset(),
}


def base_interpreter() -> Path:
    """Return the interpreter itself, not a virtual environment's: functions see none of our packages."""
    return Path(getattr(sys, "_base_executable", sys.executable))


@dataclass(frozen=True)
class Options:
    """`apis`: which log APIs exist, a key of APIS; what does not exist answers 202, as SAM does.

    `freeze`: stop the processes between invocations. `private`: "auto" takes a mount namespace where it works,
    "never" always TMPDIR. `init_timeout`: seconds of the Init phase, None: as on AWS.
    `interpreter`: of Python functions; they see the standard library and awslambdaric, and with `see_packages` or an
    interpreter that is not the default what is installed for it, too. `awslambdaric`: folder that holds it, None: what
    is installed with this package. `log_folder`: where log streams stay after the end (None: they go with the
    environment). `echo` is called with each line of CloudWatch's view. `redeliver`: send a POST that failed again, else
    drop it and say so in a `platform.logsDropped`. `clear_subscriptions`: a reset forgets them, as AWS's emulator does;
    production remembers. `lose_containing`: the faults that lose lines strike only those with this text in it.
    `limits`: of "memory" and "cpu", what the function's memory size bounds, by cgroups where they are allowed.
    `faults`: what is made to go wrong.
    """

    apis: str = "both"
    schemas: frozenset[str] | None = None
    freeze: bool = True
    private: str = "auto"
    init_timeout: float | None = None
    interpreter: Path = field(default_factory=base_interpreter)
    see_packages: bool = False
    awslambdaric: Path | None = None
    log_folder: Path | None = None
    shapes: Shapes = field(default_factory=Shapes)
    upper_case_reason: bool = False
    echo: Callable[[str], None] | None = None
    redeliver: bool = True
    clear_subscriptions: bool = False
    lose_containing: str = ""
    limits: frozenset[str] = frozenset()
    faults: Faults = field(default_factory=Faults)
