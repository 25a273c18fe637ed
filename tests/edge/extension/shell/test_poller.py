"""The poller against a scripted Lambda API: it asks only when it is released, and does not give up at a fault."""

import json
import threading
import time

import pytest

from extension.errors import ApiError
from extension.extensions_api import ExtensionsApi
from extension.inbox import Inbox
from extension.shell.poller import Polled, Poller
from tests.fakes.lambda_api import DROP, IDENTIFIER, Answer, LambdaApi, wait_until
from tests.fakes.listener import Connection, Listener


class Polling:
    """A registered extension whose first `event/next` is written, and its poller."""

    def __init__(self, api: LambdaApi) -> None:
        self.api = api
        self.inbox = Inbox()
        calls = ExtensionsApi(api.address)
        calls.register(("INVOKE", "SHUTDOWN"))
        calls.ask_next()
        self.poller = Poller(calls, self.inbox)
        self.poller.start()

    def next_event(self) -> dict[str, object]:
        (item,) = self.inbox.take(10.0) or [None]
        assert isinstance(item, Polled)
        event: dict[str, object] = json.loads(item.body)
        return event


@pytest.fixture
def polling(api: LambdaApi) -> Polling:
    return Polling(api)


def test_the_answer_to_the_first_event_next_arrives(polling: Polling) -> None:
    polling.api.invoke("r1")
    event = polling.next_event()
    assert (event["eventType"], event["requestId"]) == ("INVOKE", "r1")


def test_the_next_event_is_asked_for_only_when_it_is_released(polling: Polling) -> None:
    polling.api.invoke("r1")
    polling.next_event()
    polling.api.invoke("r2")
    assert polling.inbox.take(0.1) == []
    assert len(polling.api.of("next")) == 1
    polling.poller.release()
    assert polling.next_event()["requestId"] == "r2"
    assert [request.headers["lambda-extension-identifier"] for request in polling.api.of("next")] == [IDENTIFIER] * 2


def test_to_release_twice_permits_one_call(polling: Polling) -> None:
    polling.api.invoke("r1")
    polling.next_event()
    polling.poller.release()
    polling.poller.release()
    polling.api.wait_for_next(2)
    polling.api.invoke("r2")
    polling.next_event()
    polling.api.invoke("r3")
    assert polling.inbox.take(0.1) == []
    assert len(polling.api.of("next")) == 2


def test_an_event_that_takes_longer_than_any_other_call_may_is_waited_for(polling: Polling) -> None:
    begun = time.monotonic()
    assert polling.inbox.take(1.3) == []
    polling.api.shut_down()
    assert polling.next_event()["eventType"] == "SHUTDOWN"
    assert time.monotonic() - begun >= 1.3
    assert len(polling.api.of("next")) == 1


@pytest.mark.holds("faults: a failed `event/next` does not end the process")
@pytest.mark.parametrize("fault", [DROP, Answer(500), Answer(403)], ids=["dropped", "500", "403"])
def test_after_a_fault_it_asks_again_without_being_released(api: LambdaApi, fault: Answer) -> None:
    api.script["next"] = [fault, fault, fault, Answer()]
    polling = Polling(api)
    api.invoke("r1")
    assert polling.next_event()["requestId"] == "r1"
    assert len(api.of("next")) == 4


@pytest.mark.holds("faults: a failed `event/next` does not end the process")
def test_a_fault_in_the_middle_of_a_life_costs_no_event(polling: Polling) -> None:
    polling.api.invoke("r1")
    polling.next_event()
    polling.api.script["next"] = [DROP, Answer()]
    polling.api.invoke("r2")
    polling.poller.release()
    assert polling.next_event()["requestId"] == "r2"
    polling.poller.release()
    polling.api.wait_for_next(4)


class Away:
    """In the place of the calls: nobody listens at the endpoint while it is asked `refusals` times."""

    is_kept = False  # each answer ends its connection

    def __init__(self, refusals: int) -> None:
        self.refusals = refusals
        self.asked = 0

    def ask_next(self) -> None:
        self.asked += 1
        if self.asked <= self.refusals:
            raise ApiError("event/next", 0, "Connection refused")

    def receive_next(self) -> bytes:
        return b"event %d" % self.asked


@pytest.mark.holds("faults: a failed `event/next` does not end the process")
@pytest.mark.parametrize("refusals", [1, 3])
def test_an_endpoint_that_is_away_when_it_is_asked_is_asked_again(refusals: int) -> None:
    away, inbox = Away(refusals), Inbox()
    poller = Poller(away, inbox)  # type: ignore[arg-type]  # what the poller uses of it
    poller.start()
    (first,) = inbox.take(10.0)
    poller.release()
    (second,) = inbox.take(10.0)
    assert isinstance(first, Polled)
    assert isinstance(second, Polled)
    assert (first.body, second.body) == (b"event 0", b"event %d" % (refusals + 1))


