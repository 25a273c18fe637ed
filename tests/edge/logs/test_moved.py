"""What is compacted or deleted while it is read: it is read where it is now, or it is missing, and that is said."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from adaptive_batching.logs.reading import Reading, SourceError
from adaptive_batching.logs.sources.source import ObjectError
from tests.edge.logs.compacting import Meanwhile, files, rows, run, ship, taken

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from adaptive_batching.logs.compaction.run import Done
    from adaptive_batching.logs.sources.source import Listing, Source

#: When there is a compaction that does not delete, and before which read there is one that does.
MOMENTS = [*(("at once", number) for number in (1, 2, 12)), *(("when all was compacted", number) for number in (1, 6))]
NOT_THERE = "cannot be read: No such file or directory"


def prepared(folder: Path, begun: str) -> tuple[Any, list[Done], Callable[[], None]]:
    """Ship 12 objects. Return what is read of them, and a compaction with the list of what it has done."""
    ship(folder, 12)
    first = rows(folder)
    if begun != "at once":
        run(folder)
    others: list[Done] = []
    return first, others, lambda: others.append(run(folder, delete=True))


class Refusing:
    """A source that denies one object, and does not answer from its n-th listing on."""

    def __init__(self, source: Source, denied: str = "", listings: int = 1_000) -> None:
        self._source, self._denied, self._left = source, denied, listings

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - of the source
        return getattr(self._source, name)

    def listed(self, *asked: Any) -> Listing:  # noqa: ANN401 - as a Source has it
        self._left -= 1
        if self._left < 0:
            raise SourceError("S3 does not answer")
        return self._source.listed(*asked)

    def read(self, key: str) -> tuple[bytes, dict[str, str]]:
        if key == self._denied:
            raise ObjectError("AccessDenied", denied=True)
        return self._source.read(key)


@pytest.mark.parametrize(("begun", "number"), MOMENTS)
def test_what_is_compacted_and_deleted_while_it_is_read_is_not_missing_and_where_it_is_now_is_known(
    begun: str, number: int, tmp_path: Path
) -> None:
    first, others, compaction = prepared(tmp_path / "logs", begun)
    reading = Reading(str(tmp_path / "logs"), no_cache=True)
    reading.source = Meanwhile(reading.source, "read", number, compaction)
    with reading.open(told=False) as logs:
        assert taken(logs) == first
        known = logs.connection.execute("select distinct compacted from objects").fetchall()
        # If the last object was read, nothing was seen of the compaction.
        seen = [str(file.relative_to(tmp_path / "logs")) for file in files(tmp_path / "logs", "parquet")]
        assert sorted(known) == ([(None,)] if begun != "at once" else [(one,) for one in seen])
    assert [one.deleted for one in others] == [12]


def test_what_comes_and_goes_again_while_it_is_read_is_not_missing(tmp_path: Path) -> None:
    """Once the first compaction is noticed, another one takes away what has come since."""
    folder = tmp_path / "logs"
    first, others, compaction = prepared(folder, "at once")
    compacted_once = 12 + 6  # reads of the objects, and of what they are in
    found = rows(
        folder,
        put_between=lambda source: Meanwhile(
            Meanwhile(source, "read", 1, lambda: (compaction(), ship(folder, 6))),
            "read",
            compacted_once + 1,
            compaction,
        ),
    )
    assert [one.deleted for one in others] == [12, 6]
    assert found == rows(folder)
    assert found[1].whole
    assert found[1].lines == first[1].lines * 18 // 12


@pytest.mark.parametrize("number", [1, 3, 4, 5, 7])
def test_what_is_deleted_while_it_is_read_and_is_nowhere_else_is_missing(number: int, tmp_path: Path) -> None:
    ship(tmp_path / "logs", 12)
    run(tmp_path / "logs")
    for file in files(tmp_path / "logs", "parquet")[3:]:
        file.unlink()
    first, whole = rows(tmp_path / "logs")  # three objects of one function, compacted, and four of the other

    def another() -> None:
        for file in files(tmp_path / "logs", "gz"):
            file.unlink()

    found, complete = rows(tmp_path / "logs", put_between=lambda source: Meanwhile(source, "read", number, another))
    missing = 7 - max(number, 4) + 1
    assert complete.damaged == missing
    assert complete.lines == whole.lines - missing * (whole.lines // 12)
    assert [row[0] for row in found[-12:]] == [row[0] for row in first[-12:]]  # of all objects it is said
    assert [row[-1] for row in found[-12:] if row[-1]] == [NOT_THERE] * missing


def test_one_object_that_is_denied_beside_those_that_are_compacted_is_one_that_is_damaged(tmp_path: Path) -> None:
    first, others, compaction = prepared(tmp_path / "logs", "at once")
    denied = str(files(tmp_path / "logs", "gz")[0].relative_to(tmp_path / "logs"))
    between = lambda source: Refusing(Meanwhile(source, "read", 3, compaction), denied)  # noqa: E731
    for source in (between, partial(Refusing, denied=denied)):  # and where all others are in the cache
        _, complete = rows(tmp_path / "logs", tmp_path / "cache", put_between=source)
        assert (complete.damaged, complete.lines) in {(1, first[1].lines * 11 // 12), (0, first[1].lines)}
    assert others


def test_if_all_is_denied_nothing_is_read(tmp_path: Path) -> None:
    ship(tmp_path / "logs", 1)
    (key,) = (str(file.relative_to(tmp_path / "logs")) for file in files(tmp_path / "logs", "gz"))
    with pytest.raises(SourceError, match="AccessDenied"):
        rows(tmp_path / "logs", put_between=partial(Refusing, denied=key))


def test_a_second_listing_that_fails_takes_nothing_away(tmp_path: Path) -> None:
    first, _, compaction = prepared(tmp_path / "logs", "at once")
    _, complete = rows(
        tmp_path / "logs",
        put_between=lambda source: Refusing(Meanwhile(source, "read", 12, compaction), listings=1),
    )
    assert (complete.damaged, complete.lines) == (1, first[1].lines * 11 // 12)
