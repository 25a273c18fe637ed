"""The table of prices: what docs/cost.md says, and the sum for one invocation."""

from __future__ import annotations

from pathlib import Path

import pytest

from adaptive_batching import prices

COST = (Path(__file__).parents[3] / "docs/cost.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "sentence",
    [
        f"Prices of {prices.REGION}, November 2026",
        f"S3 PUT ${prices.S3_PUT * 1000:.3f} per 1,000",
        f"storage ${prices.S3_GB_MONTH:.3f} per GB and month",
        f"CloudWatch Logs ${prices.CLOUDWATCH_GB:.2f} per\nGB ingested",
        f"Lambda ${prices.GB_SECOND['x86_64']:.10f} per GB-second",
    ],
)
def test_the_page_on_cost_has_the_same_prices(sentence: str) -> None:
    assert prices.AS_OF == "2026-11"
    assert sentence in COST


def test_a_gigabyte_second_and_a_request_are_billed() -> None:
    assert prices.invocation(1000, 1024) == pytest.approx(0.0000166667 + 0.0000002)
    assert prices.invocation(500, 128, prices.GB_SECOND["arm64"]) == pytest.approx(0.0000133334 / 16 + 0.0000002)


def test_a_function_on_arm_costs_less_and_a_given_price_is_taken() -> None:
    assert prices.gb_second("orders-api") == 0.0000166667
    assert prices.gb_second("orders-api", ["mail", "orders-*"]) == 0.0000133334
    assert prices.gb_second("orders-api", ["orders-*"], 0.5) == 0.5
