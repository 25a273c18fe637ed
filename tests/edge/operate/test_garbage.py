"""Every answer that a command asks for, replaced by what no service of AWS answers: a sentence, never a traceback."""

from __future__ import annotations

import time
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from adaptive_batching.console import consoles
from adaptive_batching.operate.attaching.run import Attaching, Detaching
from adaptive_batching.operate.attaching.run import run as change
from adaptive_batching.operate.aws import Account, AwsError
from adaptive_batching.operate.cloudwatch import run as cloudwatch
from adaptive_batching.operate.doctor.checks import judged
from adaptive_batching.operate.doctor.reading import aws, invocation
from adaptive_batching.operate.layers import publishing
from adaptive_batching.operate.layers.archive import Archive
from tests.edge.operate.doctor.account import BUCKET, PREFIX, World, zipped
from tools.operate import deployed

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes.aws.between import Asked, Between
    from tests.fakes.s3 import Moto

_NAMES = ["FunctionName", "FunctionArn", "Role", "Layers", "Environment", "LayerVersions", "LayerVersionArn"]
_NAMES += ["Version", "Policy", "Content", "Functions", "metricFilters", "subscriptionFilters", "events"]
_NAMES += ["KeyMetadata", "Datapoints"]
#: With a status of 200. The last have members of the right names and of wrong types.
GARBAGE: tuple[Any, ...] = (
    b"<html>hello</html>",
    b"",
    b"hello",
    {},
    [1],
    dict.fromkeys(_NAMES, 5),
    {name: [{}] for name in _NAMES},
    dict.fromkeys(_NAMES, "x"),
)


@pytest.fixture(scope="module")
def world(servers: tuple[Moto, Between]) -> World:
    return World(*servers)


def commands(world: World, account: Account) -> dict[str, Callable[[], object]]:
    key = str(world.server.client("kms").create_key()["KeyMetadata"]["Arn"])
    world.make("orders", variables={f"{PREFIX}KMS_KEY_ID": key})
    world.server.client().put_bucket_policy(Bucket=BUCKET, Policy='{"Statement": []}')
    archive = Archive("x86_64", "1", Path("x.zip"), zipped("x", ""))
    attaching = Attaching(None, {f"{PREFIX}S3_BUCKET": BUCKET}, account)

    def examined() -> None:
        found = aws.read(account, "orders", lambda _what: None)
        judged(found)
        invocation.invoke(account, found.function, b"{}", patience=0)

    def turned(off: Callable[..., None], **more: bool) -> None:
        off(account, "orders", *([time.time()] if more else []), consoles(), dry_run=False, **more)

    return {
        "doctor": examined,
        "attach": lambda: change(["orders"], attaching, *consoles(), dry_run=False),
        "detach": lambda: change(["orders"], Detaching(None, account), *consoles(), dry_run=True),
        "cloudwatch off": lambda: turned(cloudwatch.off, force=False),
        "cloudwatch on": lambda: turned(cloudwatch.on),
        "publish": lambda: publishing.publish(
            account.client("lambda"), "eu-west-1", archive, [publishing.PUBLIC], dry_run=False
        ),
        "uninstall": lambda: deployed.uninstall(account, "stack"),
    }


def test_an_answer_that_is_not_awss_is_a_sentence_wherever_it_comes(world: World) -> None:
    account = Account(region="eu-west-1", endpoint_url=world.front.endpoint)
    wrong: list[str] = []
    for name, run in commands(world, account).items():
        number = 0  # of the answer that is replaced
        while True:
            garbage, seen = GARBAGE[number * 3 % len(GARBAGE)], count()

            def answer(asked: Asked) -> Any:  # noqa: ANN401 - an Answer
                if next(seen) == number:  # noqa: B023 - it is of this turn
                    return 200, garbage  # noqa: B023 - as above
                return (200, {}) if asked.path.endswith("/invocations") else world.answer(asked)

            world.front.answer = answer
            try:
                run()
            except (AwsError, deployed.StackError) as error:
                wrong += [f"{name}: {error}"] * ("\n" in str(error))
            except Exception as error:  # noqa: BLE001 - all are told at once
                wrong.append(f"{name}, answer {number}, {garbage!r}: {error!r}")
            if next(seen) <= number:
                break
            number += 1
        assert number, name
    assert not wrong, "\n".join(wrong)
