"""What bounds an attempt: silent addresses, answers without end, slow servers; both stores where both can."""

from __future__ import annotations

import json
import socket
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from extension.errors import StoreError
from extension.stores.connection import Connection, Order
from extension.stores.endpoint import Url
from extension.stores.light import LightStore
from tests.edge.extension.stores.conftest import MakeStore, an_object
from tests.edge.extension.stores.container import ContainerEndpoint
from tests.edge.extension.stores.waiting import failure
from tests.fakes.s3 import BUCKET, REGION
from tests.fakes.s3_faults import Refuse, Slow, Step
from tests.fakes.s3_scripted import ACCESS_KEY, SECRET_KEY, ScriptedS3

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fakes.listener import Connection as Accepted
    from tests.fakes.listener import Request

PATIENCE = 2.0


class Trickle(Step):
    """Stores the object, says so, and lets a body follow that comes a byte at a time and does not end."""

    def __init__(self, status: str = "200 OK", *, stored: bool = True) -> None:
        self._status, self._stored = status, stored

    def play(self, s3: ScriptedS3, connection: Accepted, request: Request) -> bool:
        connection.body(request)
        if self._stored:
            s3.store(request)
        connection.send(f'HTTP/1.1 {self._status}\r\nETag: "e"\r\nContent-Length: 1000\r\n\r\n'.encode())
        while not connection.closing.wait(0.02):
            connection.send(b".")
        return False


class Announcing(Step):
    """Nothing but 100 Continue, for ever."""

    def play(self, _s3: ScriptedS3, connection: Accepted, request: Request) -> bool:
        connection.body(request)
        while not connection.closing.wait(0.02):
            connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        return False


class Fixed(Order):
    """Gives these addresses for whatever name."""

    def __init__(self, *ports: int) -> None:
        super().__init__()
        self._ports = ports

    def of(self, _addresses: list[Any]) -> list[Any]:
        kinds = socket.AF_INET, socket.SOCK_STREAM, 0, ""
        return super().of([(*kinds, ("127.0.0.1", port)) for port in self._ports])


@pytest.fixture
def silent() -> Iterator[int]:
    """A port at which nobody answers: what comes is not even refused."""
    with closing(socket.create_server(("127.0.0.1", 0), backlog=0)) as server:
        waiting = []
        for _ in range(3):  # fill the places for those who wait to be accepted
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(server.getsockname())
            waiting.append(one)
        yield server.getsockname()[1]
        for one in waiting:
            one.close()


@pytest.mark.holds("circuit: a silent address does not starve the others of its name")
def test_behind_a_silent_address_the_next_one_is_reached_within_the_time_to_connect(silent: int) -> None:
    with ScriptedS3() as s3:
        order = Fixed(silent, s3.port)
        for _ in range(2):
            connection = Connection(PATIENCE)
            began = time.monotonic()
            connection.open(Url(s3.endpoint), None, None, order)
            took = time.monotonic() - began
            connection.close()
        assert took < 0.2  # the one that answered is tried first


def test_where_none_answers_the_next_attempt_begins_with_another_one(silent: int) -> None:
    order = Fixed(silent, silent + 1)
    with pytest.raises(OSError):  # noqa: PT011 - silence, or a refusal
        Connection(PATIENCE).open(Url("http://127.0.0.1"), None, None, order)
    assert [address[4][1] for address in order.of([])] == [silent + 1, silent]


@pytest.mark.holds("shutdown: an answer that says that the object is stored ends the attempt, whatever follows it")
def test_the_head_of_an_answer_is_enough_where_it_says_stored() -> None:
    with ScriptedS3([Trickle()]) as s3:
        store = LightStore(BUCKET, REGION, s3.environ(), print)
        began = time.monotonic()
        store.put(an_object("1.log"))
        assert time.monotonic() - began < 1.0
        store.put(an_object("2.log"))  # over a connection of its own
        assert [request.connection for request in s3.requests] == [1, 2]


def test_a_refusal_whose_document_does_not_end_is_a_refusal_all_the_same() -> None:
    with ScriptedS3([Trickle("403 Forbidden", stored=False)]) as s3:
        began = time.monotonic()
        assert failure(LightStore(BUCKET, REGION, s3.environ(), print), an_object()).status == 403
        assert time.monotonic() - began < 2.0


def test_an_answer_that_is_only_ever_announced_ends_the_attempt() -> None:
    with ScriptedS3([Announcing()]) as s3:
        began = time.monotonic()
        assert failure(LightStore(BUCKET, REGION, s3.environ(), print), an_object()).kind == StoreError.TRANSPORT
        assert time.monotonic() - began < 2 * PATIENCE + 1.0


@pytest.mark.holds(
    "circuit: a store that is slower than the patience for one attempt is waited for longer the next time"
)
def test_a_store_that_answers_after_two_and_a_half_seconds_is_heard_from_the_second_attempt_on(
    make_store: MakeStore,
) -> None:
    with ScriptedS3([Slow(2.5), Slow(2.5), Slow(2.5)]) as s3:
        store = make_store(s3.environ())
        store.warm_up()
        assert failure(store, an_object("1.log")).kind == StoreError.TRANSPORT
        store.put(an_object("2.log"))
        store.put(an_object("3.log"))
        assert {f"/{BUCKET}/2.log", f"/{BUCKET}/3.log"} <= set(s3.objects)


class Keeping(ContainerEndpoint):
    """Keeps the connection open although the request said that it is the last one; says yes to whatever comes."""

    def serve(self, connection: Accepted) -> None:
        while (request := connection.head()) is not None:
            connection.body(request)
            self.asked.append((request.method, request.path))
            keys = {"AccessKeyId": ACCESS_KEY, "SecretAccessKey": SECRET_KEY, "Token": ""}
            body = json.dumps({**keys, "Expiration": "2099-01-01T00:00:00Z"})
            connection.send(f'HTTP/1.1 200 OK\r\nETag: "e"\r\nContent-Length: {len(body)}\r\n\r\n{body}'.encode())


@pytest.mark.holds(
    "faults: a connection is used for its own destination alone: no log reaches the credentials endpoint"
)
@pytest.mark.parametrize("script", [[], [Refuse(503, "SlowDown")]])
def test_nothing_but_the_question_for_keys_reaches_the_credentials_endpoint(
    make_store: MakeStore, script: list[Step]
) -> None:
    with ScriptedS3(script) as s3, Keeping([]) as container:
        store = make_store({**container.environ(), "AWS_ENDPOINT_URL_S3": s3.endpoint})
        for number in range(3):
            try:
                store.put(an_object(f"{number}.log"))
            except StoreError as error:
                assert error.kind == StoreError.THROTTLED  # noqa: PT017 - the script's one refusal
        assert {method for method, _ in container.asked} == {"GET"}
        assert len(s3.objects) == 3 - len(script)


def test_a_request_names_what_sends_it(make_store: MakeStore) -> None:
    with ScriptedS3() as s3:
        make_store(s3.environ()).put(an_object())
        assert s3.requests[0].headers.get("user-agent")