class Garbling(Listener):
    """A Lambda API of `event/next` alone, whose answers are these bytes; each connection is closed behind one."""

    def __init__(self, answers: list[bytes]) -> None:
        super().__init__()
        self._answers = answers

    def serve(self, connection: Connection) -> None:
        if connection.head():
            connection.send(self._answers.pop(0))


EVENT = b'HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n"event"'


@pytest.mark.holds("faults: a garbled answer of `event/next` is a failed call")
@pytest.mark.parametrize(
    "garbled",
    [
        b"garbage\r\n\r\n",
        b"\r\n\r\n",
        b"HTTP/1.1\r\n\r\n",
        b"HTTP/1.1 \r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 ²00 OK\r\n\r\n".encode("latin-1"),
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
        b"\xff" * 100_000,
        b"",
    ],
)
def test_a_garbled_answer_is_a_failed_call_and_it_asks_again(garbled: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    with Garbling([garbled, garbled, EVENT]) as garbling:
        inbox, calls = Inbox(), ExtensionsApi(f"127.0.0.1:{garbling.port}")
        calls.ask_next()
        Poller(calls, inbox).start()
        (item,) = inbox.take(10.0)
        assert isinstance(item, Polled)
        assert item.body == b'"event"'
        assert garbling.connections == 3
    assert capfd.readouterr().err == ""


def test_a_connection_that_ends_between_two_events_is_opened_again_at_the_release_and_not_before() -> None:
    with Garbling([EVENT, EVENT]) as garbling:
        inbox, calls = Inbox(), ExtensionsApi(f"127.0.0.1:{garbling.port}")
        calls.ask_next()
        poller = Poller(calls, inbox)
        poller.start()
        (first,) = inbox.take(10.0)
        assert inbox.take(0.1) == []
        assert garbling.connections == 1
        poller.release()
        (second,) = inbox.take(10.0)
        assert isinstance(first, Polled)
        assert isinstance(second, Polled)
        assert garbling.connections == 2


class Talkative(Listener):
    """A Lambda API of `event/next` alone that says more than it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = threading.Event()

    def serve(self, connection: Connection) -> None:
        connection.head()
        connection.send(EVENT)
        self.go_on.wait(10)
        connection.send(EVENT.replace(b"event", b"loose"))
        connection.head()
        connection.send(EVENT.replace(b"event", b"other"))
        self.closing.wait(10)


def test_an_answer_that_was_not_asked_for_is_no_event() -> None:
    with Talkative() as talkative:
        inbox, calls = Inbox(), ExtensionsApi(f"127.0.0.1:{talkative.port}")
        calls.ask_next()
        poller = Poller(calls, inbox)
        poller.start()
        (first,) = inbox.take(10.0)
        talkative.go_on.set()
        assert inbox.take(0.1) == []
        poller.release()
        (second,) = inbox.take(10.0)
        assert isinstance(first, Polled)
        assert isinstance(second, Polled)
        assert (first.body, second.body) == (b'"event"', b'"other"')


class Failing:
    """In the place of the calls: waiting for an event raises this a few times."""

    is_kept = False  # each answer ends its connection

    def __init__(self, fault: BaseException, times: int) -> None:
        self.fault = fault
        self.times = times
        self.asked = 0

    def ask_next(self) -> None:
        self.asked += 1

    def receive_next(self) -> bytes:
        if self.asked < self.times:
            raise self.fault
        return b"event"


@pytest.mark.holds("faults: a thread that is needed and ends is said, and replaced")
@pytest.mark.parametrize("fault", [IndexError("secret"), SystemExit("secret"), MemoryError()], ids=repr)
def test_a_poller_that_ends_is_said_and_started_again(fault: BaseException, capfd: pytest.CaptureFixture[str]) -> None:
    failing, inbox = Failing(fault, 2), Inbox()
    Poller(failing, inbox).start()  # type: ignore[arg-type]  # what the poller uses of it
    (item,) = inbox.take(10.0)
    assert isinstance(item, Polled)
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert [line["message"] for line in lines] == ["internal error: the poller failed, it is started again"] * 2
    assert f"{type(fault).__name__} at extension.shell.threads:" in lines[0]["why"]
    assert "secret" not in str(lines)


def test_it_does_not_hammer_an_endpoint_that_refuses(api: LambdaApi) -> None:
    api.script["next"] = [Answer(500)]
    Polling(api)
    wait_until(lambda: len(api.of("next")) >= 5, "five attempts")
    moments = [request.moment for request in api.of("next")[:5]]
    assert moments[4] - moments[3] > 1.5 * (moments[2] - moments[1])
