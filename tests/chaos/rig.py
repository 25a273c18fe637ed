"""One environment with the built layer, an S3 of its own in front of moto's, and hands to break either."""

from __future__ import annotations

import json
import signal
import time
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from adaptive_batching.sandbox.faults import FAULTS, Faults, Rate
from adaptive_batching.sandbox.function import Credentials, Function
from adaptive_batching.sandbox.lifecycle.environment import Environment
from adaptive_batching.sandbox.lifecycle.results import Result, result_of
from adaptive_batching.sandbox.options import Options
from adaptive_batching.sandbox.protocol.states import TransitionError
from adaptive_batching.sandbox.s3 import shipped
from adaptive_batching.sandbox.s3.proxy import S3Proxy
from tests.chaos.verdict import Seen, Verdict, judge
from tests.fakes.network.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from adaptive_batching.sandbox.host.processes import Process
    from adaptive_batching.sandbox.protocol.invocation import Invocation
    from adaptive_batching.sandbox.telemetry.subscriber import Delivery
    from tests.fakes.s3 import Moto

ROOT = Path(__file__).parents[2]
LAYER = ROOT / "build" / "layer"
PREFIX = "ADAPTIVE_BATCHING_EXTENSION_"
#: Seconds that anything awaited may take.
TIMEOUT = 20.0


class TooLate(AssertionError):  # noqa: N818 - what was waited for did not come
    """A condition did not come true before its deadline."""


def until(condition: Callable[[], object], what: str, seconds: float = TIMEOUT) -> None:
    """Wait until a condition holds. Raises TooLate."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TooLate(f"{what} did not happen within {seconds} s")
        time.sleep(0.001)


class Rig:
    """Use as a context manager: leaving it heals nothing, it shuts the environment down."""

    def __init__(
        self,
        server: Moto,
        name: str,
        *,
        seed: object = 0,
        rates: Mapping[str, Rate] | None = None,
        timeout: float = 3.0,
        layer: bool = True,
        told: Mapping[str, object] | None = None,
    ) -> None:
        self._server = server
        self.name = name
        number = zlib.crc32(str(seed).encode())
        self._store = dict.fromkeys((one for one in FAULTS if one.startswith("s3-")), Rate(0.0))
        self.proxy = S3Proxy(server.endpoint, Faults(self._store, number))
        function = Function(
            Path(__file__).parent / "function",
            name=name,
            variables={
                PREFIX + "S3_BUCKET": server.bucket,
                PREFIX + "PORT": str(free_port()),
                "AWS_ENDPOINT_URL_S3": self.proxy.endpoint,
                "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:9/",
                **{PREFIX + key: str(value) for key, value in (told or {}).items()},
            },
            layers=(LAYER,) if layer else (),
            region=server.region,
            credentials=Credentials(server.access_key, server.secret_key, ""),
            timeout=timeout,
        )
        options = Options(awslambdaric=ROOT / "build/runtime/awslambdaric", faults=Faults(rates or {}, number))
        self.environment = Environment(function, options)
        self.ends: list[int] = []  # lines of the extension that were there when a process of it had been killed
        self.wiped_at = 0.0  # seconds since the epoch; whoever empties /tmp sets it when that is done
        self.results: list[Result] = []

    def __enter__(self) -> Self:
        self.environment.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            self.environment.shutdown()
        except TransitionError:
            if kind is None:  # or else the story has failed in the middle of an invocation: that is the news
                raise
        finally:
            self.proxy.stop()

    # ---- the store

    def store(self, fault: str = "") -> None:
        """From now on every PUT meets this fault of the sandbox's S3 faults; without one all is well."""
        for name in self._store:
            self._store[name] = Rate(1.0 if name == fault else 0.0)

    @property
    def puts(self) -> list[tuple[str, str]]:
        """What became of each PUT so far: its path and its fault, or nothing."""
        return list(self.proxy.puts)

    def objects(self) -> list[shipped.Shipped]:
        """What lies on S3."""
        return shipped.read(self._server.client(), self._server.bucket, f"function={self.name}/")

    # ---- invocations

    def begin(self, **event: object) -> Invocation:
        """Start an invocation."""
        return self.environment.begin(json.dumps(event).encode())

    def end(self, invocation: Invocation) -> Result:
        """Wait for the end of an invocation."""
        if not invocation.done.wait(TIMEOUT):
            raise TooLate("an invocation did not end")
        self.results.append(result_of(invocation))
        return self.results[-1]

    def invoke(self, **event: object) -> Result:
        """Invoke once, and wait for the end."""
        return self.end(self.begin(**event))

    # ---- processes

    def process(self, kind: str = "extension") -> Process | None:
        """The living process of the extension, or of the runtime."""
        return next((one for one in self.environment.processes if one.kind == kind and not one.over.is_set()), None)

    def kill(self, kind: str = "extension") -> None:
        """SIGKILL to its process group; returns when it has ended. Nothing if it is not there."""
        process = self.process(kind)
        if process:
            process.signal(signal.SIGKILL)
            if not process.over.wait(TIMEOUT):
                raise TooLate(f"a killed {kind} did not end")
            if kind == "extension":
                self.ends.append(len(self.environment.extension_lines))

    def memory_kb(self) -> int:
        """The extension's RssAnon, in kB; 0 without one."""
        process = self.process()
        status = Path(f"/proc/{process.pid}/status").read_text() if process else "RssAnon: 0 kB"
        return int(status.partition("RssAnon:")[2].split()[0])

    # ---- what became of it

    def said(self) -> list[dict[str, Any]]:
        """The extension's own lines; what is no JSON is an error with that text."""
        lines = []
        for text in list(self.environment.extension_lines):
            try:
                lines.append(json.loads(text))
            except ValueError:
                lines.append({"level": "error", "message": text})
        return lines

    def verdict(self) -> Verdict:
        """The ledger: what was delivered against what lies on S3 and what the extension says."""
        subscribers = self.environment.telemetry.subscribers()
        deliveries = {id(one): one for one in self.environment.deliveries}  # what came twice is listed twice
        held = [event for subscriber in subscribers for event in subscriber.unacknowledged()]
        return judge(
            Seen(
                delivered=[record for one in deliveries.values() for record in one.records],
                unanswered=[json.loads(event) for event in held],
                objects=self.objects(),
                said=self.said(),
                ends=self.ends,
                kept=[record for one in deliveries.values() if self._came_later(one) for record in one.records],
            )
        )

    def _came_later(self, delivery: Delivery) -> bool:
        """Whether this came first after /tmp was emptied; what is sent again may have been received before."""
        return delivery.at > self.wiped_at and delivery.attempts == 1
