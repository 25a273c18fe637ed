"""Programs that take turns, invocation by invocation: what is different between them is then no weather.

Two runs one after the other differ by 10 % on a busy machine, whatever is measured.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from benchmarks import batches
from benchmarks.programs import extension, running
from benchmarks.shipping import Tls

if TYPE_CHECKING:
    from collections.abc import Sequence

WARM = 20  # invocations of each that do not count


def invocations(commands: Sequence[Sequence[str]], count: int) -> list[float]:
    """Ship so many invocations of 20 lines x 200 bytes with each command, in turn; ms of CPU for one, by command."""
    logged = batches.lines(20, 200)
    environ = extension(S3_CLIENT="light", SHIP_RATE_INVOKES=1, SHIP_RATE_BYTES=2048)
    with contextlib.ExitStack() as stack:
        lives = []
        for command in commands:
            s3 = stack.enter_context(Tls())
            api, program, _ = stack.enter_context(running(command, {**environ, **s3.environ}))
            lives.append((s3, api, program, stack.enter_context(api.subscriber())))
        began = [0.0] * len(lives)
        for number in range(WARM + count):
            if number == WARM:
                began = [program.cpu for _, _, program, _ in lives]
            for s3, api, _, subscriber in lives if number % 2 else reversed(lives):
                api.invoke(str(number))
                subscriber.deliver(batches.body(logged, str(number)))
                s3.store.wait()
                api.next_poll()
        return [1000 * (live[2].cpu - before) / count for live, before in zip(lives, began, strict=True)]
