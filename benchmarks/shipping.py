"""What shipping costs: the first object, memory, CPU per invocation and per megabyte."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from benchmarks import batches, quota
from benchmarks.output.rows import Row, at_most, middle, spread, unmeasured, with_words
from benchmarks.programs import LAUNCHER, TEMPLATE, extension, left, running
from benchmarks.servers import Store
from tests.fakes.network.certificates import TestAuthority

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.programs import Memory, Program
    from benchmarks.servers import Subscriber

FIRST_SECONDS, RESIDENT_MB, INVOCATION_MS = 1.0, 25, 1.0
PER_MB = {"none": 10, "gzip": 28}  # ms; gzip at level 6
MEGABYTE = 1e6
BATCH_BYTES = 64 * 1024  # of what is logged, in one POST: 25 ms at the platform's ceiling of 2 MB/s
COMMAND = [str(LAUNCHER)]
REPEATS = 3  # processes, of which the middle one counts


class Tls:
    """A store over TLS, and the variables that lead to it."""

    def __init__(self, delay: float = 0.0) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="bench-tls-")
        authority = TestAuthority(Path(self._folder.name))
        self.store = Store(authority.server_context("127.0.0.1"), delay)
        self.environ = {"AWS_CA_BUNDLE": str(authority.bundle), "AWS_ENDPOINT_URL_S3": self.store.endpoint}

    def __enter__(self) -> Self:
        self.store.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self.store.__exit__(*exception)
        self._folder.cleanup()


WHY_INVOCATION = (
    "59 % of it is the interpreter, 26 % the kernel (profiled). In a loop its parts take a quarter of it: between "
    "two invocations memory leaves the CPU's caches, and four threads are woken"
)
WHY_MEGABYTE = "each body is hashed and journalled before its 200, and each line becomes a Python object"


def first_object(runs: dict[str, int]) -> Row:
    """Return one 50 KB batch with its invocation, as soon as the extension polls; so many runs per store."""
    what = f"process start to first object over TLS, {quota.SMALLEST:.1%} of a CPU"
    if why := quota.missing():
        return unmeasured(what, why)
    body = batches.body(batches.lines(200, 200), "1")
    found = {client: [_first(client, body) for _ in range(count)] for client, count in runs.items()}
    light, boto3 = (middle(found[client]) for client in ("light", "boto3"))
    row = at_most(what, "s", FIRST_SECONDS, light, light_s=spread(found["light"]), boto3_s=spread(found["boto3"]))
    return Row(row.what, f"{light:.2f} s (boto3 store {boto3:.1f} s)", row.target, row.met, figures=row.figures)


def _first(client: str, body: bytes) -> float:
    with Tls() as s3, running(COMMAND, {**extension(S3_CLIENT=client), **s3.environ}, quota.SMALLEST) as on:
        api, program, _ = on
        with api.subscriber() as subscriber:
            api.invoke("1")
            subscriber.deliver(body)
            return s3.store.wait() - program.began


def steady(count: int) -> list[Row]:
    """Ship each invocation of 20 lines x 200 bytes over a kept TLS connection: CPU of one, memory after 200."""
    runs: dict[str, list[tuple[float, Memory]]] = {"light": [], "boto3": [], "gzip": []}
    for _ in range(REPEATS):
        runs["light"].append(invocations(COMMAND, count))
        runs["boto3"].append(invocations(COMMAND, count, "boto3"))
        runs["gzip"].append(invocations(COMMAND, count, COMPRESSION="gzip"))
    found = {name: sorted(values)[REPEATS // 2] for name, values in runs.items()}
    gzipped, _ = found["gzip"]
    (light, memory), (boto3, other) = found["light"], found["boto3"]
    figures = {"gzip_ms": round(gzipped, 3), "boto3_store_ms": round(boto3, 3), "invocations": count}
    cpu = at_most("CPU per invocation of 20 lines x 200 bytes, shipping each", "ms", INVOCATION_MS, light, **figures)
    holds = [round(one / MEGABYTE, 1) for one in (memory.resident, memory.anonymous, other.resident)]
    megabytes = {"anonymous_mb": holds[1], "boto3_store_mb": holds[2]}
    resident = at_most(f"resident memory after {count} shipped invocations", "MB", RESIDENT_MB, holds[0], **megabytes)
    more = f" (gzip {gzipped:.2f}, boto3 store {boto3:.2f} ms)", f" ({holds[1]} of it its own; boto3 store {holds[2]})"
    return [with_words(cpu, cpu.measured + more[0], WHY_INVOCATION), with_words(resident, resident.measured + more[1])]


def invocations(
    command: Sequence[str],
    count: int,
    client: str = "light",
    begun: Callable[[Program], None] | None = None,
    ended: Callable[[Program], None] | None = None,
    **told: object,
) -> tuple[float, Memory]:
    """Ship so many invocations, one by one; ms of CPU for each, and the memory then.

    `begun` is called before the first that counts, `ended` behind the last.
    """
    logged = batches.lines(20, 200)
    environ = extension(S3_CLIENT=client, SHIP_RATE_INVOKES=1, SHIP_RATE_BYTES=2048, **told)
    with Tls() as s3, running(command, {**environ, **s3.environ}) as (api, program, _), api.subscriber() as subscriber:
        warm, began = max(count // 10, 5), 0.0
        for number in range(warm + count):
            if number == warm:
                if begun:
                    begun(program)
                began = program.cpu
            api.invoke(str(number))
            subscriber.deliver(batches.body(logged, str(number)))
            s3.store.wait()
            api.next_poll()
        used, memory = program.cpu - began, program.memory
        if ended:
            ended(program)
        return 1000 * used / count, memory


def per_megabyte(megabytes: int) -> list[Row]:
    """Decode, enrich, encode and PUT, the whole process: its CPU for so many raw MB of what the platform POSTs."""
    found = []
    for compression, limit in PER_MB.items():
        values = {
            size: middle([megabyte(COMMAND, compression, size, megabytes) for _ in range(REPEATS)])
            for size in (1000, 200)
        }
        name = f"CPU per raw MB, compression {compression}{' (the default level)' if compression == 'gzip' else ''}"
        row = at_most(name, "ms", limit, values[1000], of_200_byte_lines=round(values[200], 2), raw_mb=megabytes)
        said = f"{row.measured} (lines of 1 KB; of 200 bytes {values[200]:.1f} ms)"
        found.append(with_words(row, said, WHY_MEGABYTE))
    return found


def megabyte(command: Sequence[str], compression: str, size: int, megabytes: int) -> float:
    """Return ms of CPU for each raw MB, of so many, in lines of `size` characters."""
    bodies = [batches.body(batches.lines(BATCH_BYTES // size, size, seed)) for seed in range(16)]
    environ = extension(**{**TEMPLATE, "COMPRESSION": compression})
    with Tls() as s3, running(command, {**environ, **s3.environ}) as (api, program, _), api.subscriber() as subscriber:
        api.invoke("1", 600)
        subscriber.deliver(batches.body([], "1", done=False))
        _, warm = _send(subscriber, bodies, 2 * MEGABYTE)
        before = program.cpu
        sent, records = _send(subscriber, bodies, megabytes * MEGABYTE)
        _settle(program)
        cpu = program.cpu - before
        subscriber.deliver(batches.body([], "1", start=False))
        api.next_poll()
        api.shut_down()
        left(program)
        if s3.store.lines() != records + warm:
            raise RuntimeError(f"{s3.store.lines()} of {records + warm} lines were stored")
        return 1000 * cpu / (sent / MEGABYTE)


def _send(subscriber: Subscriber, bodies: list[bytes], total: float) -> tuple[int, int]:
    """Deliver so many bytes; bytes and lines."""
    sent = records = number = 0
    while sent < total:
        body = bodies[number % len(bodies)]
        # A body that is sent again is known again, and not shipped twice: each is another.
        changed = body.replace(b'\\"n\\":0,', b'\\"n\\":%d,' % (10_000 + number + int(total)), 1)
        subscriber.deliver(changed)
        sent, records, number = sent + len(changed), records + changed.count(b'"type":"function"'), number + 1
    return sent, records


def _settle(program: Program) -> None:
    """Until it has nothing left to do: no CPU used for a while."""
    last, quiet = program.cpu, 0
    while quiet < 10:  # noqa: PLR2004 - half a second
        time.sleep(0.05)
        now = program.cpu
        quiet = quiet + 1 if now - last < 0.0005 else 0  # noqa: PLR2004 - s of CPU
        last = now
