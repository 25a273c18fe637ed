"""One contract, two stores: an attempt that is given up ends, and sends no more."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from extension.errors import StoreError
from tests.edge.extension.stores.conftest import MakeStore, an_object
from tests.edge.extension.stores.waiting import KEYS_AND_REGION, MEGABYTE, in_thread
from tests.fakes.lambda_api import wait_until
from tests.fakes.listener import Connection, Listener, Request
from tests.fakes.network.certificates import TestAuthority
from tests.fakes.s3 import BUCKET
from tests.fakes.s3_faults import BlackHole, Deaf, Fine, Step
from tests.fakes.s3_scripted import ScriptedS3

if TYPE_CHECKING:
    from pathlib import Path


class ReadLater:
    """Reads the body when the test says so."""

    def __init__(self) -> None:
        self.now = threading.Event()
        self.cut = threading.Event()

    def play(self, s3: ScriptedS3, connection: Connection, request: Request) -> bool:
        self.now.wait(10)
        try:
            connection.body(request)
        except OSError:
            self.cut.set()
            return False
        s3.store(request)
        return False


class SilentServer(Listener):
    """Accepts and says nothing."""

    def serve(self, connection: Connection) -> None:
        connection.closing.wait()


class TestCancel:
    @pytest.mark.parametrize("step", [BlackHole(), Deaf()], ids=lambda s: type(s).__name__)
    @pytest.mark.parametrize("size", [100, 30 * MEGABYTE])
    def test_it_ends_the_attempt_and_the_store_serves_on(self, make_store: MakeStore, step: Step, size: int) -> None:
        with ScriptedS3([step]) as s3:
            store = make_store(s3.environ())
            store.warm_up()
            thread, outcome = in_thread(lambda: store.put(an_object("1.log", b"x" * size)))
            wait_until(lambda: s3.requests, "the request")
            start = time.monotonic()
            store.cancel()
            assert time.monotonic() - start < 0.1
            thread.join(5)
            assert time.monotonic() - start < 1.0
            assert isinstance(outcome[0], StoreError)
            assert outcome[0].kind == StoreError.ABANDONED
            assert s3.objects == {}
            store.put(an_object("2.log"))
            assert list(s3.objects) == [f"/{BUCKET}/2.log"]

    def test_over_a_kept_connection_it_is_not_taken_for_a_dead_one(self, make_store: MakeStore) -> None:
        with ScriptedS3([Fine(), BlackHole()]) as s3:
            store = make_store(s3.environ())
            store.put(an_object("1.log"))
            thread, outcome = in_thread(lambda: store.put(an_object("2.log")))
            wait_until(lambda: len(s3.requests) == 2, "the second request")
            store.cancel()
            thread.join(5)
            assert isinstance(outcome[0], StoreError)
            assert outcome[0].kind == StoreError.ABANDONED
            assert [request.connection for request in s3.requests] == [1, 1]
            assert s3.connections == 1

    def test_after_it_no_more_of_a_long_body_arrives(self, make_store: MakeStore) -> None:
        late = ReadLater()
        with ScriptedS3([late]) as s3:
            store = make_store(s3.environ())
            store.warm_up()
            thread, outcome = in_thread(lambda: store.put(an_object("1.log", b"x" * 30 * MEGABYTE)))
            wait_until(lambda: s3.requests, "the request")
            store.cancel()
            thread.join(5)
            late.now.set()
            wait_until(late.cut.is_set, "the end of the connection")
            assert isinstance(outcome[0], StoreError)
            assert s3.objects == {}

    def test_of_nothing_does_nothing(self, make_store: MakeStore) -> None:
        with ScriptedS3() as s3:
            store = make_store(s3.environ())
            store.cancel()
            store.put(an_object())
            store.cancel()
            assert len(s3.objects) == 1

    def test_while_tls_is_being_agreed_on(self, make_store: MakeStore, kind: str) -> None:
        with SilentServer() as server:
            store = make_store({**KEYS_AND_REGION, "AWS_ENDPOINT_URL_S3": f"https://127.0.0.1:{server.port}"})
            store.warm_up()
            thread, outcome = in_thread(lambda: store.put(an_object()))
            wait_until(lambda: server.connections, "the connection")
            start = time.monotonic()
            store.cancel()
            thread.join(5)
            # boto3 is not reached in its handshake: the time-out ends it
            assert time.monotonic() - start < (0.5 if kind == "light" else 2.5)
            assert isinstance(outcome[0], StoreError)
            assert outcome[0].kind == StoreError.ABANDONED

    @pytest.mark.parametrize("step", [BlackHole(), Deaf()], ids=lambda s: type(s).__name__)
    def test_cancel_ends_an_encrypted_upload(self, make_store: MakeStore, tmp_path: Path, step: Step) -> None:
        authority = TestAuthority(tmp_path)
        with ScriptedS3([step], context=authority.server_context("127.0.0.1")) as s3:
            store = make_store({**s3.environ(), "AWS_CA_BUNDLE": str(authority.bundle)})
            store.warm_up()
            thread, outcome = in_thread(lambda: store.put(an_object("1.log", b"x" * 30 * MEGABYTE)))
            wait_until(lambda: s3.requests, "the request")
            start = time.monotonic()
            store.cancel()
            thread.join(5)
            assert time.monotonic() - start < 1.0
            assert isinstance(outcome[0], StoreError)
            assert outcome[0].kind == StoreError.ABANDONED
            store.put(an_object("2.log"))
            assert list(s3.objects) == [f"/{BUCKET}/2.log"]
