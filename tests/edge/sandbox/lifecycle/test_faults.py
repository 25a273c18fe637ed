"""Each fault strikes where it says, over real sockets and processes."""

from __future__ import annotations

import socket
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import requests

from adaptive_batching.sandbox.faults import parse
from adaptive_batching.sandbox.http_server import Answer, Request, Server
from adaptive_batching.sandbox.lifecycle import shutdown
from adaptive_batching.sandbox.options import TELEMETRY
from adaptive_batching.sandbox.s3 import proxy as s3_proxy
from adaptive_batching.sandbox.s3.proxy import S3Proxy
from adaptive_batching.sandbox.telemetry.dialects import Dialect
from adaptive_batching.sandbox.telemetry.subscriber import Subscriber
from tests.edge.sandbox.protocol.test_delivery import Listener, subscription
from tests.edge.sandbox.world import environment, eventually, function, records

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def subscriber(listener: Listener, faults: str, *, redeliver: bool = True) -> Iterator[Subscriber]:
    dialect = Dialect(TELEMETRY, "2025-01-29")
    made = Subscriber("tiny", subscription(listener.server_port), dialect, parse(faults, 7), redeliver=redeliver)
    yield made
    made.stop()


def test_07_duplicate_mode_delivers_the_same_batch_twice() -> None:
    listener = Listener()
    with subscriber(listener, "duplicate=1x1") as one:
        one.push(b"1")
        eventually(lambda: len(one.deliveries) == 2)
        assert listener.bodies() == [[1], [1]]


def test_07_out_of_order_mode_changes_the_order_and_keeps_the_events_and_replays() -> None:
    seen = []
    for _ in range(2):
        listener = Listener()
        with subscriber(listener, "shuffle=1") as one:
            one.pause(1.0)
            for number in range(50):
                one.push(str(number).encode())
            one.resume()
            eventually(lambda: one.deliveries)
        (body,) = listener.bodies()
        assert body != sorted(body)
        assert sorted(body) == list(range(50))
        seen.append(body)
    assert seen[0] == seen[1]


def test_07_drop_mode_gives_up_and_says_so() -> None:
    listener = Listener(500)
    told: list[tuple[int, int]] = []
    with subscriber(listener, "", redeliver=False) as one:
        one.on_dropped = lambda count, size: told.append((count, size))
        one.push(b"1")
        eventually(lambda: told)
        one.push(b"2")
        eventually(lambda: one.deliveries)
    assert told == [(1, 1)]
    assert listener.bodies() == [[1], [2]]


def test_07_split_mode_cuts_a_large_record_over_two_bodies_and_counts_it_once() -> None:
    listener = Listener()
    whole = b'{"time":"T1","type":"function","record":"' + b"A" * 300_000 + b'"}'
    with subscriber(listener, "") as one:
        one.push(whole)
        eventually(lambda: len(one.deliveries) == 2)
        first, second = (body for *_, body in listener.seen)
        assert first.startswith(b'[{"time":"T1","type":"function","record":"AAAA')
        assert first.endswith(b"AAAA}]")
        assert second.endswith(b'AAAA"}]')
        assert [event for delivery in one.deliveries for event in delivery.events] == [whole]


def test_late_telemetry_comes_after_the_shutdown_event(tmp_path: Path) -> None:
    late = function(tmp_path, variables={"LINGER": "0.5", "TYPES": '["platform"]'})
    with environment(late, faults=parse("late")) as env:
        env.invoke({})
        leaving = time.time()
    (report,) = (one for one in env.deliveries if b"platform.report" in b"".join(one.events))
    assert report.at - leaving >= shutdown.LATE
    assert env.options.faults.struck == {"late": 1}


