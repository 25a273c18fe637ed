"""Carries out what the end of an event asks for: records, dead letters, metrics. A thread of its own does the I/O."""

from __future__ import annotations

import json
import queue
import threading
from typing import TYPE_CHECKING, Self

from adaptive_batching.sandbox.asynchronous import metrics, records
from adaptive_batching.sandbox.asynchronous.queue import Dropped, Succeeded
from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.fleet.aws import cloudwatch
from adaptive_batching.sandbox.fleet.aws.clients import REFUSED, Clients, why
from adaptive_batching.sandbox.fleet.aws.targets import RefusedByTargetError, Targets
from adaptive_batching.sandbox.timestamps import stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from types import TracebackType

    from adaptive_batching.sandbox.asynchronous.configuration import Configuration
    from adaptive_batching.sandbox.asynchronous.metrics import Datum
    from adaptive_batching.sandbox.asynchronous.queue import Decision
    from adaptive_batching.sandbox.fleet.clock import Clock
    from adaptive_batching.sandbox.fleet.fleet import Fleet
    from adaptive_batching.sandbox.function import Function

_Told = tuple[float, "Decision | None", "list[Datum]"]


class Outside:
    """A watch of a fleet. Use it as a context manager around the fleet: at its end everything has been sent.

    `endpoint` is that of moto's server; without one, metrics, records and dead letters go nowhere. Each record is also
    appended to the file `journal`, as a line of JSON. `say` is called with a sentence for each refusal. `fleets` are
    the functions that are served, by their names; they may be added later. Raises SandboxError if the file cannot be
    written.
    """

    def __init__(
        self,
        function: Function,
        clock: Clock,
        endpoint: str | None,
        say: Callable[[str], None],
        journal: Path | None = None,
    ) -> None:
        self._function, self._clock, self._say = function, clock, say
        self._clients = Clients(endpoint, function.region) if endpoint else None
        self._targets = Targets(self._clients, function, self._invoke) if self._clients else None
        try:
            self._journal = journal.open("a", encoding="utf-8") if journal else None
        except OSError as error:
            raise SandboxError(f"--records {journal} cannot be written: {error.strerror}") from None
        self._told: queue.SimpleQueue[_Told | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="outside", daemon=True)
        self.fleets: Mapping[str, Fleet] = {}
        self.sent = self.refused = 0

    def __call__(self, at: float, decision: Decision | None, data: list[Datum]) -> None:
        """Take note, without any I/O."""
        self._told.put((at, decision, data))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._told.put(None)
        self._thread.join()
        if self._journal:
            self._journal.close()

    def make(self, configuration: Configuration) -> None:
        """Make the queues, topics, buses and buckets that are named: moto's server begins empty.

        Raises SandboxError.
        """
        arns = sorted({configuration.dead_letter, configuration.on_success, configuration.on_failure} - {""})
        if self._targets is None:
            if arns:
                self._say(f"what goes to {', '.join(arns)} is not sent; --aws starts services on this machine for it")
            return
        for arn in arns:
            self._targets.make(arn)

    def _work(self) -> None:
        going = True
        while going:
            told = [self._told.get()]
            while not self._told.empty():
                told.append(self._told.get())
            going = None not in told
            data: list[Datum] = []
            for one in told:
                if one is not None:
                    at, decision, measured = one
                    data += measured
                    if isinstance(decision, Succeeded | Dropped):
                        data += self._conclude(at, decision)
            self._measure(data)

    def _measure(self, data: list[Datum]) -> None:
        if self._clients and data:
            try:
                cloudwatch.send(self._clients, self._function.name, self._clock, data)
            except REFUSED as error:
                self._say(f"{len(data):,} metrics were not taken: {why(error)}")

    def _conclude(self, at: float, end: Succeeded | Dropped) -> list[Datum]:
        """Send the record and the dead letter of an event, and return the metrics of what was refused."""
        moment = stamp(self._clock.epoch(at))
        record = records.record(end, self._function.arn, self._function.version, moment)
        if self._journal:
            print(json.dumps(record), file=self._journal, flush=True)
        configuration = self._configuration()
        targets = self._targets
        if targets is None or configuration is None:
            return []
        found: list[Datum] = []
        destination = configuration.on_failure if isinstance(end, Dropped) else configuration.on_success
        if destination:
            found += self._try(metrics.DELIVERY_FAILURES, at, lambda: targets.send_record(destination, end, record))
        if configuration.dead_letter and isinstance(end, Dropped):
            found += self._try(
                metrics.DEAD_LETTER_ERRORS, at, lambda: targets.send_dead_letter(configuration.dead_letter, end)
            )
        return found

    def _try(self, name: str, at: float, send: Callable[[], None]) -> list[Datum]:
        try:
            send()
        except RefusedByTargetError as error:
            self.refused += 1
            what = "a dead letter" if name == metrics.DEAD_LETTER_ERRORS else "a record"
            self._say(f"{what} was refused, which {name} counts: {error}")
            return [metrics.Datum(name, 1, at)]
        self.sent += 1
        return []

    def _configuration(self) -> Configuration | None:
        fleet = self.fleets.get(self._function.name)
        return fleet.events.configuration if fleet else None

    def _invoke(self, name: str, payload: bytes) -> bool:
        fleet = self.fleets.get(name)
        if fleet is None:
            return False
        fleet.events.accept(payload)
        return True
