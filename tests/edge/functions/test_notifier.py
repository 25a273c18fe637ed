"""functions/notifier against moto's S3 and SQS and a webhook on a real socket."""

from __future__ import annotations

import itertools
import json
import threading
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config

from notifier import app, queues, webhook
from notifier.bucket import Bounds, Bucket
from notifier.layout import DEFAULT
from notifier.notices import Clue
from notifier.queues import Peek
from notifier.run import MOST_POSTS, Notifier, NotifierError
from notifier.search import Search
from tests.fakes import s3
from tests.fakes import webhook as fake
from tests.fakes.aws.evaluator import Request, allowed
from tests.fakes.network.ports import free_port
from tests.fakes.shipped import Shipped, done, report, started, text
from tests.template.template import policy_of_function
from tests.unit.functions.notifier.test_events import SCHEDULE, alarm

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from notifier.bucket import Reading
    from notifier.search import Attempt

SAVE = "conference-save"
ACCOUNT = "123456789012"
#: Operation -> the action that allows it.
ACTIONS = {
    "ListObjectsV2": "s3:ListBucket",
    "GetObject": "s3:GetObject",
    "PutObject": "s3:PutObject",
    "ReceiveMessage": "sqs:ReceiveMessage",
    "ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
}


@dataclass
class World:
    """moto, the clients that the notifier gets, and the calls that it makes with them."""

    moto: s3.Moto
    clients: dict[str, Any] = field(default_factory=dict)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for service in ("s3", "sqs"):
            client = boto3.session.Session().client(
                service,
                endpoint_url=self.moto.endpoint,
                region_name=self.moto.region,
                aws_access_key_id="test",
                aws_secret_access_key="test",
                config=Config(proxies={}, s3={"addressing_style": "path"}),
            )
            client.meta.events.register(f"provide-client-params.{service}", self._note)
            self.clients[service] = client

    def _note(self, params: dict[str, Any], model: Any, **_: object) -> None:  # noqa: ANN401
        self.calls.append((model.name, params))


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with s3.moto() as server:
        yield World(server)


@pytest.fixture
def hook() -> Iterator[fake.Webhook]:
    with fake.webhook() as found:
        yield found


@dataclass
class Scene:
    """A bucket, queues, a webhook, and the notifier between them."""

    world: World
    hook: fake.Webhook
    folder: Path
    bucket: str
    urls: list[str] = field(default_factory=list)
    webhook: str = ""

    @property
    def moto(self) -> s3.Moto:
        return self.world.moto

    def queue(self, name: str) -> str:
        url = str(self.moto.client("sqs").create_queue(QueueName=f"{self.bucket}-{name}")["QueueUrl"])
        self.urls.append(url)
        return url

    def send(self, body: object, url: str = "", **attributes: str) -> str:
        """Put a dead letter into a queue, the first one if none is named; return its id."""
        made = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
        answer = self.moto.client("sqs").send_message(
            QueueUrl=url or self.urls[0], MessageBody=json.dumps(body), MessageAttributes=made
        )
        return str(answer["MessageId"])

    def ship(self, trace: str, *, function: str = SAVE, ago: float = 1.0, prefix: str = DEFAULT) -> str:
        """Ship a request of the trace that failed; return its id."""
        request, begin = str(uuid.uuid4()), datetime.now(UTC) - timedelta(seconds=ago)
        failed = {"level": "ERROR", "message": "failed", "traceId": trace, "exception": "ValueError: no"}
        key = Shipped(self.folder, function, prefix=prefix, now=begin)(
            started(request, time=begin),
            text({"level": "INFO", "message": "saving", "traceId": trace}, request=request),
            text(failed, request=request),
            done(request, status="error"),
            report(request, status="error"),
        )
        self.moto.client().put_object(Bucket=self.bucket, Key=key, Body=(self.folder / key).read_bytes())
        return request

    def run(self, event: object = SCHEDULE, **more: Any) -> None:  # noqa: ANN401
        """Run the notifier once, as its handler does."""
        now, where = int(datetime.now(UTC).timestamp() * 1000), self.webhook or self.hook.url
        names = [SAVE, "conference-submit"]
        fixed: dict[str, Any] = {"now": now, "wait": 0}
        Notifier(self.reading(), self.world.clients["sqs"], self.urls, names, where, **{**fixed, **more}).run(event)

    def reading(self, template: str = DEFAULT, name: str = "", **bounds: Any) -> Bucket:  # noqa: ANN401
        known = {"region": self.moto.region, "account": ACCOUNT}
        return Bucket(self.world.clients["s3"], name or self.bucket, template, known, Bounds(**bounds))

    def markers(self) -> set[str]:
        return self.reading().markers()

    def lying(self, url: str = "") -> int:
        """How many messages anybody could receive now; none is hidden."""
        found = self.moto.client("sqs").get_queue_attributes(QueueUrl=url or self.urls[0], AttributeNames=["All"])
        assert found["Attributes"]["ApproximateNumberOfMessagesNotVisible"] == "0"
        return int(found["Attributes"]["ApproximateNumberOfMessages"])


