"""A small load on the conference, played once: what was sent, what is left and what the logs say are the same."""

from __future__ import annotations

import contextlib
import io
import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from adaptive_batching.cli import main
from adaptive_batching.console import Console
from adaptive_batching.load import local
from adaptive_batching.logs.reading import Reading
from adaptive_batching.logs.report.document import Wish, document
from adaptive_batching.sandbox.cli.landscape import scenario
from adaptive_batching.sandbox.cli.landscape.accounts import LOGGED, Left, Logged, accounts
from adaptive_batching.sandbox.fleet.aws.clients import Clients
from adaptive_batching.sandbox.mock import stubs
from adaptive_batching.sandbox.mock.service import Mock
from adaptive_batching.sandbox.s3 import embedded
from tests.e2e.conftest import LAYER, ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from adaptive_batching.sandbox.landscape.landscape import Landscape

SESSIONS = 3
SCRIPT = """
config:
  phases: [{{duration: {seconds}, arrivalCount: {count}}}]
scenarios:
  - flow: [{{post: {{url: /sessions, json: {{subject: {subject}}}}}}}]
"""
#: Seconds that a save sleeps, and for which a message is then hidden. moto looks once a second for messages that have
#: become visible again.
SLEEP, TOO_SHORT = 3, 1
DEADLINE = 90.0


@dataclass(frozen=True)
class Run:
    """What came of the run. `double` is the trace of the session that was hidden for too short a time."""

    left: Left
    double: str
    source: str
    cache: Path
    said: str

    def asked(self) -> list[Logged]:
        with Reading(self.source, cache=self.cache).open() as logs:
            return [Logged(*row) for row in logs.connection.execute(LOGGED).fetchall()]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("landscape")
    wanted = scenario.Wanted(
        ROOT / "template.yaml",
        LAYER,
        folder / "load.yaml",
        folder / "logs",
        parameters={"SaveFailsOn": "poison", "SaveSleepSeconds": str(SLEEP)},
    )
    said = io.StringIO()
    err = Console(said)

    def send(subject: str, count: int = 1) -> list[str]:
        wanted.script.write_text(SCRIPT.format(subject=subject, count=count, seconds=count / 3))
        return scenario.accepted(scenario.load(wanted, landscape.http_url, err))

    mapping = {"request": {"url": "/webhook"}, "response": {"status": 200}}
    with Mock(stubs.read(json.dumps(mapping))) as mock, scenario.conference(wanted, mock, err) as landscape:
        look, queue = scenario.Look(landscape, mock), Queue(landscape)
        sent = send("Queues", SESSIONS)
        queue.wait_until_received()
        queue.hide(TOO_SHORT, times=100)
        sent += send("Time")  # ends the request for messages that began before
        queue.wait_until_received()
        (double,) = send("Retries")
        sent.append(double)
        assert scenario.drained(look, sent, DEADLINE, err) == ""
        queue.wait_until_empty()
        queue.hide(TOO_SHORT, times=2)
        sent += send("poison")
        assert scenario.drained(look, sent, DEADLINE, err) == ""
        queue.wait_until_empty()
        landscape.finish()
        left = look.left(sent)
        scenario.copy(landscape, wanted.into)
    return Run(left, double, str(wanted.into), folder / "cache", said.getvalue())


