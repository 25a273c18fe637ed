"""Delivery to a real listener: batches, redelivery of the same bytes, the pause, TCP, drops."""

from __future__ import annotations

import http.server
import json
import socket
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from adaptive_batching.sandbox.options import TELEMETRY
from adaptive_batching.sandbox.telemetry.backlog import BACKLOG
from adaptive_batching.sandbox.telemetry.batching import Buffering
from adaptive_batching.sandbox.telemetry.dialects import Dialect
from adaptive_batching.sandbox.telemetry.subscriber import Subscriber
from adaptive_batching.sandbox.telemetry.subscriptions import Destination, Subscription
from tests.edge.sandbox.world import eventually
from tests.fakes.network.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator


class Listener(http.server.ThreadingHTTPServer):
    """Answers with the statuses of its script, then 200; remembers method, path, Host and body of each request."""

    daemon_threads = True

    def __init__(self, *script: int) -> None:
        self.script = list(script)
        self.seen: list[tuple[str, str, str, bytes]] = []
        self.hold = threading.Event()
        self.hold.set()
        super().__init__(("127.0.0.1", 0), _Answer)
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def bodies(self) -> list[list[int]]:
        return [json.loads(body) for *_, body in self.seen]


class _Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Listener

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((self.command, self.path, self.headers["Host"], body))
        self.server.hold.wait(10)
        self.send_response(self.server.script.pop(0) if self.server.script else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_PUT = _serve  # noqa: N815 - the names that http.server looks for

    def log_message(self, *_: object) -> None:
        pass


def subscription(port: int, **changes: object) -> Subscription:
    buffering = Buffering(timeout=0.025, max_bytes=262_144, max_items=1000)
    destination = Destination("HTTP", port, "sandbox.localdomain", "/logs?x=1")
    found = Subscription(TELEMETRY, "2025-01-29", ("platform",), buffering, destination)
    return replace(found, **changes)  # type: ignore[arg-type]


@pytest.fixture
def subscribers() -> Iterator[list[Subscriber]]:
    made: list[Subscriber] = []
    yield made
    for one in made:
        one.stop()


def subscriber(subscribers: list[Subscriber], wanted: Subscription) -> Subscriber:
    made = Subscriber("tiny", wanted, Dialect(TELEMETRY, "2025-01-29"))
    subscribers.append(made)
    return made


def test_an_event_is_posted_after_the_timeout_without_another_one_pushing_it(subscribers: list[Subscriber]) -> None:
    listener = Listener()
    one = subscriber(subscribers, subscription(listener.server_port))
    one.push(b"1")
    eventually(lambda: listener.seen)
    assert listener.seen[0] == ("POST", "/logs?x=1", f"sandbox.localdomain:{listener.server_port}", b"[1]")


def test_the_item_limit_sends_before_the_timeout(subscribers: list[Subscriber]) -> None:
    listener = Listener()
    limits = Buffering(timeout=600.0, max_bytes=262_144, max_items=1000)
    one = subscriber(subscribers, subscription(listener.server_port, buffering=limits))
    for _ in range(1500):
        one.push(b"1")
    eventually(lambda: one.deliveries)
    assert [len(body) for body in listener.bodies()] == [1000]
    assert one.undelivered() == 500


@pytest.mark.parametrize("status", [400, 500, 503])
def test_07_what_is_not_answered_with_2xx_comes_again_with_the_same_bytes_and_order(
    subscribers: list[Subscriber], status: int
) -> None:
    listener = Listener(status, status)
    one = subscriber(subscribers, subscription(listener.server_port))
    one.push(b"1")
    eventually(lambda: listener.seen)
    one.push(b"2")
    eventually(lambda: len(one.deliveries) == 2)
    assert listener.bodies() == [[1], [1], [1], [2]]
    assert [(one.events, one.attempts) for one in one.deliveries] == [((b"1",), 3), ((b"2",), 1)]


def test_nobody_else_s_listener_gets_what_is_for_an_extension_that_has_ended(subscribers: list[Subscriber]) -> None:
    """Environments share this machine's ports: after a crash another one's extension may have it."""
    listener = Listener()
    one = subscriber(subscribers, subscription(listener.server_port))
    one.detach()
    one.push(b"1")
    eventually(lambda: one.failures > 1)
    one.drop_answer()
    one.resume()
    assert listener.seen == []
    one.attach()
    eventually(lambda: one.deliveries)
    assert listener.bodies() == [[1]]


def test_a_listener_that_is_not_there_yet_is_found_when_it_is(subscribers: list[Subscriber]) -> None:
    port = free_port()
    one = subscriber(subscribers, subscription(port))
    one.push(b"1")
    eventually(lambda: one.failures)
    listener = Listener()
    one.redirect(subscription(listener.server_port), one.dialect)
    eventually(lambda: one.deliveries)
    assert listener.bodies() == [[1]]


def test_a_pause_waits_for_the_post_in_flight_and_starts_no_other(subscribers: list[Subscriber]) -> None:
    listener = Listener()
    listener.hold.clear()
    one = subscriber(subscribers, subscription(listener.server_port))
    one.push(b"1")
    eventually(lambda: listener.seen)
    threading.Timer(0.1, listener.hold.set).start()
    one.pause(5.0)
    assert len(one.deliveries) == 1
    one.push(b"2")
    assert not one.flush(0.2)
    assert len(listener.seen) == 1
    one.resume()
    eventually(lambda: len(one.deliveries) == 2)
    assert listener.bodies() == [[1], [2]]


def test_flush_sends_before_any_threshold(subscribers: list[Subscriber]) -> None:
    listener = Listener()
    slow = Buffering(timeout=600.0, max_bytes=262_144, max_items=1000)
    one = subscriber(subscribers, subscription(listener.server_port, buffering=slow))
    one.push(b"1")
    assert one.flush(5.0)
    assert listener.bodies() == [[1]]


def test_a_consumer_that_never_comes_back_loses_the_oldest_and_it_is_said(subscribers: list[Subscriber]) -> None:
    one = subscriber(subscribers, subscription(free_port()))
    told: list[tuple[int, int]] = []
    one.on_dropped = lambda records, size: told.append((records, size))
    one.pause(0.1)
    for _ in range(5):
        one.push(b"x" * (BACKLOG // 4))
    assert told == [(1, BACKLOG // 4)]
    assert one.undelivered() == 4


def test_a_tcp_destination_gets_one_object_on_each_line(subscribers: list[Subscriber]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        one = subscriber(subscribers, subscription(port, destination=Destination("TCP", port)))
        one.push(b'{"a":1}')
        one.push(b'{"b":2}')
        server.settimeout(5)
        connection, _ = server.accept()
        with connection, connection.makefile("rb") as lines:
            connection.settimeout(5)
            assert [lines.readline(), lines.readline()] == [b'{"a":1}\n', b'{"b":2}\n']