@pytest.fixture
def scene(world: World, hook: fake.Webhook, tmp_path: Path) -> Scene:
    made = Scene(world, hook, tmp_path, f"logs-{uuid.uuid4()}")
    where = {"LocationConstraint": world.moto.region}
    world.moto.client().create_bucket(Bucket=made.bucket, CreateBucketConfiguration=where)
    made.queue("dead")
    return made


def a_trace() -> str:
    return str(uuid.uuid4())


def test_three_dead_letters_are_told_once_each_and_are_still_there(scene: Scene) -> None:
    traces = [a_trace() for _ in range(3)]
    requests = [scene.ship(one) for one in traces]
    ids = {scene.send({"traceId": one}) for one in traces}
    for _ in range(3):
        scene.run()
    assert len(scene.hook.texts) == 3
    for trace, request in zip(traces, requests, strict=True):
        (told,) = [one for one in scene.hook.texts if trace in one]
        assert f"{SAVE}  request {request}  trace {trace}  ValueError: no" in told
        assert "ERROR  failed  ValueError: no" in told
        assert f"`adaptive-batching logs trace {trace}`" in told
    assert scene.markers() == ids
    assert scene.lying() == 3


def test_lines_that_are_not_there_yet_are_waited_for(scene: Scene) -> None:
    trace = a_trace()
    letter = scene.send({"traceId": trace})
    scene.run()
    assert scene.hook.texts == []
    assert scene.markers() == {f"{letter}.waited-1", f"{letter}.received-0"}
    request = scene.ship(trace)
    scene.run()
    (told,) = scene.hook.texts
    assert f"request {request}" in told


def test_after_three_looks_it_is_told_without_lines_and_says_so(scene: Scene) -> None:
    trace = a_trace()
    letter = scene.send({"traceId": trace})
    for posted in (0, 0, 1, 1):
        scene.run()
        assert len(scene.hook.texts) == posted
    (told,) = scene.hook.texts
    assert "No line of its request is on S3 after 3 looks." in told
    assert f"`adaptive-batching logs trace {trace}`" in told
    assert scene.markers() == {f"{letter}.received-0", f"{letter}.waited-1", f"{letter}.waited-2", letter}


def test_a_request_of_the_trace_that_did_not_fail_is_not_what_is_waited_for(scene: Scene) -> None:
    """The lines of submit are there before those of save."""
    trace, request = a_trace(), str(uuid.uuid4())
    submitted = Shipped(scene.folder, "conference-submit", now=datetime.now(UTC))(
        started(request), text({"message": "queued", "traceId": trace}, request=request), done(request)
    )
    scene.moto.client().put_object(Bucket=scene.bucket, Key=submitted, Body=(scene.folder / submitted).read_bytes())
    scene.send({"traceId": trace})
    scene.run()
    scene.run()
    assert scene.hook.texts == []
    scene.run()
    (told,) = scene.hook.texts
    assert f"conference-submit  request {request}" in told
    assert "No request of this trace has failed in the lines on S3." in told


