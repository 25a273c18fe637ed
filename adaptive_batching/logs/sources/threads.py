"""Threads that read from a source, which an interrupted command does not wait for."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

#: How the names of these threads begin.
NAME = "reading-"


@contextlib.contextmanager
def threads(number: int) -> Iterator[ThreadPoolExecutor]:
    """Yield a pool of so many threads, for work that reads and changes nothing.

    At Ctrl-C and SIGTERM what they have begun is not waited for: S3 may take a minute and a half to fail. Nor does the
    process wait for it (see __main__). After any other exception it is, or a command that tries again would pile up
    threads.
    """
    pool = ThreadPoolExecutor(number, NAME)
    try:
        yield pool
    except BaseException as error:
        pool.shutdown(wait=isinstance(error, Exception), cancel_futures=True)
        raise
    pool.shutdown()
