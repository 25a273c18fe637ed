"""Carry out a load test: read the script, send its requests, wait for its milestone, report."""

from __future__ import annotations

import json
import random
import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from adaptive_batching.console import table
from adaptive_batching.load import watching
from adaptive_batching.load.core import checks, figures, schedule, script, users
from adaptive_batching.load.core.report import Report, members, text
from adaptive_batching.load.destinations import Access, LoadError, LocalOptions, Looked, destination
from adaptive_batching.load.generator import Generator, Limits
from adaptive_batching.logs.trace.drawing import duration

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from adaptive_batching.console import Console
    from adaptive_batching.load.core.figures import Lead, Measured
    from adaptive_batching.load.core.schedule import Arrival
    from adaptive_batching.load.core.script import Script
    from adaptive_batching.load.core.users import Row
    from adaptive_batching.load.generator import Clock
    from adaptive_batching.load.targets import Target
    from adaptive_batching.logs.reading import Reading

__all__ = ["LoadError", "Plan", "Wanted", "carry_out", "prepared"]

#: A larger script or payload is a mistake in its name, in bytes.
_LARGEST = 64 * 1024 * 1024
_SEEDS = 1_000_000


@dataclass(frozen=True)
class Wanted:
    """The options."""

    script: Path
    target: str | None
    places: int
    seed: int | None
    logs: str | None
    until: str | None
    drain: float
    output: str
    access: Access
    local: LocalOptions = field(default_factory=LocalOptions)


@dataclass(frozen=True)
class Plan:
    """What the script says, drawn with a seed."""

    script: Script
    rows: Sequence[Sequence[Row]]
    checks: Sequence[checks.Check]
    schedule: Sequence[Arrival]
    random: random.Random


def carry_out(wanted: Wanted, out: Console, err: Console, clock: Clock | None = None) -> int:
    """Make the test and print what it measured. Return 0, or 1 if a check of `ensure` failed.

    Without such checks a test in which nothing was answered is a LoadError, after the report. Raises LoadError,
    TargetError or SourceError, and KeyboardInterrupt after the report if Ctrl-C ended it.
    """
    seed = secrets.randbelow(_SEEDS) if wanted.seed is None else wanted.seed
    plan = prepared(wanted.script, seed, err)
    config = plan.script.config
    address = wanted.target or config.target
    if not address:
        raise LoadError(f"{wanted.script}: config.target is missing; give it there or with --target")
    looked = Looked(wanted.logs, wanted.until)
    with destination(address, config.http.timeout, wanted.access, wanted.local, looked, err.say) as (target, source):
        return _carry_out(wanted, plan, _Run(address, seed, target, source, clock), out, err)


@dataclass(frozen=True)
class _Run:
    """What is used for a test."""

    address: str
    seed: int
    target: Target
    source: str | None
    clock: Clock | None


def _carry_out(wanted: Wanted, plan: Plan, run: _Run, out: Console, err: Console) -> int:
    timeout = plan.script.config.http.timeout
    if run.source:
        watching.checked(_reading(run.source, wanted.access, None))
    limits = Limits(wanted.places, timeout)
    generator = Generator(run.target, limits, lambda done, all_: err.progress("answered", done, all_), run.clock)
    measured = generator.run(plan.schedule, users.users(plan.script, plan.rows, plan.random))
    err.clear()
    lead = None
    if run.source and wanted.until and not measured.interrupted:
        try:
            lead = _lead(wanted, run.source, measured, err)
        except KeyboardInterrupt:
            measured.interrupted = True
    report = _report(plan, measured, lead, run)
    if wanted.output == "json":
        out.say(json.dumps(members(report), ensure_ascii=False, indent=2))
    else:
        for line in text(report, table, _duration):
            out.say(line)
    if measured.interrupted:
        raise KeyboardInterrupt
    if measured.silent and not report.outcomes:
        raise LoadError(f"nothing was answered: {', '.join(report.whole.errors) or 'nothing was sent in time'}")
    return 0 if report.passed else 1


def prepared(path: Path, seed: int, err: Console) -> Plan:
    """Read a script and its payloads, and draw its schedule. Raises LoadError."""
    try:
        read, notes = script.read(_text(path), str(path))
        rows = [users.rows(one, _text(path.parent / one.path)) for one in read.config.payload]
        made = checks.checks(read.config.ensure, read.config.plugins.ensure)
        drawn = random.Random(seed)  # noqa: S311 - no secret
        plan = Plan(read, rows, made, schedule.arrivals(read.config.phases, drawn), drawn)
    except script.ScriptError as error:
        raise LoadError(str(error)) from None
    except (users.PayloadError, checks.CheckError, schedule.ScheduleError) as error:
        raise LoadError(f"{path}: {error}") from None
    for note in notes:
        err.say(note)
    return plan


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _LARGEST:
            raise LoadError(f"{path} is larger than {_LARGEST:,} bytes")
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise LoadError(f"{path} is not text in UTF-8") from None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise LoadError(f"{path} cannot be read: {why}") from None


def _reading(source: str, access: Access, started: datetime | None) -> Reading:
    return watching.reading(source, started, profile=access.profile, region=access.region, layout=access.layout)


def _lead(wanted: Wanted, source: str, measured: Measured, err: Console) -> Lead:
    """Wait for the milestone and return the lead times. Raises SourceError."""
    milestone = wanted.until or ""
    traces = [one.ids for one in measured.sent if one.code is not None and not one.failed and one.ids]
    reading = _reading(source, wanted.access, measured.started)
    found = watching.wait(
        reading,
        milestone,
        traces,
        wanted.drain,
        lambda done: err.progress(f"reached {milestone}", done, len(traces)),
    )
    err.clear()
    if reading.damaged:
        err.say(watching.DAMAGED)
    zero = measured.started
    return figures.lead(measured, milestone, {id_: (ts - zero).total_seconds() for id_, ts in found.items()})


def _duration(seconds: float | None) -> str:
    return "-" if seconds is None else duration(timedelta(seconds=seconds))


def _report(plan: Plan, measured: Measured, lead: Lead | None, run: _Run) -> Report:
    phases = plan.script.config.phases
    begun = plan.schedule[: measured.begun]
    each = [
        figures.figures(
            one.name or f"phase {number + 1}", measured, sum(arrival.phase == number for arrival in begun), number
        )
        for number, one in enumerate(phases)
        if one.pause is None
    ]
    whole = figures.figures("all", measured, len(begun))
    values = checks.metrics(whole, measured.took, lead)
    rate = max(one.highest for one in phases)
    return Report(
        run.address,
        run.seed,
        measured,
        each,
        whole,
        lead,
        [checks.outcome(one, values) for one in plan.checks],
        figures.limit(measured, whole, rate),
    )