def test_a_message_that_names_no_request_is_told_at_once(scene: Scene) -> None:
    scene.send({"name": "secret of a customer"})
    scene.run()
    (told,) = scene.hook.texts
    assert "It names no request." in told
    assert "secret" not in told


@pytest.mark.parametrize("answer", [500, 503, 403, 404, 429, 302, fake.DROP])
def test_a_webhook_that_is_down_gets_it_when_it_is_up_again(scene: Scene, answer: int) -> None:
    trace = a_trace()
    scene.ship(trace)
    letter = scene.send({"traceId": trace})
    scene.hook.answers = [answer]
    with pytest.raises(NotifierError) as failed:
        scene.run()
    assert "secret" not in str(failed.value)  # the webhook's URL
    assert letter not in scene.markers()
    assert scene.lying() == 1
    scene.run()
    (told,) = scene.hook.texts
    assert "received" not in told.split("\n")[0]  # by the notifier alone
    assert letter in scene.markers()


def test_a_webhook_that_nobody_listens_at(scene: Scene) -> None:
    scene.send({})
    scene.webhook = f"http://127.0.0.1:{free_port()}/services/secret"
    with pytest.raises(NotifierError, match="cannot be reached: ConnectionRefusedError"):
        scene.run()
    scene.webhook = ""
    scene.run()
    assert len(scene.hook.texts) == 1


def test_a_webhook_that_does_not_answer_has_a_deadline(hook: fake.Webhook) -> None:
    hook.answers = [fake.HANG]
    with pytest.raises(webhook.WebhookError, match="cannot be reached: TimeoutError"):
        webhook.post(hook.url, "x", patience=0.2)


@pytest.mark.parametrize("url", ["", "ftp://127.0.0.1/x", "file:///etc/passwd", "http://[::1", "http://127.0.0.1:x/"])
def test_a_url_that_is_no_webhook(url: str) -> None:
    with pytest.raises(webhook.WebhookError):
        webhook.post(url, "x")


def test_a_message_that_is_refused_is_told_without_its_lines_and_does_not_hold_up_the_others(scene: Scene) -> None:
    traces = [a_trace() for _ in range(2)]
    for one in traces:
        scene.ship(one)
        scene.send({"traceId": one})
    scene.hook.answers = [400]
    scene.run()
    assert ["The webhook refused it with its lines." in one for one in scene.hook.texts] == [True, False]
    assert [SAVE in one for one in scene.hook.texts] == [True, True]
    assert "saving" not in scene.hook.texts[0]
    assert len(scene.markers()) == 2


def test_an_alarm_is_told_with_the_newest_request_that_failed(scene: Scene) -> None:
    scene.ship(a_trace(), ago=30)
    newest = scene.ship(a_trace(), ago=3)
    scene.ship(a_trace(), function="conference-submit")
    scene.run(now_alarm())
    (told,) = scene.hook.texts
    assert told.startswith(":warning: alarm `conference-save-errors`, ")
    assert f"{SAVE}  request {newest}" in told
    assert "saving" in told
    scene.run(now_alarm())  # SNS delivers at least once
    assert len(scene.hook.texts) == 1


def now_alarm(**trigger: object) -> dict[str, Any]:
    event = alarm(**trigger)
    message = json.loads(event["Records"][0]["Sns"]["Message"])
    message["StateChangeTime"] = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}.999+0000"
    event["Records"][0]["Sns"]["Message"] = json.dumps(message)
    return event


def test_an_alarm_whose_lines_are_late_is_kept_and_told_by_a_later_look(scene: Scene) -> None:
    event = now_alarm()
    scene.run(event)
    assert scene.hook.texts == []
    request = scene.ship(a_trace())
    scene.run()
    (told,) = scene.hook.texts
    assert f"request {request}" in told
    scene.run()
    assert len(scene.hook.texts) == 1


