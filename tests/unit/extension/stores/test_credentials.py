"""Whose name is signed in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extension.errors import StoreError
from extension.stores.credentials import RENEW_SECONDS, Credentials, container, hidden, parse_container, secrets, static

if TYPE_CHECKING:
    from pathlib import Path

KEYS = {"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "S"}
URI = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:9001/2021-04-23/credentials"}


def test_static_keys_come_with_their_token_and_never_expire() -> None:
    keys = static({**KEYS, "AWS_SESSION_TOKEN": "T"})
    assert keys is not None
    assert (keys.access_key, keys.secret_key, keys.token) == ("A", "S", "T")
    assert not keys.due(4e9)


@pytest.mark.parametrize("missing", list(KEYS))
def test_half_a_key_pair_is_none(missing: str) -> None:
    assert static({**KEYS, missing: " "}) is None


def test_they_are_due_five_minutes_before_they_expire() -> None:
    keys = Credentials("A", "S", "", 1000.0)
    assert not keys.due(1000.0 - RENEW_SECONDS - 1)
    assert keys.due(1000.0 - RENEW_SECONDS)


def test_the_token_is_sent_as_it_is_given() -> None:
    target, headers = container({**URI, "AWS_CONTAINER_AUTHORIZATION_TOKEN": " abc "})
    assert (target.authority, target.path) == ("127.0.0.1:9001", "/2021-04-23/credentials")
    assert headers["authorization"] == "abc"


@pytest.mark.holds(
    "variants: SnapStart: credentials come from the container endpoint with its token, after the restore only"
)
def test_a_token_file_is_read_each_time_and_goes_before(tmp_path: Path) -> None:
    file = tmp_path / "token"
    environ = {**URI, "AWS_CONTAINER_AUTHORIZATION_TOKEN": "old", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(file)}
    with pytest.raises(OSError, match="token"):
        container(environ)
    for token in ("first", "second"):
        file.write_text(f"{token}\n")
        assert container(environ)[1]["authorization"] == token


@pytest.mark.parametrize("uri", ["", "unix:///socket", "http://"])
def test_without_a_place_to_ask_there_are_no_credentials(uri: str) -> None:
    with pytest.raises(StoreError) as caught:
        container({"AWS_CONTAINER_CREDENTIALS_FULL_URI": uri})
    assert caught.value.kind == StoreError.CREDENTIALS


@pytest.mark.parametrize(
    ("expiration", "expires"),
    [
        ("2026-11-21T03:40:19Z", 1795232419.0),
        ("2026-11-21T03:40:19+00:00", 1795232419.0),
        ("2026-11-21T03:40:19", 1795232419.0),
        (None, 0.0),
    ],
)
def test_what_the_endpoint_answers(expiration: str | None, expires: float) -> None:
    answer = {"AccessKeyId": "A", "SecretAccessKey": "S", "Token": "T", "Expiration": expiration}
    keys = parse_container(200, json.dumps(answer).encode())
    assert (keys.access_key, keys.secret_key, keys.token, keys.expires) == ("A", "S", "T", expires)


@given(
    status=st.sampled_from([200, 403, 500]),
    body=st.binary(max_size=60) | st.sampled_from([b"{}", b"[]", b"1", b"null"]),
)
def test_anything_else_is_an_error_of_credentials(status: int, body: bytes) -> None:
    with pytest.raises(StoreError) as caught:
        parse_container(status, body)
    assert caught.value.kind == StoreError.CREDENTIALS


GOOD = {"AccessKeyId": "A", "SecretAccessKey": "S", "Token": "T"}


@pytest.mark.parametrize("name", ["AccessKeyId", "SecretAccessKey"])
@pytest.mark.parametrize("value", [None, "", 7, [], {}, True])
def test_a_key_that_is_no_text_is_an_error_and_not_a_key_of_that_name(name: str, value: object) -> None:
    with pytest.raises(StoreError) as caught:
        parse_container(200, json.dumps({**GOOD, name: value}).encode())
    assert (caught.value.kind, caught.value.code) == (StoreError.CREDENTIALS, "BadCredentials")


def test_without_a_token_none_is_sent_and_one_that_is_no_text_is_an_error() -> None:
    for none in (None, ""):
        assert parse_container(200, json.dumps({**GOOD, "Token": none}).encode()).token == ""
    with pytest.raises(StoreError, match="no credentials"):
        parse_container(200, json.dumps({**GOOD, "Token": 7}).encode())


@pytest.mark.parametrize(
    ("name", "value"), [("AccessKeyId", "A\n"), ("AccessKeyId", "Ä"), ("SecretAccessKey", "\udc80"), ("Token", "T\r")]
)
def test_what_no_request_can_carry_is_named_and_not_shown(name: str, value: str) -> None:
    with pytest.raises(StoreError) as caught:
        parse_container(200, json.dumps({**GOOD, name: value}).encode())
    assert caught.value.message.startswith(f"{name} of the container credentials endpoint is not printable")


def test_of_the_texts_of_others_known_secrets_are_hidden_the_longest_first() -> None:
    environ = {"AWS_ACCESS_KEY_ID": "AKIA01", "AWS_SECRET_ACCESS_KEY": "AKIA01-secret", "AWS_SESSION_TOKEN": "short"}
    known = secrets(environ, Credentials("other-key", "other-secret", "other-token"))
    text = "AKIA01 AKIA01-secret short other-key other-secret other-token"
    assert hidden(text, known) == "... ... short ... ... ..."


@pytest.mark.parametrize("host", ["10.0.0.1", "h", "127.0.0.1.example.org", "[fd00::1]"])
def test_credentials_are_not_asked_of_another_machine_in_plain_text(host: str) -> None:
    with pytest.raises(StoreError, match="another machine"):
        container({"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://{host}/c", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "t"})


def test_of_the_two_names_of_a_session_token_the_older_one_counts_unless_it_is_empty() -> None:
    older = {**KEYS, "AWS_SESSION_TOKEN": "new", "AWS_SECURITY_TOKEN": "old"}
    for environ, token in ((older, "old"), ({**older, "AWS_SECURITY_TOKEN": ""}, "new")):
        keys = static(environ)
        assert keys
        assert keys.token == token
