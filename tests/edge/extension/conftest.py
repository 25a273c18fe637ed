"""What several tests of the edges share."""

from collections.abc import Iterator

import pytest

from tests.fakes.lambda_api import LambdaApi


@pytest.fixture
def api() -> Iterator[LambdaApi]:
    with LambdaApi().running() as running:
        yield running
