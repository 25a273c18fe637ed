"""Journals in a folder of the test's own, and what they said."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from extension.journal import Journal
from tests.edge.extension.journal.build import ENVIRONMENT, Said

Open = Callable[..., Journal]


@pytest.fixture
def said() -> Said:
    return Said()


@pytest.fixture
def open_journal(tmp_path: Path, said: Said) -> Iterator[Open]:
    """Opens journals below the test's own folder; closes them at the end."""
    opened: list[Journal] = []

    def open_one(environment: str = ENVIRONMENT, **options: object) -> Journal:
        opened.append(Journal.open(str(tmp_path), environment, said, **options))  # type: ignore[arg-type]
        return opened[-1]

    yield open_one
    for journal in opened:
        journal.close()
