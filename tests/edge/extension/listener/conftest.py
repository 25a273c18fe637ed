"""A listener for each test."""

from collections.abc import Iterator

import pytest

from tests.edge.extension.listener.kept import Kept


@pytest.fixture
def kept() -> Iterator[Kept]:
    made = Kept()
    yield made
    made.gate.set()
