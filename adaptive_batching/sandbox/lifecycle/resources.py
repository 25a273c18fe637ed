"""Where an environment plays: folders, log stream, telemetry, HTTP server, pipes, and the start of processes."""

from __future__ import annotations

import shutil
import threading
import time
import uuid
from typing import IO, TYPE_CHECKING, Any

from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.function import (
    MANAGED,
    SNAP_START,
    Function,
    Place,
    extension_variables,
    runtime_variables,
)
from adaptive_batching.sandbox.host import launch, mounts, workdir
from adaptive_batching.sandbox.host.cgroups import Limits
from adaptive_batching.sandbox.host.mounts import Dwelling, Fittings, Folders, IsolationError
from adaptive_batching.sandbox.host.processes import Drain, Process, Sink
from adaptive_batching.sandbox.host.watchdog import Watchdog
from adaptive_batching.sandbox.http_server import Server
from adaptive_batching.sandbox.options import APIS, Options
from adaptive_batching.sandbox.protocol import routes
from adaptive_batching.sandbox.protocol.context import Apis
from adaptive_batching.sandbox.protocol.generation import Fault, Life
from adaptive_batching.sandbox.protocol.registry import LIMIT
from adaptive_batching.sandbox.protocol.states import ExtensionCall
from adaptive_batching.sandbox.telemetry import events
from adaptive_batching.sandbox.telemetry.dialects import Dialect
from adaptive_batching.sandbox.telemetry.events import Event
from adaptive_batching.sandbox.telemetry.fanout import Telemetry
from adaptive_batching.sandbox.telemetry.logstream import LogStream

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from adaptive_batching.sandbox.telemetry.subscriptions import Subscription


class Stage:
    """Everything of an environment that outlives a reset. `changed` guards the current life."""

    def __init__(self, function: Function, options: Options, life: Callable[[], Life], sink: Sink) -> None:
        self.function = function
        self.options = options
        self.changed = threading.Condition(threading.RLock())
        self.log_stream = f"{time.strftime('%Y/%m/%d', time.gmtime())}/[{function.version}]{uuid.uuid4().hex}"
        self._sink = sink
        self._lock, self.dwelling = _dwell(function, options)
        root = self.dwelling.folders.root
        self.limits = Limits(root.name, function.memory, options.limits)
        self.watchdog = Watchdog([root, *self.limits.folders])
        self.log = LogStream(self._log_path(), json_format=function.json_format, echo=options.echo)
        self.telemetry = Telemetry(self.log, self._dialect, options.faults, redeliver=options.redeliver)
        self.files = launch.find_extensions(self.dwelling.folders.opt, self.dwelling.opt)
        self.drain = Drain(sink)
        apis = Apis(function, self.telemetry, self.changed, life, APIS[options.apis], options.schemas)
        self.server = Server(routes.serve(apis))

    def _log_path(self) -> Path:
        folder = self.options.log_folder or self.dwelling.folders.root
        folder.mkdir(parents=True, exist_ok=True)
        return folder / (self.log_stream.replace("/", "-") + ".log")

    def _dialect(self, subscription: Subscription) -> Dialect:
        snap_start = self.function.initialization_type == SNAP_START
        return Dialect(
            subscription.api, subscription.schema, self.function.json_format, snap_start, self.options.shapes
        )

    def new_life(self) -> Life:
        """Return a life that has not begun."""
        managed = self.function.initialization_type == MANAGED
        return Life([file.name for file in self.files], managed=managed)

    def emit(self, kind: str, record: dict[str, Any], at: float | None = None) -> None:
        """Emit a platform event, now unless said otherwise (seconds since the epoch)."""
        self.telemetry.emit(Event(time.time() if at is None else at, f"platform.{kind}", record))

    def instance(self) -> events.Instance:
        """Return what the events say about this environment."""
        function = self.function
        version = f"{function.runtime}.v1"
        arn = f"arn:aws:lambda:{function.region}::runtime:{'0' * 64}"
        return events.Instance(
            function.name, function.version, self.log_stream, function.memory * 1024 * 1024, version, arn
        )

    def start_extensions(self, life: Life) -> None:
        """Start every file of `extensions/`, all at once; what cannot be started fails the life."""
        variables = extension_variables(self._variables())
        for number, file in enumerate(self.files):
            error = "TooManyExtensions" if number >= LIMIT else file.error
            if not error:
                self._start(life, "extension", file.name, self.dwelling.command([file.path], "/"), variables)
                continue
            with self.changed:
                extension = life.registry.named(file.name)
                extension.apply(ExtensionCall.LAUNCH_FAILED)
                extension.error_type = error
                life.fail(Fault("Extension.LaunchError", f"extension {file.name}: {error}"))

    def start_runtime(self, life: Life) -> None:
        """Start the function's runtime."""
        home = self.dwelling
        words = launch.runtime_command(self.function, self.options, home.runtime, home.task)
        self._start(life, "runtime", "runtime", home.command(words, home.task), self._variables(), frames=True)

    def _start(
        self, life: Life, kind: str, name: str, command: list[str], variables: dict[str, str], *, frames: bool = False
    ) -> None:
        words = self.limits.command(command)
        process = Process(kind, name, words, variables, self.drain, self.watchdog, frames=frames)
        with self.changed:
            life.processes.append(process)

    def _variables(self) -> dict[str, str]:
        home = self.dwelling
        place = Place(home.task, home.opt, home.runtime, str(self.options.interpreter.parent), home.temporary)
        return runtime_variables(self.function, place, self.server.address, self.log_stream)

    def close(self) -> None:
        """Stop everything; the folders are removed."""
        self.telemetry.stop()
        self.server.stop()
        self.drain.stop()
        self.log.close()
        self.dwelling.close()
        self.limits.close()
        self.watchdog.stop()
        self._lock.close()


def _dwell(function: Function, options: Options) -> tuple[IO[bytes], Dwelling]:
    """Check what the function needs, then make the environment's folders."""
    runtime = launch.check(function, options)
    why = "it is switched off" if options.private == "never" else mounts.can_be_private(options.interpreter)
    fittings = Fittings(
        "full-tmp" in options.faults.rates,
        "hang-dns" in options.faults.rates,
        mounts.certificates(function.variables),
    )
    if why and (fittings.small_tmp or fittings.hanging_dns):
        raise SandboxError(f"the faults full-tmp and hang-dns need a private mount namespace: {why}")
    lock, root = workdir.claim()
    for name in ("temporary", "empty"):
        (root / name).mkdir()
    opt = mounts.merge_layers(function.layers, root / "opt") if function.layers else root / "empty"
    folders = Folders(root, root / "temporary", function.folder.resolve(), opt, runtime or root / "empty")
    try:
        return lock, Dwelling(folders, fittings, private=not why)
    except IsolationError as error:
        lock.close()
        shutil.rmtree(root, ignore_errors=True)
        raise SandboxError(str(error)) from None
