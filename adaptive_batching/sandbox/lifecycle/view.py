"""The read-only part of an environment, which can be used while it runs and after its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from adaptive_batching.sandbox.function import Function
    from adaptive_batching.sandbox.host.processes import Process
    from adaptive_batching.sandbox.lifecycle.supervisor import Supervisor
    from adaptive_batching.sandbox.options import Options
    from adaptive_batching.sandbox.telemetry.fanout import Telemetry
    from adaptive_batching.sandbox.telemetry.subscriber import Delivery


class View:
    """The read-only properties of an environment."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor

    @property
    def function(self) -> Function:
        """The function that runs."""
        return self._supervisor.function

    @property
    def options(self) -> Options:
        """The options of the environment."""
        return self._supervisor.options

    @property
    def extension_lines(self) -> list[str]:
        """The records that extensions wrote."""
        return self._supervisor.written.extension

    @property
    def function_lines(self) -> list[str]:
        """The records that the function wrote."""
        return self._supervisor.written.function

    @property
    def lost_lines(self) -> list[str]:
        """The function's lines that a fault dropped from the log stream or from the delivery to extensions."""
        return self._supervisor.written.lost

    @property
    def address(self) -> str:
        """`host:port` of the Runtime API."""
        return self._supervisor.resources.server.address

    @property
    def temporary(self) -> Path:
        """The path of the environment's /tmp on the host."""
        return self._supervisor.resources.mounts.outside

    @property
    def is_private(self) -> bool:
        """Whether the environment has a mount namespace of its own."""
        return self._supervisor.resources.mounts.private

    @property
    def log_path(self) -> Path:
        """The file that holds the log stream."""
        return self._supervisor.resources.log.path

    @property
    def telemetry(self) -> Telemetry:
        """The stream of the environment's events."""
        return self._supervisor.resources.telemetry

    @property
    def deliveries(self) -> list[Delivery]:
        """Every delivery that was answered with 2xx, in order of time."""
        return self.telemetry.deliveries()

    @property
    def processes(self) -> list[Process]:
        """The processes of the current generation: the runtime and the external extensions."""
        return self._supervisor.processes

    @property
    def unregistered(self) -> list[str]:
        """The names of the external extensions that were started and have not registered."""
        with self._supervisor.changed:
            extensions = self._supervisor.generation.registry.extensions
            return [one.name for one in extensions if not one.identifier and not one.error_type]

    @property
    def frozen(self) -> bool:
        """Whether the processes are stopped."""
        return self._supervisor.frozen

    @property
    def usable(self) -> bool:
        """Whether the environment can still be invoked. On Managed Instances it cannot after a failure."""
        with self._supervisor.changed:
            generation = self._supervisor.generation
            return not (generation.managed and generation.failure is not None)
