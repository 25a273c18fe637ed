"""The handlers of functions/conference against moto's SQS and DynamoDB and a webhook on this machine.

Lines are written by the formatter of Lambda's own runtime, which makes JSON of them.
"""

from __future__ import annotations

import base64
import importlib
import json
import logging
import re
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from awslambdaric.lambda_runtime_log_utils import JsonFormatter  # type: ignore[import-untyped]

from adaptive_batching.logs.reading import Reading
from adaptive_batching.sandbox.http_server import Answer, Request, Server
from tests.fakes import s3
from tests.fakes.shipped import Shipped, text
from tests.unit.walls import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOLDER = ROOT / "functions" / "conference"
NAMES = ("submit", "save", "notify", "trail")
TABLE, CACHE = "sessions", "cache"
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
XRAY = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"


@dataclass(frozen=True)
class Context:
    """What a handler reads of Lambda's context."""

    function_name: str
    aws_request_id: str = "8b133862-5331-4ded-8b4e-2c1c1b0e8ec0"


@dataclass
class Lines(logging.Handler):
    """Keeps what the runtime would write."""

    found: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.setFormatter(JsonFormatter())

    __hash__ = logging.Handler.__hash__

    def emit(self, record: logging.LogRecord) -> None:
        self.found.append(json.loads(self.format(record)))

    def of(self, member: str) -> list[Any]:
        return [line[member] for line in self.found if member in line]


@dataclass
class Conference:
    """The three handlers, what they wrote, and moto."""

    moto: s3.Moto
    queue: str
    lines: Lines
    modules: dict[str, Any]

    def call(self, name: str, event: dict[str, Any]) -> Any:  # noqa: ANN401 - any JSON
        return self.modules[name].handler(event, Context(f"conference-{name}"))

    def post(self, body: object, **more: object) -> tuple[int, dict[str, Any]]:
        given = body if isinstance(body, str) else json.dumps(body)
        answer = self.call("submit", {"httpMethod": "POST", "path": "/sessions", "body": given, **more})
        assert answer["headers"] == {"Content-Type": "application/json"}
        return answer["statusCode"], json.loads(answer["body"])

    def queued(self) -> list[dict[str, Any]]:
        """The messages, which are then deleted."""
        sqs = self.moto.client("sqs")
        found: list[dict[str, Any]] = []
        while more := sqs.receive_message(QueueUrl=self.queue, AttributeNames=["All"]).get("Messages", []):
            for one in more:
                sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=one["ReceiptHandle"])
            found += more
        return found

    def items(self, table: str) -> dict[str, dict[str, Any]]:
        """The items, by session."""
        found = self.moto.client("dynamodb").scan(TableName=table)["Items"]
        return {item["sessionId"]["S"]: {name: value["S"] for name, value in item.items()} for item in found}


@pytest.fixture(scope="module")
def deployed() -> Iterator[Conference]:
    with s3.moto() as moto, pytest.MonkeyPatch.context() as patch:
        queue = moto.client("sqs").create_queue(QueueName="sessions")["QueueUrl"]
        for name in (TABLE, CACHE):
            moto.client("dynamodb").create_table(
                TableName=name,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": "sessionId", "AttributeType": "S"}],
                KeySchema=[{"AttributeName": "sessionId", "KeyType": "HASH"}],
            )
        variables = {"QUEUE_URL": queue, "TABLE": TABLE, "CACHE_TABLE": CACHE, "AWS_DEFAULT_REGION": moto.region}
        for variable, value in {**s3.clean_environ(), **moto.environ(), **variables}.items():
            patch.setenv(variable, value)
        patch.setenv("AWS_ENDPOINT_URL", moto.endpoint)
        patch.syspath_prepend(FOLDER)
        lines = Lines()
        modules = {name: importlib.import_module(name) for name in NAMES}
        logging.getLogger("conference").addHandler(lines)
        yield Conference(moto, queue, lines, modules)
        logging.getLogger("conference").removeHandler(lines)
        for name in NAMES:
            del sys.modules[name]


