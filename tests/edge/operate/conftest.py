"""An AWS for each file of tests, and none of this machine's user."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.fakes.aws.between import Between, between
from tests.fakes.s3 import Moto, clean_environ, moto

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def nobodys_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither settings nor credentials, and a metadata service that is refused at once."""
    wanted = clean_environ(AWS_METADATA_SERVICE_NUM_ATTEMPTS="1")
    for name in set(os.environ) - set(wanted):
        monkeypatch.delenv(name)
    for name, value in wanted.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Moto, Between]]:
    """moto's server, and who stands before it."""
    with moto() as server, between(server.endpoint) as front:
        yield server, front


@pytest.fixture
def emptied(servers: tuple[Moto, Between]) -> tuple[Moto, Between]:
    """The same, without what a test before this one made there."""
    server, front = servers
    front.forget()
    server.reset()
    return servers
