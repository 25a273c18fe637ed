"""The model of benchmarks/policies, and that the published figures are what it gives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from benchmarks.policies import model, runs, traces
from benchmarks.policies.__main__ import main
from benchmarks.policies.rules import BOUND, Adaptation, Always, Foresight, Rule, adaptive
from benchmarks.policies.tables import CENTS, Verdict
from benchmarks.policies.traces import Request
from extension.core.adaptive import BESIDE, HOLD

RESULT = json.loads((Path(__file__).parents[3] / "benchmarks" / "results" / "policies.json").read_text("utf-8"))
SEEDS: dict[str, dict[str, dict[str, Any]]] = RESULT["seeds"]
#: Those that take a moment.
QUICK = ("one an hour", "one in 5 min", "one a minute", "pairs")


def ages(requests: list[Request], rule: Rule, seed: int = 1) -> tuple[list[float], model.Outcome]:
    outcome = model.run(requests, lambda: rule, seed)
    return [round(age, 3) for age in outcome.ages], outcome


# the published figures


@pytest.mark.parametrize("name", QUICK)
@pytest.mark.parametrize("seed", runs.SEEDS)
def test_the_published_figures_are_those_of_this_code(name: str, seed: int) -> None:
    found = runs.compared(traces.trace(name, seed), seed, RESULT["maxDelay"], RESULT["memoryMb"])
    assert found == SEEDS[str(seed)][name]


def test_every_trace_and_both_seeds_are_published() -> None:
    assert {seed: set(rows) for seed, rows in SEEDS.items()} == {str(seed): set(traces.MAKERS) for seed in runs.SEEDS}
    assert len(traces.MAKERS) == 22


@pytest.mark.parametrize("seed", SEEDS)
def test_the_promise_is_kept(seed: str) -> None:
    verdict = Verdict(SEEDS[seed], RESULT["maxDelay"])
    assert verdict.most_late <= 0.02
    assert verdict.in_time >= 18
    assert verdict.most_cents <= CENTS
    assert verdict.mean <= 0.5


@pytest.mark.parametrize("seed", SEEDS)
def test_who_knows_the_future_is_never_late(seed: str) -> None:
    assert {name for name, rows in SEEDS[seed].items() if rows[BOUND]["late"]} == set()


# the model


def test_a_hold_costs_51_ms_and_the_put_and_ages_count_from_the_invoke() -> None:
    found, outcome = ages([Request(0.0, 0.1, 100), Request(50.0, 0.2, 100)], Always(HOLD))
    assert found == [0.196, 0.296]
    assert outcome.held == pytest.approx(2 * 0.096)
    assert outcome.objects == [100, 100]


def test_what_is_shipped_beside_the_next_handler_came_one_buffering_period_after_its_invoke() -> None:
    found, outcome = ages([Request(0.0, 0.1, 100), Request(50.0, 0.1, 100)], Always(BESIDE))
    assert found[0] == pytest.approx(50.0 - 0.1 + 0.025 + 0.045)
    assert outcome.held == 0.0


def test_a_held_environment_takes_no_request() -> None:
    close = [Request(0.0, 0.1, 100), Request(0.15, 0.1, 100)]
    assert ages(close, Always(HOLD))[1].cold == 2
    assert ages(close, Rule())[1].cold == 1


def test_an_idle_environment_ships_at_shutdown_or_dies_in_silence() -> None:
    far = [Request(2000.0 * number, 0.1, 100) for number in range(1000)]
    outcome = model.run(far, Rule, 1)
    stored = [age for age in outcome.ages if age >= 0]
    assert outcome.cold == 1000
    assert outcome.lost == 1000 - len(stored)
    assert 60 < outcome.lost < 140
    assert 300 < min(stored) < max(stored) < 901


def test_adaptive_ships_at_a_mebibyte_and_while_a_long_handler_runs() -> None:
    assert max(ages([Request(0.0, 300.0, 5_000_000)], Adaptation(60.0, 128))[1].objects) < 1_200_000
    found, outcome = ages([Request(0.0, 300.0, 5000)], Adaptation(60.0, 128))
    assert len(outcome.objects) == 6
    assert found[0] < 60


def test_who_knows_the_future_holds_only_where_the_next_invoke_comes_too_late() -> None:
    requests = [Request(when, 0.1, 100) for when in (0.0, 20.0, 40.0, 100.0)]
    outcome = model.run(requests, lambda: Foresight(60.0, model.SETTLED + model.PUT), 1)
    assert len(outcome.objects) == 2
    assert max(outcome.ages) <= 60


# traces


@pytest.mark.parametrize("name", ["pairs", "steps", "fan-out of 200", "bursts of 50"])
def test_a_trace_follows_from_its_seed_and_is_in_order(name: str) -> None:
    found = traces.trace(name, 1)
    assert found == traces.trace(name, 1) == sorted(found)
    assert found != traces.trace(name, 2)


def test_ones_own_traffic_is_read(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("start,duration,bytes\n1.5,20,300\n0,1000,10\n")
    assert traces.read(path) == [Request(0.0, 1.0, 10), Request(1.5, 0.02, 300)]
    found = CliRunner().invoke(main, ["--trace", str(path), "--format", "json", "--seed", "3", "--max-delay", "5"])
    rows = json.loads(found.stdout)["seeds"]["3"]["mine.csv"]
    assert rows[adaptive(5.0)]["puts"] == rows["end of every invocation"]["puts"] == 2
    table = CliRunner().invoke(main, ["--trace", str(path)])
    assert "adaptive, 60 s" in table.stdout


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no requests"),
        ("start,duration,bytes\n", "has no requests"),
        ("1,2\n", "line 1: '1,2' is not start in seconds"),
        ("1,2,3\na,b,c\n", "line 2: 'a,b,c' is not start in seconds"),
        ("1,2,-3\n", "line 1: '1,2,-3': a start and a size are 0 or more"),
        ("1,9000000,3\n", "a duration is 0 to 900000 ms"),
        ("1,2,inf\n", "a start and a size are 0 or more"),
        ("nan,1,3\n", "a start and a size are 0 or more"),
    ],
)
def test_a_file_that_is_no_trace_is_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text)
    found = CliRunner().invoke(main, ["--trace", str(path)])
    assert (found.exit_code, found.stdout) == (1, "")
    assert said in found.stderr
    assert "Traceback" not in found.stderr
