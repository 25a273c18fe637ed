"""`experiment run`: carry out a plan in the sandbox or on AWS, and write the ledger."""

from __future__ import annotations

import contextlib
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from adaptive_batching import clone
from adaptive_batching.experiment import local
from adaptive_batching.experiment.core.ledger import head_line
from adaptive_batching.experiment.core.plan import EVENT, Plan
from adaptive_batching.experiment.runner import Run, RunError, client
from adaptive_batching.logs.s3 import fetch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adaptive_batching.console import Console
    from adaptive_batching.experiment.core.ledger import Ledger

LEDGER = "ledger.jsonl"


@dataclass(frozen=True)
class RunRequest:
    """The options of a run.

    If both `function` and `endpoint` are None, the run starts a sandbox of its own. After `limit` seconds no further
    invocation is started. `serve_words` are further options for `sandbox serve`.
    """

    plan: Plan
    folder: Path | None
    limit: float
    function: str | None
    endpoint: str | None
    region: str | None
    environments: int
    code: Path | None
    layer: Path | None
    serve_words: tuple[str, ...]

    @property
    def in_sandbox(self) -> bool:
        """Whether the run starts a sandbox of its own, instead of invoking an existing function."""
        return not (self.function or self.endpoint)


def run(request: RunRequest, out: Console, err: Console) -> int:
    """Make the invocations. Return 0 if every one was accepted with an id, else 1. Raises RunError or LayerError."""
    plan = request.plan
    layer = None
    if request.in_sandbox:
        layer = clone.layer(request.layer)  # raises before anything is created
    elif request.serve_words:
        raise RunError(
            f"{' '.join(request.serve_words)}: options after -- are for the sandbox, which this run does not use"
        )
    folder = _new_folder(request.folder)
    err.say(f"{plan.invocations:,} invocations, {plan.workers:,} at once, {plan.kind}, seed {plan.seed}")
    with _ended_by_sigterm():
        ledger = _run(request, layer, folder, err)
    accepted = len(ledger.accepted())
    err.say(
        f"{accepted:,} accepted, {ledger.refused:,} refused, {ledger.unknown:,} without an answer, "
        f"{ledger.nameless:,} without an id; {plan.invocations - len(ledger.entries):,} not made"
    )
    err.say(f"next: adaptive-batching experiment analyze {folder}")
    out.say(f"{folder / LEDGER}")
    return 0 if accepted == plan.invocations else 1


def _run(request: RunRequest, layer: Path | None, folder: Path, err: Console) -> Ledger:
    plan = request.plan
    if layer is None:
        return _invoke(request, folder, request.endpoint, err)
    code = request.code or clone.function("experiment")
    setup = local.SandboxSetup(code, layer, folder, request.environments, request.serve_words)
    with local.s3(folder) as s3:
        with local.sandbox(setup, s3) as endpoint:
            err.say(f"the sandbox is at {endpoint}, {request.environments} environments at most; its S3 is at {s3}")
            ledger = _invoke(request, folder, endpoint, err)
            if plan.kind == EVENT:
                _await_queue(setup, ledger, request.limit, err)
            err.say("shutting down every environment")
        kept = folder / "objects" / local.BUCKET
        files, failed = fetch(
            local.s3_client(s3), local.BUCKET, "", kept, lambda done, all_: err.progress("kept", done, all_)
        )
    if failed:
        raise RunError(f"not every object could be kept: {failed[0]}")
    err.say(f"{len(files):,} objects are kept in {kept}")
    return ledger


def _await_queue(setup: local.SandboxSetup, ledger: Ledger, limit: float, err: Console) -> None:
    """Wait until the last queued event has run, at most `limit` seconds: a shutdown drops the events in the queue."""
    accepted = len(ledger.accepted()) + ledger.nameless
    if not local.await_outcomes(
        setup.streams, accepted, limit, lambda done, all_: err.progress("reported", done, all_)
    ):
        err.say(f"not every event has run within {limit:.0f} s; the events in the queue are dropped")


def _invoke(request: RunRequest, folder: Path, endpoint: str | None, err: Console) -> Ledger:
    plan = request.plan
    function = request.function or local.FUNCTION
    target = client(endpoint, request.region, plan.workers)
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
        run_ = Run(plan, target, function, file, request.limit)
        return run_.carry_out(lambda done, all_: err.progress("invoked", done, all_))


def _new_folder(wished: Path | None) -> Path:
    folder = wished or Path(time.strftime("experiment-%Y%m%dT%H%M%S"))
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RunError(f"{folder} is not empty; name another folder with --folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"{folder} cannot be created ({error.strerror}); name another folder with --folder") from None
    return folder


@contextlib.contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end the run as Ctrl-C does, so that the processes that the run started are ended too."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
