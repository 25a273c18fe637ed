"""The options of the sandbox, apart from the function's configuration. The command line or a test uses each of them."""

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
    """Switches for older shapes of platform events. The defaults are the current shapes."""

    function_arn: bool = True
    """Whether `platform.start` has the function's ARN. Default: yes; in 2024 it did not have it."""

    spans: bool = True
    """Whether events have spans. Default: yes, as in the newest schema."""

    bill_init: bool = True
    """Whether the billed duration of the first invocation includes the Init. Default: yes, as since August 2025."""


APIS = {
    "both": frozenset({LOGS, TELEMETRY}),
    "telemetry": frozenset({TELEMETRY}),
    "logs": frozenset({LOGS}),
    "none": frozenset(),
}


def base_interpreter() -> Path:
    """Return the base interpreter instead of the virtual environment's, whose packages functions must not see."""
    return Path(getattr(sys, "_base_executable", sys.executable))


@dataclass(frozen=True)
class Options:
    """The options of one environment. The defaults are Lambda's behaviour, as far as this machine allows it."""

    apis: str = "both"
    """The log APIs that exist, a key of APIS. An API that does not exist answers 202, as SAM does. Default: both, as on
    AWS, where an extension chooses between them.
    """

    schemas: frozenset[str] | None = None
    """The schema versions that a subscription may name. Default: None, every version that AWS has published."""

    freeze: bool = True
    """Whether processes are stopped between invocations. Default: yes, as on AWS. Otherwise they go on running."""

    private: str = "auto"
    """Whether the environment gets mounts of its own: "auto" if this machine allows it, "never" for a TMPDIR only.
    Default: auto, because code that writes to /tmp then runs unchanged.
    """

    init_timeout: float | None = None
    """The timeout of the Init phase, in seconds. Default: None, that of AWS for the function's initialization type."""

    interpreter: Path = field(default_factory=base_interpreter)
    """The Python that runs Python functions. Default: the sandbox's own, without the packages of its virtual
    environment, which Lambda does not have.
    """

    see_packages: bool = False
    """Whether Python functions see the packages that are installed for the default interpreter. With another
    interpreter they always do. Default: no, they see the standard library, boto3 and awslambdaric, as in Lambda.
    """

    awslambdaric: Path | None = None
    """The folder that contains AWS's runtime interface client for Python. Default: None, the client that is installed
    with the tools.
    """

    log_folder: Path | None = None
    """The folder in which log streams are kept. Default: None, they are removed with the environment."""

    shapes: Shapes = field(default_factory=Shapes)
    """The parts that platform events have. Default: all that AWS sends today."""

    upper_case_reason: bool = False
    """Whether a SHUTDOWN event has the reason SPINDOWN instead of spindown. Default: no, as in the developer guide."""

    echo: Callable[[str], None] | None = None
    """Called with each line that is written to the log stream, newline included. Default: None, there is no call."""

    overheard: Callable[[str, str], None] | None = None
    """Called with the name of an extension and each record that it writes. Default: None, there is no call."""

    redeliver: bool = True
    """Whether a POST that failed is sent again. Otherwise its records are dropped and a `platform.logsDropped` reports
    it. Default: yes, because AWS delivers at least once.
    """

    clear_subscriptions: bool = False
    """Whether a reset removes subscriptions, as AWS's emulator does. Default: no, as in production."""

    lose_containing: str = ""
    """The faults that lose lines strike only lines that contain this text. Default: "", which every line contains."""

    limits: frozenset[str] = frozenset()
    """Which of "memory" and "cpu" are limited by control groups, according to the function's memory size. Default:
    neither, because control groups need rights that many users lack, and a share of a CPU makes every run longer.
    """

    faults: Faults = field(default_factory=Faults)
    """The faults that are injected, with their rates and the seed. Default: none."""