class Queue:
    """The queue of the conference."""

    def __init__(self, landscape: Landscape) -> None:
        self._sqs: Any = Clients(landscape.endpoint, embedded.REGION)("sqs")
        self._url, self._dead = landscape.queue("ConferenceQueue"), landscape.queue(scenario.DEAD)

    def hide(self, seconds: int, times: int) -> None:
        """From now on, hide a message for so long, and give it up when it was received so many times."""
        arn = self._attributes(self._dead)["QueueArn"]
        redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": times})
        attributes = {"VisibilityTimeout": str(seconds), "RedrivePolicy": redrive}
        self._sqs.set_queue_attributes(QueueUrl=self._url, Attributes=attributes)

    def wait_until_received(self) -> None:
        """Wait until no message is visible."""
        self._wait_until(lambda: not self._count(""))

    def wait_until_empty(self) -> None:
        """Wait until no message is visible or hidden."""
        self._wait_until(lambda: not self._count("") and not self._count("NotVisible"))

    def _wait_until(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + DEADLINE
        while not holds():
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def _count(self, which: str) -> int:
        return int(self._attributes(self._url)[f"ApproximateNumberOfMessages{which}"])

    def _attributes(self, url: str) -> dict[str, str]:
        found: dict[str, str] = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return found


def test_what_was_sent_and_what_is_left_is_what_the_logs_say(run: Run) -> None:
    found = accounts(run.left, run.asked())
    assert [one.sentence for one in found if not one.agree] == []
    # One is poisoned. The session that is saved twice is one item, and told once.
    assert [one.found for one in found] == [SESSIONS + 3, 1, SESSIONS + 2, SESSIONS + 2]


def test_the_report_names_what_fails_and_what_of_the_slowest_span_is_unaccounted_for(run: Run) -> None:
    with Reading(run.source, cache=run.cache).open() as logs:
        assert logs.complete().whole
        found = {one["kind"]: one for one in document(logs, Wish(), run.source, datetime.now(UTC))["findings"]}
    failing, slow = found["failing"], found["slow"]
    assert [failing[name] for name in ("function", "exception", "never_reached", "traces")] == [
        *("conference-save", "ValueError: this subject cannot be saved", "SAVED_IN_DATABASE", 1)
    ]
    assert (slow["function"], slow["span"]) == ("conference-save", "Sessions.saveSessionDynamoDB")
    assert [one["span"] for one in slow["within"]] == ["DynamoDB.PutItem"]
    assert slow["p50_ms"] > slow["unaccounted_ms"] >= SLEEP * 1000


def test_a_trace_tells_of_a_message_that_came_back_while_it_was_being_saved(run: Run) -> None:
    out = io.StringIO()
    words = ["logs", "trace", run.double, run.source, "--cache", str(run.cache), "--format", "json"]
    with contextlib.redirect_stdout(out):
        assert main(words) == 0
    trace = json.loads(out.getvalue())
    saves = [row for row in trace["rows"] if row.get("function") == "conference-save"]
    assert len(saves) >= 2
    assert len({row["request"] for row in saves}) == len(saves)
    saved = [line for line in trace["lines"] if line["milestone"] == "SAVED_IN_DATABASE"]
    assert len(saved) == len(saves)
    begun = [datetime.fromisoformat(row["begin"]) for row in saves]
    # The second one begins while the first one works: that is how it is told from a retry.
    assert (begun[1] - begun[0]).total_seconds() * 1000 < saves[0]["duration_ms"]
    assert trace["milestones"][-1] == "SLACK_NOTIFICATION_NEW_SESSION_SENT"


def test_a_smoke_test_follows_a_session_to_its_notification(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with Mock(stubs.read('{"request": {"url": "/webhook"}}')) as mock:
        given = [("Conference", "true"), ("MaxDelayMilliseconds", "1000"), ("WebhookUrl", f"{mock.url}/webhook")]
        landscape = local.landscape(ROOT / "template.yaml", given, (LAYER,), print)
        with local.running(landscape, print) as url:
            capsys.readouterr()
            words = ["--target", f"{url}/sessions", "--json", '{"subject": "a smoke test"}', "--expect", "202"]
            words += ["--logs", *local.buckets(landscape), "--milestone", "SLACK_NOTIFICATION_NEW_SESSION_SENT"]
            assert main(["smoke", *words, "--webhook-saw", f"{mock.url}/webhook=a smoke test"]) == 0
            said = capsys.readouterr()
    assert said.err.endswith("passed\n")
    assert {f"conference-{one}" in said.out for one in ("submit", "save", "notify")} == {True}
