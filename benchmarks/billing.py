"""What the extension adds to the time of an invocation: the whole process beside a scripted platform, in real time.

The handler is a wait of the platform's; what is added is the time from its end to the extension's `event/next`, for
that is what Lambda bills. Between invocations the process is stopped, as in a frozen environment.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from benchmarks import batches, quota
from benchmarks.output.rows import Row, at_most, compared, middle, tail, unmeasured
from benchmarks.programs import LAUNCHER, TEMPLATE, extension, left, running
from benchmarks.shipping import Tls

if TYPE_CHECKING:
    from benchmarks.programs import Program
    from benchmarks.servers import Lambda, Store, Subscriber

HANDLER, PERIOD, STORE_DELAY, BUFFERING = 0.005, 0.010, 0.030, 0.025  # s
ADDED_MS = 1.0
RATE, CEILING = 2e6, "2 MB/s"  # bytes a second: what the platform delivers at most
BACKLOG_MB = 48  # 32 MiB of closed chunks wait at most, and an open one with its journal


def added(count: int) -> Row:
    """Measure a handler of 5 ms at 100 invocations a second, the template's thresholds, a store answering in 30 ms."""
    means = {}
    worst = 0.0
    for client in ("light", "boto3"):
        values = _added(client, count)
        means[client] = 1000 * sum(values) / len(values)
        if client == "light":
            light = values
            worst = 1000 * tail(values)
    figures = {
        "first_ms": round(1000 * light[0], 2),
        "without_the_first_ms": round(1000 * sum(light[1:]) / (len(light) - 1), 3),
        "median_ms": round(1000 * middle(light), 3),
        "p99_ms": round(worst, 2),
        "boto3_store_ms": round(means["boto3"], 3),
        "invocations": count,
    }
    row = at_most("mean added billed time, 5 ms handler at 100/s, template, store in 30 ms", "ms", ADDED_MS,
                  means["light"], **figures)  # fmt: skip
    said = f"{row.measured} (median {figures['median_ms']:.2f}, p99 {worst:.1f}; boto3 store {means['boto3']:.2f} ms)"
    return Row(row.what, said, row.target, row.met, figures=row.figures)


def _added(client: str, count: int) -> list[float]:
    logged = batches.lines(5, 200)
    environ = extension(**{**TEMPLATE, "S3_CLIENT": client})
    with Tls(STORE_DELAY) as s3, running([str(LAUNCHER)], {**environ, **s3.environ}) as (api, program, _):
        time.sleep(0.3)  # Init goes on beside the function's own, which takes longer than this
        with api.subscriber() as subscriber:
            clock = _Clock(api, program, subscriber)
            values = [clock.invocation(number, logged) for number in range(count)]
            clock.finish()
            api.shut_down()
            left(program)
    if s3.store.lines() != count * len(logged):
        raise RuntimeError(f"{s3.store.lines()} lines were stored, {count * len(logged)} were sent")
    return values


class _Clock:
    """Plays invocations at a fixed rate; what is logged is delivered 25 ms later, while the environment runs."""

    def __init__(self, api: Lambda, program: Program, subscriber: Subscriber, period: float = PERIOD) -> None:
        self._api, self._program, self._subscriber, self._period = api, program, subscriber, period
        self._at = time.monotonic()
        self._waiting: list[bytes] = []
        self._since = 0.0

    def invocation(self, number: int, logged: list[str], handler: float = HANDLER) -> float:
        """Invoke once; return the seconds that it is held beyond its handler."""
        self._at = max(self._at + self._period, time.monotonic())
        time.sleep(max(self._at - time.monotonic(), 0))
        self._program.thaw()
        began = time.monotonic()
        self._api.invoke(str(number))
        self._waiting.append(batches.body(logged, str(number)))
        self._since = self._since or began
        if began - self._since >= BUFFERING:
            self._deliver()
        time.sleep(max(began + handler - time.monotonic(), 0))
        done = time.monotonic()
        stop = threading.Event()
        late = threading.Thread(target=self._deliver_late, args=(stop,))
        late.start()
        polled = self._api.next_poll()
        stop.set()
        late.join()
        self._program.freeze()
        return max(polled - done, 0.0)

    def finish(self) -> None:
        """SHUTDOWN is near: the platform delivers what it still has."""
        self._program.thaw()
        if self._waiting:
            self._deliver()

    def _deliver(self) -> None:
        body = b"[" + b",".join(part[1:-1] for part in self._waiting) + b"]"
        self._waiting, self._since = [], 0.0
        self._subscriber.deliver(body)

    def _deliver_late(self, stop: threading.Event) -> None:
        """Deliver to an invocation that is held longer than the buffering period what it logged."""
        if not stop.wait(BUFFERING) and self._waiting:
            self._deliver()


