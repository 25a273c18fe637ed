"""One contract, two stores: lost answers, silence, kept connections, TLS."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from extension.errors import StoreError
from extension.stores import PutRequest
from tests.edge.extension.stores.conftest import MakeStore, an_object
from tests.edge.extension.stores.waiting import KEYS_AND_REGION, MEGABYTE, failure
from tests.fakes.network import inside
from tests.fakes.network.certificates import TestAuthority
from tests.fakes.network.ports import free_port
from tests.fakes.s3 import BUCKET
from tests.fakes.s3_faults import (
    BlackHole,
    CloseAfter,
    Deaf,
    DropAfter,
    DropBefore,
    Fine,
    Half,
    LeaveAfter,
    Refuse,
    Say,
    Slow,
    Step,
)
from tests.fakes.s3_scripted import ScriptedS3

if TYPE_CHECKING:
    from pathlib import Path


class TestTransport:
    def test_half_an_answer_is_never_a_yes_to_what_is_not_stored(self, make_store: MakeStore) -> None:
        with ScriptedS3([Half(stored=False), Half(stored=True)]) as s3:
            store = make_store(s3.environ())
            assert failure(store, an_object("1.log")).kind == StoreError.TRANSPORT
            try:
                store.put(an_object("2.log"))  # boto3 takes a status line for an answer
            except StoreError as error:
                assert error.kind == StoreError.TRANSPORT  # noqa: PT017 - either is right
            assert list(s3.objects) == [f"/{BUCKET}/2.log"]

    @pytest.mark.parametrize("step", [BlackHole(), Deaf()], ids=lambda s: type(s).__name__)
    def test_silence_ends_the_attempt_after_two_seconds(self, make_store: MakeStore, step: Step) -> None:
        with ScriptedS3([step]) as s3:
            store = make_store(s3.environ())
            store.warm_up()
            start = time.monotonic()
            assert failure(store, an_object()).kind == StoreError.TRANSPORT
            assert 1.9 < time.monotonic() - start < 3.0

    def test_a_server_that_stops_reading_in_a_long_body_does_not_hold_it_for_ever(self, make_store: MakeStore) -> None:
        with ScriptedS3([Deaf()]) as s3:
            store = make_store(s3.environ())
            store.warm_up()
            start = time.monotonic()
            assert failure(store, an_object(body=b"x" * 30 * MEGABYTE)).kind == StoreError.TRANSPORT
            assert time.monotonic() - start < 5.0

    def test_a_slow_answer_is_waited_for(self, make_store: MakeStore) -> None:
        with ScriptedS3([Slow(1.2)]) as s3:
            make_store(s3.environ()).put(an_object())
            assert len(s3.objects) == 1

    def test_a_closed_port_is_a_transport_error(self, make_store: MakeStore) -> None:
        with ScriptedS3() as s3:
            environ = s3.environ()
        assert failure(make_store(environ), an_object()).kind == StoreError.TRANSPORT

    def test_a_name_without_an_address_is_a_transport_error(self, make_store: MakeStore) -> None:
        environ = {**KEYS_AND_REGION, "AWS_ENDPOINT_URL_S3": "http://nowhere.invalid"}
        assert failure(make_store(environ), an_object()).kind == StoreError.TRANSPORT


class TestKeptConnections:
    def test_puts_in_a_row_share_one(self, make_store: MakeStore) -> None:
        with ScriptedS3() as s3:
            store = make_store(s3.environ())
            for number in range(3):
                store.put(an_object(f"{number}.log"))
            assert {request.connection for request in s3.requests} == {1}

    def test_one_that_was_closed_meanwhile_is_replaced_at_once(self, make_store: MakeStore) -> None:
        with ScriptedS3([CloseAfter()]) as s3:
            store = make_store(s3.environ())
            store.put(an_object("1.log"))
            store.put(an_object("2.log"))
            assert len(s3.objects) == 2

    @pytest.mark.parametrize("size", [100, MEGABYTE])
    def test_one_that_dies_under_the_next_put_is_replaced_at_once(self, make_store: MakeStore, size: int) -> None:
        with ScriptedS3([Fine(), DropBefore()]) as s3:
            store = make_store(s3.environ())
            store.put(an_object("1.log"))
            store.put(an_object("2.log", b"x" * size))
            assert [request.connection for request in s3.requests] == [1, 1, 2]
            assert len(s3.objects) == 2

    def test_what_the_dying_one_had_stored_is_not_a_collision(self, make_store: MakeStore) -> None:
        with ScriptedS3([Fine(), DropAfter(), Refuse(412, "PreconditionFailed")]) as s3:
            store = make_store(s3.environ())
            store.put(an_object("1.log"))
            store.put(PutRequest("2.log", b"x", "application/x-ndjson", "", {}, only_if_absent=True))
            assert [request.connection for request in s3.requests] == [1, 1, 2]

    def test_a_fresh_one_that_dies_is_not_tried_again(self, make_store: MakeStore) -> None:
        with ScriptedS3([Fine(), DropBefore(), DropBefore()]) as s3:
            store = make_store(s3.environ())
            store.put(an_object("1.log"))
            assert failure(store, an_object("2.log")).kind == StoreError.TRANSPORT
            assert [request.connection for request in s3.requests] == [1, 1, 2]

    def test_none_is_used_again_after_a_refusal_by_closing(self, make_store: MakeStore) -> None:
        with ScriptedS3([Fine(), Refuse(500, "InternalError", headers={"Connection": "close"})]) as s3:
            store = make_store(s3.environ())
            store.put(an_object("1.log"))
            assert failure(store, an_object("2.log")).kind == StoreError.SERVER
            store.put(an_object("3.log"))
            assert [request.connection for request in s3.requests] == [1, 1, 2]


class TestTls:
    def test_a_server_of_the_given_authority_is_trusted_and_its_connection_kept(
        self, make_store: MakeStore, tmp_path: Path
    ) -> None:
        authority = TestAuthority(tmp_path)
        with ScriptedS3([Fine(), Fine(), CloseAfter()], context=authority.server_context("127.0.0.1")) as s3:
            store = make_store({**s3.environ(), "AWS_CA_BUNDLE": str(authority.bundle)})
            for number in range(4):
                store.put(an_object(f"{number}.log", b"x" * 100_000))
            assert [request.connection for request in s3.requests] == [1, 1, 1, 2]
            assert len(s3.objects) == 4

    def test_another_authority_is_refused_before_a_byte_is_sent(self, make_store: MakeStore, tmp_path: Path) -> None:
        (tmp_path / "a").mkdir()
        (tmp_path / "b").mkdir()
        authority, other = TestAuthority(tmp_path / "a"), TestAuthority(tmp_path / "b")
        with ScriptedS3(context=authority.server_context("127.0.0.1")) as s3:
            error = failure(make_store({**s3.environ(), "AWS_CA_BUNDLE": str(other.bundle)}), an_object())
            assert (error.kind, error.sent) == (StoreError.TRANSPORT, False)
            assert "certificate" in error.message.lower()
            assert s3.requests == []

    def test_another_name_is_refused(self, make_store: MakeStore, tmp_path: Path) -> None:
        authority = TestAuthority(tmp_path)
        with ScriptedS3(context=authority.server_context("somewhere.example")) as s3:
            error = failure(make_store({**s3.environ(), "AWS_CA_BUNDLE": str(authority.bundle)}), an_object())
            assert (error.kind, error.sent) == (StoreError.TRANSPORT, False)
            assert s3.requests == []


@pytest.mark.holds("circuit: errors are classified: configuration, throttling and 5xx, transport, credentials")
@pytest.mark.parametrize(
    "step", [DropBefore(), DropAfter(), Say(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")], ids=lambda s: type(s).__name__
)
def test_a_lost_answer_leaves_the_outcome_unknown(make_store: MakeStore, step: Step) -> None:
    with ScriptedS3([step]) as s3:
        store = make_store(s3.environ())
        error = failure(store, an_object())
        assert (error.kind, error.sent) == (StoreError.TRANSPORT, True)
        assert len(s3.requests) == 1
        store.put(an_object())


@pytest.mark.holds("circuit: where there was no connection nothing was sent: the outcome is known")
@pytest.mark.parametrize("place", ["127.0.0.1:{port}", "no-such-host.invalid:{port}"], ids=["refused", "no name"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_without_a_connection_nothing_was_sent(make_store: MakeStore, scheme: str, place: str) -> None:
    endpoint = f"{scheme}://{place.format(port=free_port())}"
    error = failure(make_store({**KEYS_AND_REGION, "AWS_ENDPOINT_URL_S3": endpoint}), an_object())
    assert (error.kind, error.sent) == (StoreError.TRANSPORT, False)


@pytest.mark.holds("circuit: where there was no connection nothing was sent: the outcome is known")
def test_a_kept_connection_that_dies_may_have_carried_it_though_none_could_be_made_then(make_store: MakeStore) -> None:
    with ScriptedS3([Fine(), LeaveAfter()]) as s3:
        store = make_store(s3.environ())
        store.put(an_object("1.log"))
        error = failure(store, an_object("2.log"))
        assert (error.kind, error.sent) == (StoreError.TRANSPORT, True)
        assert len(s3.requests) == 2


@pytest.mark.holds("variants: SnapStart: connections are opened anew after the restore")
@pytest.mark.parametrize("aged", [(4.0, 0.0), (0.0, 4.0)], ids=["wall", "monotonic"])
def test_a_connection_that_was_idle_for_long_on_either_clock_is_not_used(
    make_store: MakeStore, aged: tuple[float, float]
) -> None:
    with ScriptedS3() as s3:
        store: Any = make_store(s3.environ())
        store.put(an_object("1.log"))
        inside.age(store, *aged)
        store.put(an_object("2.log"))
        assert [request.connection for request in s3.requests] == [1, 2]


@pytest.mark.holds("variants: SnapStart: connections are opened anew after the restore")
def test_no_connection_is_used_again_after_a_cancel(make_store: MakeStore) -> None:
    with ScriptedS3() as s3:
        store = make_store(s3.environ())
        store.put(an_object("1.log"))
        store.cancel()
        store.put(an_object("2.log"))
        assert [request.connection for request in s3.requests] == [1, 2]