def test_an_alarm_that_the_webhook_did_not_take_is_kept_and_the_looks_fail_until_it_does(scene: Scene) -> None:
    scene.hook.answers = [500, 500]
    scene.run(now_alarm(MetricName="Throttles"))
    with pytest.raises(NotifierError, match="answered 500"):
        scene.run()
    assert scene.hook.texts == []
    scene.run()
    scene.run()
    assert len(scene.hook.texts) == 1


def test_an_alarm_of_a_queue_of_dead_letters_tells_the_letters(scene: Scene) -> None:
    scene.send({})
    name = scene.urls[0].rpartition("/")[2]
    scene.run(now_alarm(Dimensions=[{"name": "QueueName", "value": name}]))
    (told,) = scene.hook.texts
    assert told.startswith(f":warning: dead letter in `{name}`")


def test_of_many_dead_letters_a_run_tells_some_and_the_next_ones_the_others(scene: Scene) -> None:
    for _ in range(MOST_POSTS + 2):
        scene.send({})
    scene.run()
    assert len(scene.hook.texts) == MOST_POSTS
    assert ["2 more wait and are told next." in one for one in scene.hook.texts] == [False] * (MOST_POSTS - 1) + [True]
    scene.run()
    scene.run()
    assert len(scene.hook.texts) == MOST_POSTS + 2
    assert scene.lying() == MOST_POSTS + 2


def test_while_one_run_tells_a_message_another_one_does_not_see_it(scene: Scene) -> None:
    scene.send({})
    scene.hook.answers = [fake.HANG]
    failed: list[Exception] = []

    def first() -> None:
        try:
            scene.run()
        except NotifierError as error:
            failed.append(error)

    thread = threading.Thread(target=first)
    thread.start()
    assert scene.hook.arrived.wait(30)
    scene.run()
    assert scene.hook.texts == []
    scene.hook.over.set()
    thread.join(30)
    assert failed  # its webhook did not answer
    scene.run()
    assert len(scene.hook.texts) == 1


def test_a_queue_that_is_not_there_does_not_hold_up_the_others(scene: Scene) -> None:
    scene.urls.insert(0, scene.urls[0] + "-that-is-not-there")
    scene.send({}, scene.urls[1])
    with pytest.raises(NotifierError, match="that-is-not-there: ReceiveMessage answered"):
        scene.run()
    assert len(scene.hook.texts) == 1


def test_when_it_is_late_nothing_new_is_begun_and_the_event_is_kept(scene: Scene) -> None:
    scene.send({})
    scene.run(now_alarm(MetricName="Throttles"), is_late=lambda: True)
    assert scene.hook.texts == []
    scene.run()
    assert len(scene.hook.texts) == 2


# the search in the bucket


def searched(trace: str, bucket: Bucket) -> tuple[bool, Attempt | None, Reading]:
    """Whether the search came to its end by itself, what it found, and what it read."""
    wanted = clue(trace)
    search = Search([wanted])
    reading = bucket.search(search, [wanted], [SAVE])
    return search.is_over, search.found(wanted), reading


def clue(trace: str) -> Clue:
    now = int(datetime.now(UTC).timestamp() * 1000)
    return Clue((trace,), since=now - 7_200_000, until=now)


@pytest.mark.parametrize(
    "template",
    [DEFAULT, "", "logs/", "{function}/{date}/", "{year}/{month}/{day}/{hour}/{function}/", "v={version}/{function}/"],
)
def test_lines_are_found_whatever_the_layout_is(scene: Scene, template: str) -> None:
    trace, now = a_trace(), datetime.now(UTC)
    prefix = template.replace("{version}", "$LATEST")
    for name, form in {"year": "%Y", "month": "%m", "day": "%d"}.items():
        prefix = prefix.replace(f"{{{name}}}", now.strftime(form))
    request = scene.ship(trace, prefix=prefix, ago=0)
    _, attempt, reading = searched(trace, scene.reading(template))
    assert attempt
    assert (attempt.request, reading.objects, reading.note) == (request, 1, "")


