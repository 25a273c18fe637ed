"""What the tests of both stores share: a failure, a thread, a condition with a deadline."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from extension.errors import StoreError
from tests.fakes.s3 import REGION
from tests.fakes.s3_scripted import ACCESS_KEY, SECRET_KEY

if TYPE_CHECKING:
    from collections.abc import Callable

    from extension.stores import PutRequest, Store

MEGABYTE = 1 << 20
KEYS_AND_REGION = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY, "AWS_REGION": REGION}


def failure(store: Store, request: PutRequest) -> StoreError:
    with pytest.raises(StoreError) as caught:
        store.put(request)
    return caught.value


def in_thread(call: Callable[[], None]) -> tuple[threading.Thread, list[BaseException | None]]:
    """`call` on a thread; the list gets the exception that ended it, or None."""
    outcome: list[BaseException | None] = []

    def run() -> None:
        try:
            call()
        except BaseException as error:  # noqa: BLE001 - it is what the test wants to see
            outcome.append(error)
        else:
            outcome.append(None)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread, outcome
