"""Mode `adaptive` of the built layer: what is on S3 before a freeze, and how many objects, beside the model."""

from __future__ import annotations

import random
import time
from itertools import accumulate
from typing import TYPE_CHECKING

import pytest

from benchmarks.policies.model import Environment, Outcome
from benchmarks.policies.rules import Adaptation
from benchmarks.policies.traces import Request

if TYPE_CHECKING:
    from tests.e2e.conftest import Deployment

MAX_DELAY = 1.5  # s
MEMORY_MB = 128
SEED = 7
SOURCE = random.Random(SEED)
#: Starts of the invocations, in seconds.
PATTERNS = {
    "rare": [1.75 * number for number in range(6)],
    "10 a second": [number / 10 for number in range(120)],
    "Poisson": list(accumulate(SOURCE.expovariate(3.0) for _ in range(25))),
    "bursts": [2.0 * burst + number / 40 for burst in range(4) for number in range(8)],
}
#: Objects that timing decides: a chance close to the allowance, the last one at SHUTDOWN.
TOLERANCE = 2


def test_a_lone_invocation_is_on_s3_before_the_freeze_and_so_is_the_next_after_a_long_gap(
    deployment: Deployment,
) -> None:
    with deployment.environment(MODE="adaptive", MAX_DELAY_MILLISECONDS=1000) as environment:
        for reason in ("first", "gap"):
            result = environment.invoke({})
            assert environment.frozen
            lines = [record for record in deployment.records() if record["requestId"] == result.request_id]
            assert len([record for record in lines if record["type"] == "function"]) == 5
            assert deployment.objects()[-1].reason == reason
            time.sleep(1.1)  # the gap is what this is about
    assert deployment.ledger(environment).balanced


@pytest.mark.parametrize("pattern", PATTERNS)
def test_as_many_objects_are_made_as_in_the_model(deployment: Deployment, pattern: str) -> None:
    """The model is given the moments at which the invocations really began: a busy machine delays some of them."""
    requests = []
    with deployment.environment(MODE="adaptive", MAX_DELAY_MILLISECONDS=int(1000 * MAX_DELAY)) as environment:
        begin = time.monotonic() + 0.1
        for start in PATTERNS[pattern]:
            time.sleep(max(begin + start - time.monotonic(), 0.0))
            at = time.monotonic()
            result = environment.invoke({"lines": 2})
            requests.append(Request(at, result.report["metrics"]["durationMs"] / 1000, 1000))
    outcome = Outcome(len(requests))
    model = Environment(Adaptation(MAX_DELAY, MEMORY_MB), outcome, 600.0, silent=False)
    for number, request in enumerate(requests):
        model.serve(number, request)
    model.expire()
    print(f"{pattern}, seed {SEED}: {len(deployment.objects())} objects, {len(outcome.objects)} in the model")
    assert deployment.ledger(environment).balanced
    assert abs(len(deployment.objects()) - len(outcome.objects)) <= TOLERANCE