def held(count: int) -> list[Row]:
    """Return how long invocations are held when an upload begins with each of them, or of their own logs at the end."""
    at_start, own = {"SHIP_RATE_BYTES": 2048}, {"SHIP_RATE_INVOKES": 1}
    upload = 1000 * STORE_DELAY
    plan = (
        ("100 ms handler, store in 30 ms: the upload fits beside it", 0.1, STORE_DELAY, at_start, 3.0, middle),
        ("5 ms handler, store in 30 ms", HANDLER, STORE_DELAY, at_start, upload + 5.0, middle),
        ("5 ms handler, store in 2 s: bounded by 500 ms", HANDLER, 2.0, at_start, 500.0 + 35.0, max),
        ("5 ms handler, its own logs first (SHIP_RATE_INVOKES=1)", HANDLER, STORE_DELAY, own, 0.0, middle),
    )
    found = []
    for name, handler, delay, told, limit, measure in plan:
        values = _held(handler, delay, told, min(count, 5) if delay > 1 else count)
        what, value, most = f"held beyond a {name}", 1000 * measure(values), round(1000 * max(values), 2)
        if limit:
            row = at_most(what, "ms", limit, value, most_ms=most)
            said = f"{row.measured} (longest {most:.1f})"
            found.append(Row(row.what, said, row.target, row.met, figures=row.figures))
        else:
            found.append(compared(what, f"{value:.1f} ms: 25 ms of buffering, then the upload", most_ms=most))
    return found


def _held(handler: float, delay: float, told: dict[str, int], count: int) -> list[float]:
    logged = batches.lines(20, 200)
    with Tls(delay) as s3, running([str(LAUNCHER)], {**extension(**told), **s3.environ}) as (api, program, _):
        time.sleep(0.3)
        with api.subscriber() as subscriber:
            # A pause longer than the buffering period: each invocation begins with the logs of the one before.
            clock = _Clock(api, program, subscriber, handler + 0.05)
            values = [clock.invocation(number, logged, handler) for number in range(count + 1)]
            program.thaw()
    return values[1:]  # the first is held until its own logs are stored, whatever the thresholds


def sustained(seconds: float) -> Row:
    """Measure 2 MB/s for so long, at half a CPU: all of it stored, what waits bounded, objects few."""
    what = f"{CEILING} for {seconds:.0f} s at half a CPU"
    if why := quota.missing():
        return unmeasured(what, why)
    size = int(RATE * BUFFERING)
    bodies = [batches.body(batches.lines(size // 500, 460, seed)) for seed in range(int(seconds / BUFFERING))]
    sent = sum(len(body) for body in bodies)
    records = sum(body.count(b'"type":"function"') for body in bodies)
    command, environ = [str(LAUNCHER)], extension(**TEMPLATE)
    with (
        Tls(STORE_DELAY) as s3,
        running(command, {**environ, **s3.environ}, quota.HALF) as (api, program, _),
        api.subscriber() as subscriber,
    ):
        api.invoke("1", 600)
        subscriber.deliver(batches.body([], "1", done=False))
        resident, waiting, slowest = _stream(bodies, subscriber, program, s3.store)
        subscriber.deliver(batches.body([], "1", start=False))
        api.next_poll()
        cpu = program.cpu
        api.shut_down()
        left(program)
    lost = records - s3.store.lines()
    figures: dict[str, object] = {
        "sent_mb": round(sent / 1e6, 1), "lost_lines": lost, "puts": s3.store.puts, "cpu_s": round(cpu, 2),
        "resident_mb": round(resident / 1e6, 1), "most_waiting_records": waiting,
        "slowest_200_ms": round(1000 * slowest, 1),
    }  # fmt: skip
    said = f"{lost} of {records:,} lines lost, {s3.store.puts} PUTs, {waiting} waited at most, {resident / 1e6:.0f} MB"
    met = lost == 0 and resident < BACKLOG_MB * 1e6 and s3.store.puts <= sent / 262144 * 1.5
    return Row(what, said, "none lost, backlog bounded, PUTs few", met, figures=figures)


def _stream(bodies: list[bytes], subscriber: Subscriber, program: Program, store: Store) -> tuple[int, int, float]:
    """Deliver at the rate; most bytes resident, most records that waited, the slowest 200."""
    began = time.monotonic()
    resident = waiting = sent = 0
    slowest = 0.0
    for number, body in enumerate(bodies):
        time.sleep(max(began + number * BUFFERING - time.monotonic(), 0))
        before = time.monotonic()
        subscriber.deliver(body)
        slowest = max(slowest, time.monotonic() - before)
        sent += body.count(b'"type":"function"')
        waiting = max(waiting, sent - store.records)
        resident = max(resident, program.memory.resident)
    return resident, waiting, slowest
