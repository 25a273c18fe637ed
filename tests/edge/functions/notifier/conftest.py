"""The scene of a test, on one server of moto's for all of them."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from tests.edge.functions.notifier.scene import Scene, World
from tests.fakes import s3
from tests.fakes import webhook as fake

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="package")
def world() -> Iterator[World]:
    with s3.moto() as server:
        yield World(server)


@pytest.fixture
def hook() -> Iterator[fake.Webhook]:
    with fake.webhook() as found:
        yield found


@pytest.fixture
def scene(world: World, hook: fake.Webhook, tmp_path: Path) -> Scene:
    made = Scene(world, hook, tmp_path, f"logs-{uuid.uuid4()}")
    where = {"LocationConstraint": world.moto.region}
    world.moto.client().create_bucket(Bucket=made.bucket, CreateBucketConfiguration=where)
    made.queue("dead")
    return made
