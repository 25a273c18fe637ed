"""Journals in a folder of the test's own, and what they said."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from extension.journal import Journal
from tests.edge.extension.journal.build import ENVIRONMENT, Clock, Said

Open = Callable[..., Journal]


@pytest.fixture
def said() -> Said:
    return Said()


@pytest.fixture
def open_journal(tmp_path: Path, said: Said) -> Iterator[Open]:
    """Opens journals below the test's own folder; closes them at the end.

    Their clock stands still unless the test has one of its own: a busy machine is not to look like a slow disk.
    """
    opened: list[Journal] = []

    def open_one(environment: str = ENVIRONMENT, **options: object) -> Journal:
        options.setdefault("now", Clock())
        opened.append(Journal.open(str(tmp_path), environment, said, **options))  # type: ignore[arg-type]
        return opened[-1]

    yield open_one
    for journal in opened:
        journal.close()
