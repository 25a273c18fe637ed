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
    """Whether `platform.start` has the function's ARN. Default: yes; in 2024 it had not."""

    spans: bool = True
    """Whether events have spans. Default: yes, as in the newest schema."""

    bill_init: bool = True
    """Whether the billed duration of the first invocation has the Init in it. Default: yes, as since August 2025."""


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
    """How one environment behaves. The defaults are Lambda's behaviour, as far as this machine allows it."""

    apis: str = "both"
    """The log APIs that exist, a key of APIS; one that does not exist answers 202, as SAM does. Default: both, as on
    AWS: an extension chooses between them.
    """

    schemas: frozenset[str] | None = None
    """The only schema versions that a subscription may name. Default: None, every version that AWS has published."""

    freeze: bool = True
    """Whether processes are stopped between invocations. Default: yes, as on AWS; else work goes on in between."""

    private: str = "auto"
    """Whether the environment gets mounts of its own: "auto" where that works, "never" only a TMPDIR. Default: auto;
    code that writes to /tmp then runs unchanged.
    """

    init_timeout: float | None = None
    """Seconds that the Init phase may take. Default: None, what AWS allows for the function's initialization type."""

    interpreter: Path = field(default_factory=base_interpreter)
    """The Python that runs Python functions. Default: the sandbox's own, without the packages of its virtual
    environment, which Lambda does not have.
    """

    see_packages: bool = False
    """Whether Python functions see what is installed for the default interpreter; for another one they always do.
    Default: no, they see the standard library and awslambdaric, as in Lambda.
    """

    awslambdaric: Path | None = None
    """The folder that holds AWS's runtime interface client for Python. Default: None, what is installed with the tools.
    """

    log_folder: Path | None = None
    """The folder in which log streams stay after the end. Default: None, they are removed with the environment."""

    shapes: Shapes = field(default_factory=Shapes)
    """Which parts of platform events exist. Default: all that AWS sends today."""

    upper_case_reason: bool = False
    """Whether a SHUTDOWN event says SPINDOWN, not spindown. Default: no, as the developer guide writes the reasons."""

    echo: Callable[[str], None] | None = None
    """Called with each line of CloudWatch's view as it is written, newline included. Default: None, it is only kept."""

    redeliver: bool = True
    """Whether a POST that failed is sent again; else its records are dropped, and a `platform.logsDropped` says so.
    Default: yes, as AWS delivers at least once.
    """

    clear_subscriptions: bool = False
    """Whether a reset forgets subscriptions, as AWS's emulator does. Default: no, as production."""

    lose_containing: str = ""
    """The faults that lose lines strike only lines with this text in them. Default: "", every line has it."""

    limits: frozenset[str] = frozenset()
    """Which of "memory" and "cpu" the function's memory size bounds, by control groups where they are allowed. Default:
    neither, since control groups take rights that many users lack, and a share of a CPU makes every run longer.
    """

    faults: Faults = field(default_factory=Faults)
    """What is made to go wrong on purpose, how often and with which seed. Default: nothing."""
