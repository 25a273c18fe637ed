"""A body that the platform sends again is known; nothing finer than a body is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extension.core.duplicates import REMEMBERED, Duplicates


def test_the_same_bytes_again_are_an_echo_and_again() -> None:
    echoes = Duplicates()
    assert [echoes.seen(b"a"), echoes.seen(b"a"), echoes.seen(b"a")] == [False, True, True]


def test_what_could_not_be_kept_is_new_when_it_comes_again() -> None:
    echoes = Duplicates([b"a"])
    echoes.forget(b"a")
    echoes.forget(b"never seen")
    assert not echoes.seen(b"a")


@pytest.mark.holds("twice: a body equal to one of the last 64, byte for byte, is answered and counted, but not queued")
def test_one_byte_more_is_another_body() -> None:
    for body in (b"[1]", b"[" + b"1" * 1_000_000 + b"]"):
        for other in (body + b" ", b" " + body, body[:-2] + b"2]", b"{" + body[1:]):
            assert not Duplicates([body]).seen(other)


def test_the_64th_last_body_is_known_and_the_65th_is_not() -> None:
    assert REMEMBERED == 64
    echoes = Duplicates(b"%d" % number for number in range(65))
    assert echoes.seen(b"1")
    assert not Duplicates(b"%d" % number for number in range(65)).seen(b"0")


def test_an_echo_counts_as_received_now() -> None:
    echoes = Duplicates(b"%d" % number for number in range(64))
    echoes.seen(b"0")
    for number in range(64, 127):
        echoes.seen(b"%d" % number)
    assert echoes.seen(b"0")


@given(st.lists(st.sampled_from([b"%d" % number for number in range(90)]), max_size=300))
def test_echoes_are_what_stands_among_the_last_64_different_bodies(bodies: list[bytes]) -> None:
    echoes, latest = Duplicates(), list[bytes]()
    for body in bodies:
        assert echoes.seen(body) == (body in latest)
        latest = [*(one for one in latest if one != body), body][-64:]
