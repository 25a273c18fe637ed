"""Threads that wait for a source, and whom nobody waits for once the command is to end."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def threads(number: int) -> Iterator[ThreadPoolExecutor]:
    """Yield so many threads. If the block ends with an exception, what they have begun is not waited for.

    S3 may take a minute and a half to fail, and Ctrl-C should not. The process does not wait either (see __main__).
    """
    pool = ThreadPoolExecutor(number)
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()
