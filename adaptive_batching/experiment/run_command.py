"""`experiment run`: carry out a plan in the sandbox or on AWS, and write the ledger."""

from __future__ import annotations

import shutil
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from adaptive_batching import clone, interrupts
from adaptive_batching.command_line import INTERRUPTED
from adaptive_batching.experiment import local
from adaptive_batching.experiment.core.ledger import head_line
from adaptive_batching.experiment.core.plan import EVENT, Plan
from adaptive_batching.experiment.runner import Run, RunError, client
from adaptive_batching.logs.s3 import fetch
from adaptive_batching.sandbox.s3 import embedded

if TYPE_CHECKING:
    from collections.abc import Callable

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


class _Stop:
    """What Ctrl-C does: the first one lets the running invocations finish, the second one does not wait for them."""

    def __init__(self, environments: int, say: Callable[[str], None]) -> None:
        self.run: Run | None = None
        self.asked = threading.Event()
        self.insisted = threading.Event()
        self._environments = environments
        self._say = say

    def first(self) -> None:
        self.asked.set()
        if self.run:
            self.run.stop()
        self._say(interrupts.waiting(self.run.running if self.run else 0, self._environments))

    def second(self) -> None:
        self.insisted.set()
        if self.run:
            self.run.abandon()


def run(request: RunRequest, out: Console, err: Console) -> int:
    """Make the invocations. Return 0 if every one was accepted with an id, 130 after Ctrl-C, and otherwise 1.

    Raises RunError or LayerError, before it creates the folder if it can be known before.
    """
    plan = request.plan
    setup = None
    folder = _free_folder(request.folder)
    if request.in_sandbox:
        code = request.code or clone.function("experiment")
        if not code.is_dir():
            raise RunError(f"{code} is not a directory; name the folder of the function with --code")
        layer = clone.layer(request.layer)
        setup = local.SandboxSetup(code, layer, folder, request.environments, request.serve_words)
    elif request.serve_words:
        raise RunError(
            f"{' '.join(request.serve_words)}: options after -- are for the sandbox, which this run does not use"
        )
    else:
        client(request.endpoint, request.region, plan.workers)  # raises if no region is configured
    _create(folder)
    err.say(f"{plan.invocations:,} invocations, {plan.workers:,} at once, {plan.kind}, seed {plan.seed}")
    stop = _Stop(request.environments if setup else 0, err.say)
    with interrupts.counted(stop.first, stop.second):
        try:
            ledger = _run(request, setup, folder, stop, err)
        except RunError:
            if not (folder / LEDGER).exists():  # it failed before it began
                shutil.rmtree(folder)
            raise
    return _conclude(plan, ledger, folder, out, err, interrupted=stop.asked.is_set())


def _conclude(plan: Plan, ledger: Ledger, folder: Path, out: Console, err: Console, *, interrupted: bool) -> int:
    accepted, made = len(ledger.accepted()), len(ledger.entries)
    if interrupted:
        err.say(f"interrupted after {made:,} of {plan.invocations:,}")
    err.say(
        f"{accepted:,} accepted, {ledger.refused:,} refused, {ledger.unknown:,} without an answer, "
        f"{ledger.nameless:,} without an id; {plan.invocations - made:,} not attempted"
    )
    if why := next((entry.error for entry in ledger.entries if entry.error and entry.id is None), ""):
        err.say(f"the first that was not accepted: {why}")
    err.say(f"next: adaptive-batching experiment analyze {folder}")
    out.say(f"{folder / LEDGER}")
    if interrupted:
        return INTERRUPTED
    return 0 if accepted == plan.invocations else 1


def _run(request: RunRequest, setup: local.SandboxSetup | None, folder: Path, stop: _Stop, err: Console) -> Ledger:
    if setup is None:
        return _invoke(request, folder, request.endpoint, stop, err)
    with local.s3() as s3:
        with local.sandbox(setup, s3, stop.insisted) as endpoint:
            err.say(f"the sandbox is at {endpoint}, {request.environments} environments at most; its S3 is at {s3}")
            ledger = _invoke(request, folder, endpoint, stop, err)
            if request.plan.kind == EVENT and not stop.asked.is_set():
                _await_queue(setup, ledger, request.limit, stop, err)
            err.say("shutting down every environment")
        kept = folder / "objects" / local.BUCKET
        files, failed = fetch(
            embedded.client(s3), local.BUCKET, "", kept, lambda done, all_: err.progress("downloaded", done, all_)
        )
    if failed:
        raise RunError(f"not every object could be kept: {failed[0]}")
    err.say(f"{len(files):,} objects are kept in {kept}")
    return ledger


def _await_queue(setup: local.SandboxSetup, ledger: Ledger, limit: float, stop: _Stop, err: Console) -> None:
    """Wait until the last queued event has run, at most `limit` seconds: a shutdown drops the events in the queue."""
    accepted = len(ledger.accepted()) + ledger.nameless
    if not local.await_outcomes(
        setup.streams, accepted, limit, lambda done, all_: err.progress("reported", done, all_), stop.asked
    ):
        err.say("not every event has run; the events in the queue are dropped")


def _invoke(request: RunRequest, folder: Path, endpoint: str | None, stop: _Stop, err: Console) -> Ledger:
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
        stop.run = run_ = Run(plan, target, function, file, request.limit, notice=err.say)
        if stop.asked.is_set():
            run_.stop()
        return run_.carry_out(lambda done, all_: err.progress("invoked", done, all_))


def _free_folder(wished: Path | None) -> Path:
    folder = wished or Path(time.strftime("experiment-%Y%m%dT%H%M%S"))
    try:
        if folder.exists() and not folder.is_dir():
            raise RunError(f"{folder} is a file; choose a folder with --folder")
        if folder.exists() and any(folder.iterdir()):
            raise RunError(f"{folder} is not empty; choose another with --folder")
    except OSError as error:
        raise RunError(f"{folder} cannot be read ({error.strerror}); choose another with --folder") from None
    return folder


def _create(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"{folder} cannot be created ({error.strerror}); choose another with --folder") from None
