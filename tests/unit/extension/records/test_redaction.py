"""What redaction takes out, what it leaves, and that JSON stays the same JSON but for its texts."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extension.kinds import REDACTIONS
from extension.records.objects import encode_string
from extension.records.patterns import Pattern
from extension.records.redaction import NAMES, Redaction
from tests.unit.extension.records.strategies import JSON, PATIENT

ALL = Redaction(NAMES)
MARK = "[redacted:pattern]"
KEY = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
CARD = "4111 1111 1111 1111"
SECRETS = {
    "aws-keys": KEY,
    "bearer": "Bearer abcdef12345",
    "email": "bob@example.com",
    "card": CARD,
    "ipv4": "10.0.0.1",
}
OTHERS = [f"secret_key={SECRET}", "4111111111111111", "b@x.co", "a", "\\", "\n", " ", "."]
ANY = st.sampled_from([*SECRETS.values(), *OTHERS])
TEXTS = st.lists(ANY | st.text(max_size=4), max_size=8).map("".join)
HOLDING = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS | st.just(4111111111111111),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4) | inner.map(json.dumps),
    max_leaves=10,
)


def envelope(record: object, **dumps: object) -> str:
    return json.dumps({"time": "2026-11-20T09:15:02.150Z", "type": "function", "record": record}, **dumps)  # type: ignore[arg-type]


def redacted(record: object, redaction: Redaction = ALL, **dumps: object) -> object:
    made = json.loads(redaction.envelope(envelope(record, **dumps), record))
    assert list(made) == ["time", "type", "record"]
    assert (made["time"], made["type"]) == ("2026-11-20T09:15:02.150Z", "function")
    return made["record"]


@pytest.mark.holds("filters: REDACT takes out AWS keys, bearer tokens, e-mail addresses, card numbers, IPv4 addresses")
@pytest.mark.parametrize(
    ("text", "left"),
    [
        # AWS's keys
        (f"id {KEY}.", "id [redacted:aws-keys]."),
        ("ASIAIOSFODNN7EXAMPLE", "[redacted:aws-keys]"),
        (f"aws_secret_access_key = {SECRET}\n", "aws_secret_access_key = [redacted:aws-keys]\n"),
        (f"SecretAccessKey: '{SECRET}'", "SecretAccessKey: '[redacted:aws-keys]'"),
        (f"AWS_SECRET_ACCESS_KEY={SECRET}", "AWS_SECRET_ACCESS_KEY=[redacted:aws-keys]"),
        (f'secretKey=>"{SECRET}"', 'secretKey=>"[redacted:aws-keys]"'),
        (f"<SecretAccessKey>{SECRET}</SecretAccessKey>", "<SecretAccessKey>[redacted:aws-keys]</SecretAccessKey>"),
        (f"('aws_secret_access_key', '{SECRET}')", "('aws_secret_access_key', '[redacted:aws-keys]')"),
        (
            f"SECRET_KEY {SECRET} secret_key=b'{SECRET}'",
            "SECRET_KEY [redacted:aws-keys] secret_key=b'[redacted:aws-keys]'",
        ),
        # tokens
        ("Authorization: Bearer eyJhbGciOi.x-1_~+/==;", "Authorization: Bearer [redacted:bearer];"),
        ("bearer\tAbCdEf123", "bearer\t[redacted:bearer]"),
        # addresses
        ("from bob.o+tag@mail.example.co.uk, hi", "from [redacted:email], hi"),
        ("<jörg@müller.de>", "<[redacted:email]>"),
        ("a@b.co@c.de", "[redacted:email]@c.de"),
        ("mailto:b_o@x.io.", "mailto:[redacted:email]."),
        ("10.0.0.1:8080 and 255.255.255.255.", "[redacted:ipv4]:8080 and [redacted:ipv4]."),
        ("(192.168.0.1)/24 10.1.2.3/8", "([redacted:ipv4])/24 [redacted:ipv4]/8"),
        # cards
        (CARD, "[redacted:card]"),
        ("card=4111-1111-1111-1111;", "card=[redacted:card];"),
        ("4111111111111111", "[redacted:card]"),
        ("3782 822463 10005 and 378282246310005", "[redacted:card] and [redacted:card]"),
        ("30569309025904", "[redacted:card]"),
        ("2223003122003222", "[redacted:card]"),
        ("order 2235 4111 1111 1111 1111", "order 2235 [redacted:card]"),
        ("order 2234 4111 1111 1111 1111", "order [redacted:card]"),  # each four may begin one
        (f"{CARD} 12/27", "[redacted:card] 12/27"),
        (f"{CARD} 123 Visa, {CARD} 2027", "[redacted:card] 123 Visa, [redacted:card] 2027"),
        (f"4111-1111-1111-1111-{CARD}", "[redacted:card]-[redacted:card]"),
        ("6759 6498 2643 8453 003", "[redacted:card]"),
        # in the escapes of JSON that stands in a text
        (
            r'x {"a":"\n10.0.0.1\tbob@x.io\n4111111111111111"}',
            r'x {"a":"\n[redacted:ipv4]\t[redacted:email]\n[redacted:card]"}',
        ),
        (rf'x "\n{KEY}"', r'x "\n[redacted:aws-keys]"'),
        (r"DOMAIN\user@x.io", r"DOMAIN\[redacted:email]"),
    ],
)
def test_what_is_taken_out_of_a_text(text: str, left: str) -> None:
    assert redacted(text) == left


@pytest.mark.parametrize(
    "text",
    [
        *("AKIA", "XAKIAIOSFODNN7EXAMPLE", KEY + "X", "akiaiosfodnn7example", "AKIA-OSFODNN7EXAMPLE"),
        *(SECRET, f"sha1 {SECRET}", f"secret_key={SECRET}A", "secret_key=short", "the secret key: none"),
        *("Bearer authentication failed", "bearer of news", "Bearer short", "forbearer abcdef12345"),
        *("@", "a@", "@b.co", "a@b", "a @b.co", "a@b.c", "user@localhost", "@decorator", "a@1.2"),
        *("4111 1111 1111 1112", "4111111111111112", "4111  1111 1111 1111", "4111 1111-1111 1111"),
        *("x4111111111111111", "41111111111111111111111", "1700000000000000", "0.4111111111111111", "0000000000000000"),
        *("1.2.3", "256.1.1.1", "1.2.3.4.5", "v1.2.3.4", "1.2.3.4a", "1.2.3.1234", "1..2.3.4", "2026.11.20"),
        *("", "hello", "\\u0040", "[redacted:email]", "{", '{"a":'),
    ],
)
def test_what_only_looks_so_stays(text: str) -> None:
    assert redacted(text) == text


@pytest.mark.parametrize("name", NAMES)
def test_only_what_is_named_is_taken_out(name: str) -> None:
    text = " / ".join(SECRETS.values())
    left = str(redacted(text, Redaction([name])))
    assert left.count("[redacted:") == 1
    assert f"[redacted:{name}]" in left
    assert all((secret in left) == (one != name) for one, secret in SECRETS.items())


def test_what_may_be_told_is_what_there_is() -> None:
    assert REDACTIONS == NAMES


# JSON


@pytest.mark.parametrize("as_text", [False, True])
@pytest.mark.parametrize(
    ("record", "left"),
    [
        ({"to": "bob@x.io", "n": 1, "ok": True}, {"to": "[redacted:email]", "n": 1, "ok": True}),
        ({"a": [{"b": ["10.0.0.1", 5]}], "c": None}, {"a": [{"b": ["[redacted:ipv4]", 5]}], "c": None}),
        ({"card": 4111111111111111, "n": 4111111111111112}, {"card": "[redacted:card]", "n": 4111111111111112}),
        ({"SecretAccessKey": SECRET, "hash": SECRET}, {"SecretAccessKey": "[redacted:aws-keys]", "hash": SECRET}),
        ({"bob@x.io": 1}, {"[redacted:email]": 1}),
        ({"type": "10.0.0.1", "time": "bob@x.io"}, {"type": "[redacted:ipv4]", "time": "[redacted:email]"}),
        ({"m": "a\n10.0.0.1\tb"}, {"m": "a\n[redacted:ipv4]\tb"}),
        ({"m": '{"a":"bob@x.io","b":[1]}'}, {"m": '{"a":"[redacted:email]","b":[1]}'}),
        ([["bob@x.io"]], [["[redacted:email]"]]),
    ],
)
def test_in_json_values_alone_change(record: object, left: object, *, as_text: bool) -> None:
    if as_text:
        assert json.loads(str(redacted(json.dumps(record)))) == left
    else:
        assert redacted(record) == left


@pytest.mark.parametrize("as_text", [False, True])
def test_escapes_hide_nothing(*, as_text: bool) -> None:
    raw = r'{"a":"bob\u0040x.io","b":"10\u002e0.0.1","c":"bob\u002btag@x.io"}'
    record = json.loads(raw)
    given_record: object = raw if as_text else record
    text = encode_string(raw) if as_text else raw
    made = json.loads(ALL.envelope(f'{{"time":"t","type":"function","record":{text}}}', given_record))["record"]
    values = json.loads(made) if as_text else made
    assert values == {"a": "[redacted:email]", "b": "[redacted:ipv4]", "c": "[redacted:email]"}


def test_members_in_another_order_and_others_beside_them() -> None:
    raw = '{ "record" : "bob@x.io", "type":"function", "more":{"type":"10.0.0.1"}, "time":"1.2.3.4" }'
    assert ALL.envelope(raw, "bob@x.io") == (
        '{ "record" : "[redacted:email]", "type":"function", "more":{"type":"[redacted:ipv4]"}, "time":"1.2.3.4" }'
    )
    raw = '{"time":"t","type":"function","record":"x","record":"bob@x.io","z":1.10}'
    assert ALL.envelope(raw, "bob@x.io").endswith('"record":"x","record":"[redacted:email]","z":1.10}')


def shape(value: object) -> object:
    """The structure alone: what contains what, in which order."""
    if isinstance(value, dict):
        return [shape(one) for one in value.values()]
    return [shape(one) for one in value] if isinstance(value, list) else None


class Members(list):  # type: ignore[type-arg]
    """All members of an object, also those of equal names."""


def members(text: str) -> object:
    return json.loads(text, object_pairs_hook=Members)


def names(value: object) -> list[object]:
    if isinstance(value, Members):
        return [len(value), *(one for _, inner in value for one in names(inner))]
    return ["list", *(one for inner in value for one in names(inner))] if isinstance(value, list) else [None]


@pytest.mark.holds("filters: a redacted line is JSON of the same structure")
@PATIENT
@given(HOLDING, st.booleans(), st.sampled_from([None, "[a-z]+", '"[^"]*"', r"\d", "[^a]", r"^b.*$", '[":,{}\\[\\]]']))
def test_json_stays_json_of_the_same_structure(record: object, ascii_only: bool, pattern: str | None) -> None:  # noqa: FBT001
    redaction = Redaction(NAMES, Pattern(pattern) if pattern else None)
    raw = envelope(record, ensure_ascii=ascii_only)
    made = redaction.envelope(raw, record)
    assert names(members(made)) == names(members(raw))
    if isinstance(record, str) and record[:1] in ("{", "["):
        try:
            inner = members(record)
        except ValueError:
            return
        assert names(members(json.loads(made)["record"])) == names(inner)


@PATIENT
@given(HOLDING)
def test_redacted_twice_is_redacted_once(record: object) -> None:
    once = ALL.envelope(envelope(record), record)
    assert ALL.envelope(once, json.loads(once)["record"]) == once


@PATIENT
@given(JSON, st.booleans())
def test_where_there_is_nothing_the_bytes_stay(value: object, ascii_only: bool) -> None:  # noqa: FBT001
    raw = envelope(value, ensure_ascii=ascii_only)
    if not re.search(r"@|[0-9]\.[0-9]|[0-9]{12}|earer", raw):
        assert ALL.envelope(raw, value) == raw


@PATIENT
@given(st.lists(st.sampled_from([*'{}[]:,"\\ntu@.4 ', "10.0.0.1", "b@x.io", KEY]), max_size=30).map("".join))
def test_no_text_raises_and_no_secret_stays_in_it(text: str) -> None:
    left = str(redacted(text))
    assert not re.search(r"(?<![\w.])10\.0\.0\.1(?![\w.])", left)


# the user's pattern


@pytest.mark.parametrize(
    ("pattern", "record", "left"),
    [
        (r"\d{3}-\d{2}", "a 123-45 b\n", "a [redacted:pattern] b\n"),
        (r"password=\S+", "x password=abc y", "x [redacted:pattern] y"),
        (r"\d+", {"a": 12, "b": "x1", "c1": -1.5}, {"a": MARK, "b": "x" + MARK, "c1": MARK}),  # a number as a whole
        ("token", {"token": "x"}, {"token": "x"}),  # the name of a member stays
        (r"^\d{3}$", {"ssn": "123", "n": 123, "x": "1234"}, {"ssn": MARK, "n": MARK, "x": "1234"}),
        (r'"ssn":\s*"[^"]*"', {"ssn": "123", "a": "b"}, {"ssn": MARK, "a": "b"}),
        (r'ssn":.*', {"a": "b", "ssn": "123", "n": 5}, {"a": "b", "ssn": MARK, "n": MARK}),
        (r"pw=\S+", {"m": "pw=abc", "n": 5}, {"m": MARK, "n": 5}),  # ends with its value
        ("aba", "ababa", "[redacted:pattern]"),  # all of any match
    ],
)
def test_a_pattern_of_the_user_s(pattern: str, record: object, left: object) -> None:
    redaction = Redaction([], Pattern(pattern))
    assert redacted(record, redaction) == left
    if not isinstance(record, str):
        assert json.loads(str(redacted(json.dumps(record), redaction))) == left
