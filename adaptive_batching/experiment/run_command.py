"""`experiment run`: put plan, place and ledger together."""

from __future__ import annotations

import contextlib
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path
from secrets import randbelow
from typing import TYPE_CHECKING

from adaptive_batching.experiment import local, objects
from adaptive_batching.experiment.core.ledger import head_line
from adaptive_batching.experiment.core.plan import EVENT, ORIGINAL, Plan
from adaptive_batching.experiment.runner import Run, RunError, client
from adaptive_batching.experiment.terminal import Voice

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from adaptive_batching.experiment.core.ledger import Ledger

LEDGER = "ledger.jsonl"
#: Environments of the sandbox unless told: each is a runtime and an extension, about 40 MB.
ENVIRONMENTS = 20


def run(arguments: argparse.Namespace) -> int:
    """Invoke; 0 when every invocation was accepted with an id, 1 when not all, 2 when it could not be done."""
    talk = Voice(sys.stderr)
    try:
        plan = plan_of(arguments)
        folder = _new_folder(arguments.folder)
        talk.say(f"{plan.invocations:,} invocations, {plan.workers:,} at once, {plan.kind}, seed {plan.seed}")
        with _ended_by_sigterm():
            ledger = _run(plan, folder, arguments, talk)
    except (RunError, ValueError) as error:
        talk.say(f"experiment: {error}")
        return 2
    accepted = len(ledger.accepted())
    talk.say(
        f"{accepted:,} accepted, {ledger.refused:,} refused, {ledger.unknown:,} without an answer, "
        f"{ledger.nameless:,} without an id; {plan.invocations - len(ledger.entries):,} not made"
    )
    talk.say(f"next: adaptive-batching experiment analyze {folder}")
    sys.stdout.write(f"{folder / LEDGER}\n")
    return 0 if accepted == plan.invocations else 1


def plan_of(arguments: argparse.Namespace) -> Plan:
    """Return what the arguments ask for. Pure but for a seed that is drawn when none is given."""
    given = {
        "invocations": arguments.invocations,
        "concurrency": arguments.concurrency,
        "kind": arguments.type,
        "pause": arguments.pause,
        "sleep_ms": arguments.sleep,
        "seed": randbelow(1_000_000) if arguments.seed is None else arguments.seed,
    }
    base = ORIGINAL if arguments.preset else Plan()
    return replace(base, **{name: value for name, value in given.items() if value is not None})


def _run(plan: Plan, folder: Path, arguments: argparse.Namespace, talk: Voice) -> Ledger:
    if arguments.function or arguments.endpoint_url:
        if arguments.serve_words:
            raise RunError(f"{' '.join(arguments.serve_words)}: options after -- are the sandbox's, which is not used")
        return _invoke(plan, folder, arguments, arguments.endpoint_url, talk)
    environments = arguments.environments or min(plan.concurrency, ENVIRONMENTS)
    place = local.Place(arguments.code, arguments.layer, folder, environments, arguments.serve_words)
    with local.s3(folder) as s3:
        with local.sandbox(place, s3) as endpoint:
            talk.say(f"the sandbox is at {endpoint}, {environments} environments at most; its S3 at {s3}")
            ledger = _invoke(plan, folder, arguments, endpoint, talk)
            if plan.kind == EVENT:
                _await_queue(place, ledger, arguments.limit, talk)
            talk.say("SHUTDOWN of every environment")
        kept = folder / "objects" / local.BUCKET
        files, failed = objects.fetch(
            local.s3_client(s3), local.BUCKET, "", kept, lambda done, all_: talk.progress("kept", done, all_)
        )
    if failed:
        raise RunError(f"not every object could be kept: {failed[0]}")
    talk.say(f"{len(files):,} objects are kept in {kept}")
    return ledger


def _await_queue(place: local.Place, ledger: Ledger, limit: float, talk: Voice) -> None:
    """Shut down no earlier than the last queued event has run."""
    accepted = len(ledger.accepted()) + ledger.nameless
    if not local.await_outcomes(
        place.streams, accepted, limit, lambda done, all_: talk.progress("reported", done, all_)
    ):
        talk.say(f"not every event has run within {limit:.0f} s; those in the queue are dropped")


def _invoke(plan: Plan, folder: Path, arguments: argparse.Namespace, endpoint: str | None, talk: Voice) -> Ledger:
    function = arguments.function or local.FUNCTION
    target = client(endpoint, arguments.region, plan.workers)
    with (folder / LEDGER).open("x", encoding="utf-8") as file:
        file.write(
            head_line(
                function=function,
                endpoint=endpoint,
                began=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                invocations=plan.invocations,
                concurrency=plan.concurrency,
                type=plan.kind,
                pause_s=[plan.pause.low, plan.pause.high],
                sleep_ms=[plan.sleep_ms.low, plan.sleep_ms.high],
                seed=plan.seed,
            )
        )
        run_ = Run(plan, target, function, file, arguments.limit)
        return run_.carry_out(lambda done, all_: talk.progress("invoked", done, all_))


def _new_folder(wished: Path | None) -> Path:
    folder = wished or Path(time.strftime("experiment-%Y%m%dT%H%M%S"))
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RunError(f"{folder} is not empty; --folder takes another")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"{folder} cannot be made ({error.strerror}); --folder takes another") from None
    return folder


@contextlib.contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end the run as Ctrl-C does, so that the processes it started end, too."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