@pytest.fixture
def conference(deployed: Conference) -> Conference:
    deployed.queued()
    deployed.lines.found.clear()
    return deployed


@dataclass
class Webhook:
    """What was posted, and what is answered."""

    status: int = 200
    bodies: list[bytes] = field(default_factory=list)

    def __call__(self, request: Request) -> Answer:
        self.bodies.append(request.body)
        return Answer(self.status, b"")


@pytest.fixture
def webhook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Webhook]:
    taken = Webhook()
    server = Server(taken, 0, ())
    monkeypatch.setenv("WEBHOOK_URL", f"http://{server.address}/services/SECRET")
    yield taken
    server.stop()


def message(subject: str = "Queues", session: str = "s-1") -> dict[str, Any]:
    body = {"traceId": "t-1", "sessionId": session, "session": {"subject": subject, "duration": 20}}
    return {"Records": [{"messageId": "m-1", "body": json.dumps(body)}]}


def inserted(subject: str = "Queues", kind: str = "INSERT") -> dict[str, Any]:
    image = {"sessionId": {"S": "s-1"}, "traceId": {"S": "t-1"}, "subject": {"S": subject}}
    return {"Records": [{"eventName": kind, "dynamodb": {"NewImage": image}}]}


def test_a_session_is_queued_with_the_ids_that_the_answer_names(
    conference: Conference, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", XRAY)
    session = {"subject": "Queues", "speaker": {"firstName": "Ada"}}
    status, ids = conference.post(session)
    assert (status, set(ids)) == (202, {"sessionId", "traceId"})
    assert all(UUID.fullmatch(one) for one in ids.values())
    (queued,) = conference.queued()
    assert json.loads(queued["Body"]) == {**ids, "session": session}
    assert queued["Attributes"]["AWSTraceHeader"] == XRAY
    assert conference.lines.of("milestone") == ["CREATE_REQUEST_RECEIVED", "REQUEST_QUEUED"]
    assert conference.lines.of("span") == ["SQS.SendMessage"]


def test_each_line_has_what_finds_it_and_the_runtimes_own_members(conference: Conference, webhook: Webhook) -> None:
    _, ids = conference.post({"subject": "Queues"})
    (queued,) = conference.queued()
    conference.call("save", {"Records": [{"body": queued["Body"]}]})
    conference.call("notify", {"Records": [{"eventName": "INSERT", "dynamodb": {"NewImage": image(conference, ids)}}]})
    assert len(webhook.bodies) == 1
    for line in conference.lines.found:
        assert {name: line[name] for name in ids} == ids, line
        assert line["AWSRequestId"] == Context("").aws_request_id
        assert {"timestamp", "level", "message", "functionName"} <= set(line)
    assert conference.lines.of("milestone") == [
        *("CREATE_REQUEST_RECEIVED", "REQUEST_QUEUED", "SAVE_REQUEST_RECEIVED", "SAVED_IN_DATABASE"),
        *("NOTIFICATION_RECEIVED", "SLACK_NOTIFICATION_NEW_SESSION_SENT"),
    ]
    assert list(dict.fromkeys(conference.lines.of("functionName"))) == [
        *("conference-submit", "conference-save", "conference-notify")
    ]


def image(conference: Conference, ids: dict[str, str]) -> dict[str, Any]:
    return {name: {"S": value} for name, value in conference.items(TABLE)[ids["sessionId"]].items()}


BAD = {
    "": "the body is not JSON",
    "{": "the body is not JSON",
    "\udce4": "the body is not JSON",
    "[]": "the body is not an object with a text `subject`",
    "{}": "the body is not an object with a text `subject`",
    '{"subject": 7}': "the body is not an object with a text `subject`",
    '{"subject": " "}': "the body is not an object with a text `subject`",
    json.dumps({"subject": "x" * 100_000}): "the body has 100015 bytes; a session has at most 100000",
}


@pytest.mark.parametrize("body", BAD, ids=range(len(BAD)))
def test_a_body_that_is_no_session_is_refused_in_a_sentence_and_not_queued(conference: Conference, body: str) -> None:
    status, answer = conference.post(body)
    assert (status, answer["error"]) == (400, BAD[body])
    assert conference.queued() == []
    assert conference.lines.of("milestone") == ["CREATE_REQUEST_RECEIVED"]
    assert {"level": "WARNING", "message": BAD[body], "traceId": answer["traceId"]}.items() <= conference.lines.found[
        -1
    ].items()


def test_a_body_may_be_in_base64_and_missing(conference: Conference) -> None:
    encoded = base64.b64encode(b'{"subject": "Queues"}').decode()
    assert conference.post(encoded, isBase64Encoded=True)[0] == 202
    assert conference.post("not base64!", isBase64Encoded=True)[0] == 400
    assert conference.call("submit", {"httpMethod": "POST", "body": None})["statusCode"] == 400


def test_what_is_saved_is_in_the_table_and_listed(conference: Conference) -> None:
    conference.call("save", message("Traces", "s-7"))
    saved = conference.items(TABLE)["s-7"]
    assert json.loads(saved.pop("session")) == {"subject": "Traces", "duration": 20}
    assert saved == {"sessionId": "s-7", "traceId": "t-1", "subject": "Traces"}
    listed = json.loads(conference.call("submit", {"httpMethod": "GET", "path": "/sessions"})["body"])
    assert {"sessionId": "s-7", "subject": "Traces"} in listed["sessions"]
    assert listed["more"] is False
    assert conference.lines.of("milestone") == ["SAVE_REQUEST_RECEIVED", "SAVED_IN_DATABASE"]


def test_a_session_that_cannot_be_saved_raises_says_why_and_is_nowhere(
    conference: Conference, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAILS_ON", "poison")
    with pytest.raises(ValueError, match=r"^this subject cannot be saved$"):
        conference.call("save", message("a poisoned subject", "s-8"))
    conference.call("save", message("Traces", "s-9"))
    assert {"s-8", "s-9"} & (conference.items(TABLE).keys() | conference.items(CACHE).keys()) == {"s-9"}
    (error,) = [line for line in conference.lines.found if line["level"] == "ERROR"]
    assert (error["exception"], error["sessionId"]) == ("ValueError: this subject cannot be saved", "s-8")
    failed = [line["faults"] for line in conference.lines.found if line.get("span") == "Sessions.saveSessionDynamoDB"]
    assert failed == [1, 0]


@pytest.mark.parametrize("fails_on", ["", None])
def test_without_a_text_nothing_fails(
    conference: Conference, monkeypatch: pytest.MonkeyPatch, fails_on: str | None
) -> None:
    if fails_on is not None:
        monkeypatch.setenv("FAILS_ON", fails_on)
        monkeypatch.setenv("SLEEP_SECONDS", "")
    conference.call("save", message())
    assert "ERROR" not in conference.lines.of("level")


def test_a_sleep_is_in_the_span_of_saving_and_in_none_within_it(
    conference: Conference, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLEEP_SECONDS", "0.25")
    conference.call("save", message())
    spans = [(line["span"], line.get("table"), line["durationMs"]) for line in conference.lines.found if "span" in line]
    assert [span[:2] for span in spans] == [
        ("DynamoDB.PutItem", "sessions"),
        ("Sessions.saveSessionDynamoDB", None),
        ("DynamoDB.PutItem", "cache"),
        ("Sessions.cacheSession", None),
    ]
    assert spans[1][2] - spans[0][2] >= 250
    assert spans[3][2] >= spans[2][2]


def test_the_webhook_gets_what_slack_takes_and_nothing_can_ping(conference: Conference, webhook: Webhook) -> None:
    conference.call("notify", inserted('<!channel> & "us"'))
    assert [json.loads(body) for body in webhook.bodies] == [{"text": 'New session: &lt;!channel&gt; &amp; "us"'}]


def test_an_item_that_is_written_again_is_not_told_again(conference: Conference, webhook: Webhook) -> None:
    conference.call("notify", inserted(kind="MODIFY"))
    conference.call("notify", {"Records": [{"eventName": "REMOVE", "dynamodb": {}}]})
    assert (webhook.bodies, conference.lines.found) == ([], [])


def test_a_webhook_that_refuses_raises_and_its_url_is_in_no_line(
    conference: Conference, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook.status = 503
    with pytest.raises(OSError, match="503"):
        conference.call("notify", inserted())
    for url in ("ftp://SECRET", "SECRET", "http://127.0.0.1:9/SECRET"):
        monkeypatch.setenv("WEBHOOK_URL", url)
        with pytest.raises((OSError, ValueError)) as raised:
            conference.call("notify", inserted())
        assert "SECRET" not in str(raised.value)
    assert conference.lines.of("milestone") == ["NOTIFICATION_RECEIVED"] * 4
    assert [line for line in conference.lines.found if "SECRET" in json.dumps(line)] == []


def test_without_a_webhook_a_line_says_so(conference: Conference, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBHOOK_URL", "")
    conference.call("notify", inserted())
    assert conference.lines.of("milestone") == ["NOTIFICATION_RECEIVED"]
    assert conference.lines.found[-1]["message"] == "nobody is notified: the parameter WebhookUrl is empty"


def test_each_request_that_leaves_is_a_line_of_embedded_metric_format(conference: Conference, webhook: Webhook) -> None:
    """As CloudWatch specifies it: metrics are members with numbers, dimensions members with texts."""
    conference.post({"subject": "Queues"})
    conference.call("submit", {"httpMethod": "GET"})
    conference.call("save", message())
    conference.call("notify", inserted())
    assert webhook.bodies
    metrics = [line for line in conference.lines.found if "_aws" in line]
    assert [line["span"] for line in metrics] == [
        *("SQS.SendMessage", "DynamoDB.Scan", "DynamoDB.PutItem", "DynamoDB.PutItem", "Webhook.Post")
    ]
    for line in metrics:
        (directive,) = line["_aws"]["CloudWatchMetrics"]
        assert datetime.fromtimestamp(line["_aws"]["Timestamp"] / 1000, UTC).year >= 2025
        assert set(directive) == {"Namespace", "Dimensions", "Metrics"}
        assert all(isinstance(line[name], str) for names in directive["Dimensions"] for name in names)
        assert [one["Name"] for one in directive["Metrics"]] == ["durationMs", "requests", "faults"]
        assert {one["Unit"] for one in directive["Metrics"]} <= {"Milliseconds", "Count"}
        assert all(isinstance(line[one["Name"]], int | float) for one in directive["Metrics"])


def test_the_reading_tools_find_milestones_spans_and_exceptions_in_these_lines(
    conference: Conference, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FAILS_ON", "poison")
    conference.call("save", message())
    with pytest.raises(ValueError, match="cannot be saved"):
        conference.call("save", message("poison"))
    Shipped(tmp_path / "logs", "conference-save")(*[text(line, request="r-1") for line in conference.lines.found])
    with Reading(str(tmp_path / "logs"), cache=tmp_path / "cache").open() as logs:
        columns = "level, trace_id, milestone, span, duration_ms is not null, error"
        found = logs.connection.execute(f"select {columns} from logs order by sequence").fetchall()
    error = "ValueError: this subject cannot be saved"
    saving = ("INFO", "t-1", "SAVE_REQUEST_RECEIVED", None, False, None)
    span = ("INFO", "t-1", None, "Sessions.saveSessionDynamoDB", True, None)
    put = ("INFO", "t-1", None, "DynamoDB.PutItem", True, None)
    cached = ("INFO", "t-1", None, "Sessions.cacheSession", True, None)
    saved = ("INFO", "t-1", "SAVED_IN_DATABASE", None, False, None)
    failed = ("ERROR", "t-1", None, None, False, error)
    assert found == [saving, put, span, saved, put, cached, saving, span, failed]
