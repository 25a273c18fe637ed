"""The function: its handler, and a role that allows what it calls and nothing else."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from notifier import app
from notifier.layout import DEFAULT
from tests.edge.functions.notifier.scene import ACCOUNT, ACTIONS, SAVE, Scene, a_trace, now_alarm
from tests.fakes.aws.evaluator import Request, allowed
from tests.template.template import policy_of_function
from tests.unit.functions.notifier.test_events import SCHEDULE

if TYPE_CHECKING:
    import pytest


def test_the_role_allows_the_calls_that_are_made_and_nothing_else(scene: Scene) -> None:
    scene.world.calls.clear()
    scene.send({"traceId": a_trace()})
    scene.run()  # looks, waits
    scene.hook.answers = [500]
    scene.run(now_alarm(MetricName="Throttles"))  # keeps an event
    scene.ship(a_trace())
    scene.run()  # reads what was kept, lists
    trace = a_trace()
    scene.ship(trace)
    scene.send({"traceId": trace})
    scene.run()  # tells with lines
    policy = policy_of_function(scene.bucket, ACCOUNT, "NotifierFunction", AsyncExample="true", Conference="true")
    queue = f"arn:aws:sqs:{scene.moto.region}:{ACCOUNT}:{scene.urls[0].rpartition('/')[2]}"
    statements = json.loads(json.dumps(policy["Statement"]).replace("ConferenceDeadQueue.Arn", queue))
    used = set()
    for operation, params in scene.world.calls:
        matching = [one["Sid"] for one in statements if allows(one, ACTIONS[operation], params, queue)]
        assert matching, (operation, params)
        used |= {(one, ACTIONS[operation]) for one in matching}
    assert used == {(one["Sid"], action) for one in statements for action in as_list(one["Action"])}


def allows(statement: dict[str, Any], action: str, params: dict[str, Any], queue: str) -> bool:
    bucket = f"arn:aws:s3:::{params.get('Bucket')}"
    resource = queue if action.startswith("sqs:") else f"{bucket}/{params['Key']}" if "Key" in params else bucket
    request = Request(action, resource, context={"s3:prefix": params.get("Prefix", ""), "s3:ResourceAccount": ACCOUNT})
    return allowed(request, role=[{"Version": "2012-10-17", "Statement": statement}])


def as_list(value: Any) -> list[Any]:  # noqa: ANN401 - any JSON
    return value if isinstance(value, list) else [value]


@dataclass
class Context:
    """What the handler reads of Lambda's."""

    invoked_function_arn: str = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:notifier"

    def get_remaining_time_in_millis(self) -> int:
        return 90_000


def test_the_handler_reads_its_variables(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    trace = a_trace()
    request = scene.ship(trace)
    scene.send({"traceId": trace})
    for name, value in {
        **scene.moto.environ(),
        "AWS_DEFAULT_REGION": scene.moto.region,  # Lambda sets it beside AWS_REGION
        "AWS_ENDPOINT_URL_SQS": scene.moto.endpoint,
        "WEBHOOK_URL": scene.hook.url,
        "QUEUE_URLS": f",{scene.urls[0]},",
        "FUNCTIONS": f"conference-submit,,{SAVE}",
        "ADAPTIVE_BATCHING_EXTENSION_S3_BUCKET": scene.bucket,
        "ADAPTIVE_BATCHING_EXTENSION_S3_PREFIX": DEFAULT,
    }.items():
        monkeypatch.setenv(name, value)
    app.handler(SCHEDULE, Context())
    (told,) = scene.hook.texts
    assert f"request {request}" in told
    assert f"`adaptive-batching logs trace {trace} s3://{scene.bucket}`" in told
