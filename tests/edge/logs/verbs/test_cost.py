"""`logs cost`: each figure against plain Python over the lines; the table of docs/cost.md."""

from __future__ import annotations

import gzip
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from adaptive_batching import prices
from adaptive_batching.cli import main
from adaptive_batching.logs.verbs.keeping.cost import spanned
from tests.fakes.shipped import Shipped, report, started, text

if TYPE_CHECKING:
    from collections.abc import Sequence

DOCS = Path(__file__).parents[4] / "docs/cost.md"
BEGIN = datetime(2025, 1, 9, 13, 15, tzinfo=UTC)
#: Of the month that the lines of these tests are a part of.
HOURS = 6


def told(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = main(["logs", "cost", *map(str, words)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def ship(folder: Path) -> None:
    ships = [Shipped(folder, name) for name in ("orders", "stock")]
    for number in range(HOURS * 2 + 1):
        at = BEGIN + timedelta(minutes=30 * number)
        ships[number % 2](
            started(f"r{number}", time=at), text("größer " * number, time=at), text({"n": number}, time=at),
            report(f"r{number}", time=at),
        )  # fmt: skip


def billed(files: Sequence[Path]) -> int:
    size = 0
    for file in files:
        for line in gzip.decompress(file.read_bytes()).splitlines():
            record = json.loads(line)["record"]
            said = record if isinstance(record, str) else json.dumps(record, separators=(",", ":"))
            size += len(said.encode()) + 26
    return size


def test_from_objects(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ship(tmp_path)
    code, out, _ = told(capsys, "--format", "json", "--keep", 90, "--reads", 2, tmp_path)
    assert code == 0
    rows = {one["function"]: one for one in map(json.loads, out.splitlines())}
    assert list(rows) == ["orders", "stock", "total"]
    parts = 30 * 24 / HOURS  # of a month
    for name, row in rows.items():
        files = sorted(tmp_path.rglob("*.gz" if name == "total" else f"{name}-*.gz"))
        stored = sum(file.stat().st_size for file in files) * parts
        expected = {
            "objects": len(files) * parts,
            "stored_bytes": stored,
            "cloudwatch_bytes": billed(files) * parts,
            "put": len(files) * parts * 5e-6,
            "storage": stored / 1e9 * 3 * 0.023,
            "get": len(files) * parts * 2 * 4e-7,
            "athena": stored / 1e12 * 2 * 5,
            "cloudwatch_ingestion": billed(files) * parts / 1e9 * 0.5,
            "cloudwatch_storage": min(stored, billed(files) * parts) / 1e9 * 3 * 0.03,
        }
        expected["s3"] = sum(expected[one] for one in ("put", "storage", "get", "athena"))
        expected["cloudwatch"] = expected["cloudwatch_ingestion"] + expected["cloudwatch_storage"]
        assert {one: row[one] for one in expected} == pytest.approx(expected)


def test_the_table_of_the_docs(capsys: pytest.CaptureFixture[str]) -> None:
    found = re.search(r"\$ adaptive-batching logs cost (--assume .*)\n((?:.+\n)+)```", DOCS.read_text())
    assert found
    code, out, err = told(capsys, *found[1].split())
    table, said = found[2].rsplit("\n", 2)[:2]
    assert (code, out) == (0, f"{table}\n")
    assert err.startswith(said.rstrip("…"))  # a page shows what fits in a line
    assert prices.AS_OF in err


@pytest.mark.parametrize("word", ["gb", "gb=", "gb=x", "gb=0", "gb=-1", "gb=nan", "gb=inf", "tb=1", "=1", ""])
def test_what_cannot_be_assumed(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = told(capsys, "--assume", word)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1


def test_nothing_in_the_window(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ship(tmp_path)
    assert told(capsys, "--since", "1h", tmp_path)[:2] == (1, "")


@pytest.mark.parametrize("words", [["--since", "3h"], ["--function", "orders"], ["--no-cache"], ["--layout", ""]])
def test_what_is_assumed_goes_without_the_options_of_reading(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = told(capsys, "--assume", "gb=1", *words)
    assert (code, out) == (2, "")
    assert err == f"logs cost: --assume reads nothing, so it goes without {words[0]}; leave out one of them\n"


def test_a_source_in_the_environment_may_stay_there(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADAPTIVE_BATCHING_LOGS", "absent")
    assert told(capsys, "--assume", "gb=1")[0] == 0


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (60, "1 minute"), (150, "2 minutes"), (3_599, "60 minutes"), (3_600, "1 hour"),
        (5_400, "1.5 hours"), (86_400, "1 day"), (30 * 86_400, "30 days"), (4_000_000 * 86_400, "4,000,000 days"),
    ],
)  # fmt: skip
def test_how_long_the_logs_are(seconds: int, said: str) -> None:
    assert spanned(timedelta(seconds=seconds)) == said


def test_one_is_singular(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Shipped(tmp_path)(text("x", time=BEGIN), text("y", time=BEGIN + timedelta(seconds=1)))
    _, _, err = told(capsys, "--keep", 1, tmp_path)
    assert err.startswith("dollars a month, from 1 minute of logs: kept for 1 day, scanned 1 time; ")
    _, _, err = told(capsys, "--keep", 2.5, "--reads", 1000, tmp_path)
    assert "kept for 2.5 days, scanned 1,000 times; " in err
