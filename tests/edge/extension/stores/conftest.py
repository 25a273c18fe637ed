"""Both stores, made as the extension makes them, in an environment that holds nothing but what the test puts there."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol

import pytest

from extension.stores import PutRequest, factory
from tests.fakes.s3 import BUCKET, REGION, clean_environ

if TYPE_CHECKING:
    from collections.abc import Mapping

    from extension.stores import Store


class MakeStore(Protocol):
    def __call__(
        self, environ: Mapping[str, str], bucket: str = BUCKET, region: str = REGION, style: str = "auto"
    ) -> Store: ...


@pytest.fixture(params=["light", "boto3"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def make_store(kind: str, said: list[str], monkeypatch: pytest.MonkeyPatch) -> MakeStore:
    """Make a store of `kind`; boto3 reads the process's environment, so that is set to the same."""

    def make(environ: Mapping[str, str], bucket: str = BUCKET, region: str = REGION, style: str = "auto") -> Store:
        whole = clean_environ(**environ)
        for name in set(os.environ) - set(whole) - {"PYTEST_CURRENT_TEST"}:
            monkeypatch.delenv(name)
        for name, value in whole.items():
            monkeypatch.setenv(name, value)
        return factory.create(kind, bucket, region, whole, said.append, style)

    return make


def an_object(key: str = "function=f/a.log", body: bytes | str = b'{"a":1}\n') -> PutRequest:
    return PutRequest(key, body, "application/x-ndjson", "", {"records": "1"})
