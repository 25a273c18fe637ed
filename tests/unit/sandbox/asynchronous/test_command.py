"""`adaptive-batching async scenario`, as it is called."""

from __future__ import annotations

import json

import pytest

from adaptive_batching.cli import main
from adaptive_batching.sandbox.asynchronous.scenarios import SCENARIOS


def test_all_shows_each_scenario_under_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["async", "scenario", "all"]) == 0
    said = capsys.readouterr().out
    assert [line.partition(":")[0] for line in said.splitlines() if line.partition(":")[0] in SCENARIOS] == [*SCENARIOS]
    assert said.count("diagnosis  received") == len(SCENARIOS)


def test_json_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["async", "scenario", "all", "--format", "json"]) == 0
    assert [*json.loads(capsys.readouterr().out)] == [*SCENARIOS]


def test_the_start_decides_where_a_minute_ends(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["async", "scenario", "expiry", "--start", "23:59:59"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert "23:59:59  B           0  throttled, again in 1 s" in said
    assert "00:01:02  B           -  dropped: EventAgeExceeded" in said
    assert "metric              statistic  23:59   00:00  00:01" in said
    assert "Throttles           Sum            1       5      -" in said


def test_jitter_of_the_same_seed_is_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    said = []
    for seed in ("1", "1", "2"):
        assert main(["async", "scenario", "expiry", "--jitter", "--seed", seed]) == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[1] != said[2]


@pytest.mark.parametrize("time", ["24:00", "8:23", "now", "08:23:60", ""])
def test_a_start_that_is_no_time_is_refused(time: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["async", "scenario", "zero", "--start", time]) == 2
    assert f"--start {time!r} is not a time of the day such as 08:23:48" in capsys.readouterr().err
