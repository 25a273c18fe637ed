"""The grid: where a PUT would go, for boto3 and for the extension, in thousands of environments.

GRID_SEED=7     draws the cells of an earlier run again
GRID_CELLS=5000 draws so many
GRID_CROSS=2    crosses every two dimensions in full, instead of drawing (3: every three; that takes hours)
"""

from __future__ import annotations

import os
import random
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.edge.extension.stores.grid import cells, clients, design, wire

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

DRAWN = 300
SHOWN = 20  # differences that a failure tells of


@pytest.fixture(autouse=True, scope="module")
def _quick() -> Iterator[None]:
    with wire.quick():
        yield


def differences(some: Iterable[cells.Cell], folder: Path) -> tuple[int, Counter[str], list[str]]:
    """How many cells, for which store, and in which the extension does what neither boto3 nor the table says."""
    stores: Counter[str] = Counter()
    found = []
    for cell in some:
        environ = cells.environ(cell, folder)
        key = cell[cells.KEY] or ""
        store, ours = clients.of_extension(environ, key)
        read = design.as_boto3_reads_it(environ, store)
        stores[store] += 1
        left = design.unexcused(environ, store, ours, clients.of_boto3(read, key))
        if left:
            found.append(f"{cells.short(cell)}\n    {store}: {left}")
    return stores.total(), stores, found


def test_every_value_of_every_dimension_in_three_surroundings(tmp_path: Path) -> None:
    number, stores, found = differences(cells.singles(), tmp_path)
    print(number, "cells", stores)
    assert min(stores["light"], stores["boto3"]) > number // 10, "both clients of the extension are in the grid"
    assert not found, "\n".join(found[:SHOWN])


def test_cells_that_are_drawn(tmp_path: Path) -> None:
    seed = int(os.environ.get("GRID_SEED") or random.randrange(10**6))
    crossed = int(os.environ.get("GRID_CROSS") or 0)
    print(f"GRID_SEED={seed}")
    some = cells.crossed(crossed) if crossed else cells.drawn(seed, int(os.environ.get("GRID_CELLS") or DRAWN))
    number, stores, found = differences(some, tmp_path)
    print(number, "cells", stores)
    assert not found, f"{len(found)} of {number}, seed {seed}:\n" + "\n".join(found[:SHOWN])


def test_the_rows_of_the_table_are_the_rules_of_the_grid() -> None:
    assert design.rows() == [one.row for one in design.DESIGN]


@pytest.mark.parametrize("one", design.DESIGN, ids=lambda one: one.row)
def test_a_difference_by_design_is_one(one: design.Difference, tmp_path: Path) -> None:
    environ = cells.environ({**cells.DEFAULT, **one.example}, tmp_path)
    key = one.example.get(cells.KEY) or "a.log"
    store, ours = clients.of_extension(environ, key)
    assert store in (*one.stores, "")
    assert ours.against(clients.of_boto3(environ, key)) != {}, "they do the same now: the row may go"
