"""Everything in an environment that outlives a reset: folders, log stream, telemetry, HTTP server, mounts, limits."""

from __future__ import annotations

import shutil
import time
import uuid
from typing import IO, TYPE_CHECKING, Any

from adaptive_batching.sandbox.errors import IsolationError, SandboxError
from adaptive_batching.sandbox.function import MANAGED, SNAP_START
from adaptive_batching.sandbox.host import launch, layers, loopback, mounts, workdir
from adaptive_batching.sandbox.host.cgroups import Limits
from adaptive_batching.sandbox.host.loopback import Loopback
from adaptive_batching.sandbox.host.mounts import Folders, MountOptions, Mounts
from adaptive_batching.sandbox.host.output import OutputReader
from adaptive_batching.sandbox.host.processes import Process, Sink, Surroundings
from adaptive_batching.sandbox.host.variables import Layout, runtime_variables
from adaptive_batching.sandbox.host.watchdog import Watchdog
from adaptive_batching.sandbox.http_server import Server
from adaptive_batching.sandbox.options import APIS
from adaptive_batching.sandbox.protocol import routes
from adaptive_batching.sandbox.protocol.context import ApiContext
from adaptive_batching.sandbox.protocol.generation import Generation
from adaptive_batching.sandbox.telemetry import events
from adaptive_batching.sandbox.telemetry.dialects import Dialect
from adaptive_batching.sandbox.telemetry.events import Event
from adaptive_batching.sandbox.telemetry.fanout import Telemetry
from adaptive_batching.sandbox.telemetry.logstream import LogStream

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Mapping, Sequence

    from adaptive_batching.sandbox.function import Function
    from adaptive_batching.sandbox.options import Options
    from adaptive_batching.sandbox.telemetry.subscriptions import Subscription


class Resources:
    """The resources that one environment holds from its start to its end.

    The resources are created before the supervisor and never call it: the output of a process goes to the sink with
    which it was started, and API calls work on the generation in `context`. Raises SandboxError if the function cannot
    run on this machine.
    """

    def __init__(self, function: Function, options: Options) -> None:
        self.function = function
        self.options = options
        self._lock, self.mounts = _mount(function, options)
        launch.write_start(function, self.mounts)
        root = self.mounts.folders.root
        self.limits = Limits(root.name, function.memory, options.limits)
        self.watchdog = Watchdog([root, *self.limits.folders])
        self.log = _log(function, options, self.mounts.folders)
        self.telemetry = Telemetry(self.log, self._dialect, options.faults, redeliver=options.redeliver)
        self.extensions = launch.find_extensions(self.mounts.folders.opt, self.mounts.opt, self.mounts.host)
        self.output = OutputReader()
        self._loopback = None if loopback.unavailable() else Loopback()
        self._around = Surroundings(self.output, self.watchdog, self._loopback.start if self._loopback else _start)
        supported = APIS[options.apis]
        self.context = ApiContext(function, self.telemetry, self.new_generation(), supported, options.schemas)
        self.server = Server(routes.serve(self.context), incomplete=True)

    def _dialect(self, subscription: Subscription) -> Dialect:
        snap_start = self.function.initialization_type == SNAP_START
        return Dialect(
            subscription.api, subscription.schema, self.function.json_format, snap_start, self.options.shapes
        )

    def new_generation(self) -> Generation:
        """Return a new generation, without processes."""
        managed = self.function.initialization_type == MANAGED
        return Generation([file.name for file in self.extensions], managed=managed)

    def emit(self, kind: str, record: dict[str, Any], at: float | None = None) -> None:
        """Emit a platform event. `at` is its time in seconds since the epoch, None for the current time."""
        self.telemetry.emit(Event(time.time() if at is None else at, f"platform.{kind}", record))

    def instance(self) -> events.Instance:
        """Return the description of this environment in events."""
        function = self.function
        version = f"{function.runtime}.v1"
        arn = f"arn:aws:lambda:{function.region}::runtime:{'0' * 64}"
        memory = function.memory * 1024 * 1024
        return events.Instance(function.name, function.version, self.log.name, memory, version, arn)

    def variables(self) -> dict[str, str]:
        """Return the environment variables of the runtime."""
        inside = self.mounts
        layout = Layout(inside.task, inside.opt, inside.runtime, str(self.options.interpreter.parent), inside.temporary)
        return runtime_variables(self.function, layout, self.server.address, self.log.name)

    def runtime_command(self) -> list[str]:
        """Return the command of the runtime."""
        return launch.runtime_command(self.function, self.options, self.mounts)

    def run(
        self, kind: str, name: str, words: Sequence[str], folder: str, variables: Mapping[str, str], sink: Sink
    ) -> Process:
        """Start a process inside the mounts and the limits, with `folder` as its working directory.

        `sink` receives its output and its end. Raises OSError if it cannot be started.
        """
        command = self.limits.command(self.mounts.command(words, folder))
        return Process(kind, name, command, variables, sink, self._around)

    def close(self) -> None:
        """Stop everything and remove the folders."""
        self.telemetry.stop()
        self.server.stop()
        self.output.stop()
        self.log.close()
        self.mounts.close()
        self.limits.close()
        self.watchdog.stop()
        if self._loopback:
            self._loopback.close()
        self._lock.close()


def _start(call: Callable[..., subprocess.Popen[bytes]], *words: Any, **options: Any) -> subprocess.Popen[bytes]:  # noqa: ANN401
    return call(*words, **options)


def _log(function: Function, options: Options, folders: Folders) -> LogStream:
    name = f"{time.strftime('%Y/%m/%d', time.gmtime())}/[{function.version}]{uuid.uuid4().hex}"
    folder = options.log_folder or folders.root
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / (name.replace("/", "-") + ".log")
    return LogStream(path, json_format=function.json_format, name=name, echo=options.echo)


def _mount(function: Function, options: Options) -> tuple[IO[bytes], Mounts]:
    """Check the function, then create the environment's folders. Return their lock and the mounts."""
    runtime = launch.check(function, options)
    why = (
        "it is disabled (--no-private-tmp)"
        if options.private == "never"
        else mounts.can_be_private(*launch.programs(function, options))
    )
    mount_options = MountOptions(
        "full-tmp" in options.faults.rates,
        "hang-dns" in options.faults.rates,
        mounts.certificates(function.variables),
    )
    if why and (mount_options.small_tmp or mount_options.hanging_dns):
        raise SandboxError(f"the faults full-tmp and hang-dns need a private mount namespace: {why}")
    lock, root = workdir.claim()
    for name in ("temporary", "empty"):
        (root / name).mkdir()
    try:
        opt = layers.merge(function.layers, root / "opt") if function.layers else root / "empty"
        folders = Folders(root, root / "temporary", function.folder.resolve(), opt, runtime or root / "empty")
        return lock, Mounts(folders, mount_options, private=not why)
    except (IsolationError, SandboxError) as error:
        lock.close()
        shutil.rmtree(root, ignore_errors=True)
        raise SandboxError(str(error)) from None