@pytest.mark.parametrize(
    ("fault", "error_type"), [("kill-extension", "Extension.Crash"), ("kill-runtime", "Runtime.ExitError")]
)
def test_a_process_is_killed_in_the_middle_and_the_next_invocation_works(
    tmp_path: Path, fault: str, error_type: str
) -> None:
    with environment(function(tmp_path), faults=parse(f"{fault}=1x1")) as env:
        broken, again = env.invoke({"sleep": 2}), env.invoke({})
    assert broken.json()["errorType"] == error_type
    assert again.function_error is None


def test_tmp_is_wiped_before_the_invocation(tmp_path: Path) -> None:
    with environment(function(tmp_path), faults=parse("wipe-tmp=1x2")) as env:
        assert [env.invoke({"write": name}).json()["tmp"] for name in "abc"] == [["a"], ["b"], ["b", "c"]]


def test_a_freeze_that_does_not_wait_for_the_post_in_flight_loses_nothing(tmp_path: Path) -> None:
    with environment(function(tmp_path), faults=parse("cut-post")) as env:
        for _ in range(5):
            env.invoke({"print": "x"})
    starts = [one["record"]["requestId"] for one in records(env, "platform.start")]
    assert len(set(starts)) == 5


class Upstream:
    """An S3 that stores what it is PUT."""

    def __init__(self) -> None:
        self.stored: dict[str, bytes] = {}
        self.server = Server(self._handle)

    def _handle(self, request: Request) -> Answer:
        if request.method == "PUT":
            self.stored[request.path] = request.body
        return Answer(200, self.stored.get(request.path, b""), {"ETag": '"x"'})


@contextmanager
def proxied(faults: str) -> Iterator[tuple[Upstream, S3Proxy]]:
    upstream = Upstream()
    proxy = S3Proxy(f"http://{upstream.server.address}", parse(faults))
    yield upstream, proxy
    proxy.stop()
    upstream.server.stop()


def put(proxy: S3Proxy, timeout: float = 5.0) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.put(f"{proxy.endpoint}/b/k", data=b"body", timeout=timeout)


STATUSES = [("s3-500", 500, "InternalError"), ("s3-503", 503, "SlowDown"), ("s3-403", 403, "AccessDenied")]


@pytest.mark.parametrize(("fault", "status", "code"), STATUSES)
def test_a_put_is_refused_n_times_and_then_stored(fault: str, status: int, code: str) -> None:
    with proxied(f"{fault}=1x2") as (upstream, proxy):
        answers = [put(proxy) for _ in range(3)]
        assert [one.status_code for one in answers] == [status, status, 200]
        assert code in answers[0].text
        assert upstream.stored == {"/b/k": b"body"}
        assert proxy.puts == [("/b/k", fault), ("/b/k", fault), ("/b/k", "")]


@pytest.mark.parametrize(("fault", "stored"), [("s3-drop-before", {}), ("s3-drop-after", {"/b/k": b"body"})])
def test_the_connection_is_cut_before_or_after_storing(fault: str, stored: dict[str, bytes]) -> None:
    with proxied(fault) as (upstream, proxy):
        with pytest.raises(requests.ConnectionError):
            put(proxy)
        assert upstream.stored == stored


@pytest.mark.parametrize(("fault", "stored"), [("s3-black-hole", {}), ("s3-stall-after", {"/b/k": b"body"})])
def test_no_answer_comes(fault: str, stored: dict[str, bytes]) -> None:
    with proxied(fault) as (upstream, proxy):
        with pytest.raises(requests.ReadTimeout):
            put(proxy, timeout=0.3)
        assert upstream.stored == stored


def test_a_slow_put_is_stored_and_answered_late() -> None:
    with proxied("s3-slow") as (upstream, proxy):
        began = time.monotonic()
        assert put(proxy).status_code == 200
        assert time.monotonic() - began >= s3_proxy.SLOW
        assert upstream.stored


def test_what_is_not_a_put_passes() -> None:
    with proxied("s3-500") as (_, proxy), requests.Session() as session:
        session.trust_env = False
        assert session.get(f"{proxy.endpoint}/b/k", timeout=5).status_code == 200
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(proxy.endpoint.rpartition(":")[2])), 1.0)