@pytest.mark.parametrize(("bounds", "read"), [({"objects": 2}, 2), ({"size": 1}, 1), ({"seconds": -1.0}, 0)])
def test_the_search_is_bounded_and_says_what_it_left_out(scene: Scene, bounds: dict[str, Any], read: int) -> None:
    for number in range(4):
        scene.ship(a_trace(), ago=number)
    is_over, _, reading = searched(a_trace(), scene.reading(**bounds))
    assert not is_over
    assert reading.objects == read
    assert reading.note.startswith(f"The search ended after {read} objects")
    if read:
        assert f"{4 - read} older ones were listed" in reading.note


def test_a_search_that_ended_in_time_leaves_nothing_out_whenever_its_time_is_over(scene: Scene) -> None:
    for number in range(3):
        scene.ship(a_trace(), ago=number, prefix="{function}/")
    wanted = clue(a_trace())
    notes = {}
    for looks in itertools.count(1):
        times = itertools.chain(itertools.repeat(0.0, looks), itertools.repeat(1e6))
        bucket = scene.reading("{function}/")
        reading = bucket.search(Search([wanted]), [wanted], [SAVE], clock=partial(next, times))
        notes[looks] = (reading.objects, bool(reading.note))
        if next(times) == 0:  # its time was not over before the end
            break
    assert set(notes.values()) == {(0, True), (1, True), (2, True), (3, False)}


def test_newer_objects_are_read_first_and_no_more_than_are_needed(scene: Scene) -> None:
    trace = a_trace()
    scene.ship(a_trace(), ago=90)
    scene.ship(trace, ago=60)
    scene.ship(a_trace(), ago=30)
    is_over, _, reading = searched(trace, scene.reading())
    assert is_over
    assert reading.objects == 2


def test_a_damaged_object_does_no_harm(scene: Scene) -> None:
    trace = a_trace()
    request = scene.ship(trace, ago=60)
    for number, damaged in enumerate((b"\x1f\x8bnot gzip", b"not json", b"")):
        key = Shipped(scene.folder, SAVE).put(b"x", datetime.now(UTC) - timedelta(seconds=number))
        scene.moto.client().put_object(Bucket=scene.bucket, Key=key, Body=damaged)
    _, attempt, reading = searched(trace, scene.reading())
    assert attempt
    assert (attempt.request, reading.objects) == (request, 4)


def test_without_the_logs_a_dead_letter_is_told_all_the_same(scene: Scene) -> None:
    """The markers are there, the objects may not be read: a key of another owner, a bucket policy."""
    bucket = scene.reading()
    letter = scene.send({"traceId": a_trace()})

    class Denied(Bucket):
        def search(self, *_: object, **__: object) -> Any:  # noqa: ANN401
            return scene.reading(name=f"{scene.bucket}-absent").search(Search([]), [clue(a_trace())], [SAVE])

    for _ in range(3):
        denied = Denied(scene.world.clients["s3"], scene.bucket, DEFAULT, {})
        with pytest.raises(NotifierError, match="logs: ListObjectsV2 answered NoSuchBucket"):
            Notifier(
                denied, scene.world.clients["sqs"], scene.urls, [SAVE], scene.hook.url, clue("x").until, wait=0
            ).run(SCHEDULE)
    (told,) = scene.hook.texts
    assert "The logs could not be read: ListObjectsV2 answered NoSuchBucket." in told
    assert letter in bucket.markers()


# the role


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


# the handler


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


def test_a_message_is_hidden_for_longer_than_a_run_takes(scene: Scene) -> None:
    for _ in range(3):
        scene.send({})
    peek = Peek(scene.world.clients["sqs"], scene.urls[0], wait=0)
    assert len(list(peek.messages(lambda: False))) == 3
    assert list(Peek(scene.world.clients["sqs"], scene.urls[0], wait=0).messages(lambda: False)) == []
    peek.give_back()
    assert scene.lying() == 3
    assert queues.HIDDEN > 90  # the timeout in template.yaml: tests/template/test_notifier.py
