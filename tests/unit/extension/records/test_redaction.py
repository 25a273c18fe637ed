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
from extension.records.redaction import NAMES, Redaction, record_at
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
    made = json.loads(redaction.envelope(envelope(record, **dumps)))
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
        ("BEARER " + "a" * 20, "BEARER [redacted:bearer]"),
        ("xbearer bearer-bearer abcdef12345", "xbearer bearer-bearer [redacted:bearer]"),
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
        (r"DOMAIN\n@x.io", r"DOMAIN\[redacted:email]"),
        (r"\u00e9b@x.io", r"\u00e9[redacted:email]"),
        (r"{'a':'\u00e9bob@x.io'}", r"{'a':'\u00e9[redacted:email]'}"),
        (r"\u00e9@x.io \u00ebob@x.io \u00xebob@x.io", r"\[redacted:email] \u00eb[redacted:email] \[redacted:email]"),
        # what is no JSON, though it begins so
        ('{"to: bob@x.io', '{"to: [redacted:email]'),
        ('["bob@x.io" "', '["[redacted:email]" "'),
        # the shortest, at both ends of a text
        ("a@b.io", "[redacted:email]"),
        ("@ bob@x.io @", "@ [redacted:email] @"),
        ("a" * 70 + "@x.io", "aaaaaa[redacted:email]"),
        ("AKIAABCDEFGHIJKLMNOP", "[redacted:aws-keys]"),
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
        *("Bearer " + "a" * 19, "Bearer 1234567"),
        *("@", "a@", "@b.co", "a@b", "a @b.co", "a@b.c", "user@localhost", "@decorator", "a@1.2"),
        *("4111 1111 1111 1112", "4111111111111112", "4111  1111 1111 1111", "4111 1111-1111 1111"),
        *("x4111111111111111", "41111111111111111111111", "1700000000000000", "0.4111111111111111", "0000000000000000"),
        *("2" * 17, "4" * 17, "6" * 13),  # as the check digit asks for, but of one digit alone
        *("1.2.3", "256.1.1.1", "1.2.3.4.5", "v1.2.3.4", "1.2.3.4a", "1.2.3.1234", "1..2.3.4", "2026.11.20"),
        *("", "hello", "\\u0040", "[redacted:email]", "{", '{"a":'),
    ],
)
def test_what_only_looks_so_stays(text: str) -> None:
    assert redacted(text) == text


LETTERS = ["x", "9", "é"]  # beside it none of them is a secret
BEFORE = {
    "taken": ["", " ", "(", "_", ".", "a.", " .", "/", r"\n", r"\t", r"\u00e9", r"\u00E9"],
    "a word": [*LETTERS, r"\u0z", r"\q", "n", r"\x41", r"\u00g9", r"\nx"],
    "a number": ["1.", "x1.", "12."],
}
BEHIND = {
    "taken": ["", " x", ")", "_", ".", ".a", "..1", ". 1", "-x", r"\n"],
    "a word": [one + " x" for one in LETTERS],
    "a number": [".1", ".1a", ".12"],
}


@pytest.mark.parametrize("name", ["aws-keys", "card", "ipv4"])
@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("behind", BEHIND)
def test_what_stands_beside_it_decides_whether_it_is_a_word_or_a_part_of_a_number(
    name: str, before: str, behind: str
) -> None:
    secret = {**SECRETS, "ipv4": "10.0.0.255"}[name]
    spoils = {"a word"} if name == "aws-keys" else {"a word", "a number"}
    left = secret if spoils & {before, behind} else f"[redacted:{name}]"
    for head in BEFORE[before]:
        for tail in BEHIND[behind]:
            assert redacted(f"{head}{secret}{tail}") == f"{head}{left}{tail}"


def luhn(digits: str) -> bool:
    """The check as people do it on paper: the digits of the doubled ones are added up."""
    doubled = [str(int(digit) * (1 + place % 2)) for place, digit in enumerate(reversed(digits))]
    return sum(map(int, "".join(doubled))) % 10 == 0


@PATIENT
@given(st.text("0123456789", min_size=11, max_size=18), st.sampled_from("123456789"))
def test_a_number_of_13_to_19_digits_is_a_card_if_its_check_digit_says_so(rest: str, first: str) -> None:
    for last in "0123456789":
        number = first + rest + last
        is_card = first in "23456" and 13 <= len(number) <= 19 and luhn(number) and len(set(number)) > 1
        assert redacted(number) == ("[redacted:card]" if is_card else number)


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
        ({"a": {"b": {}, "c": []}, "type": "10.0.0.1"}, {"a": {"b": {}, "c": []}, "type": "[redacted:ipv4]"}),
        ([{"a": {}}, "10.0.0.1"], [{"a": {}}, "[redacted:ipv4]"]),
        ({"secret_key": int("1" * 40), "n": int("1" * 40)}, {"secret_key": "[redacted:aws-keys]", "n": int("1" * 40)}),
        ([SECRET, {"secretKey": SECRET}], [SECRET, {"secretKey": "[redacted:aws-keys]"}]),
        ({"secret_access_key": SECRET[1:]}, {"secret_access_key": SECRET[1:]}),
        ({"secret-key-of": SECRET}, {"secret-key-of": SECRET}),
        (
            {"secretKey": "o bob@example.com, 40 characters, a note"},
            {"secretKey": "o [redacted:email], 40 characters, a note"},
        ),
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
    text = encode_string(raw) if as_text else raw
    made = json.loads(ALL.envelope(f'{{"time":"t","type":"function","record":{text}}}'))["record"]
    values = json.loads(made) if as_text else made
    assert values == {"a": "[redacted:email]", "b": "[redacted:ipv4]", "c": "[redacted:email]"}


@pytest.mark.parametrize("is_text", [False, True], ids=["in an object", "in a text"])
def test_json_in_json_in_json_is_read_four_levels_deep(*, is_text: bool) -> None:
    deepest = r'{"a":"bob\u0040x.io"}'  # an address only for who reads it as JSON
    for levels in range(1, 7):
        text = deepest
        for _ in range(levels - 1):
            text = json.dumps([text])
        left = redacted(text if is_text else {"m": text})
        inner = left if is_text else left["m"]  # type: ignore[index]
        for _ in range(levels - 1):
            (inner,) = json.loads(str(inner))
        assert inner == ('{"a":"[redacted:email]"}' if levels <= 4 else deepest)


def test_time_and_type_of_an_envelope_stay_whatever_they_look_like() -> None:
    raw = '{"time":"10.0.0.1","type":"bob@x.io","record":"10.0.0.1","more":{"time":"10.0.0.1"}}'
    made = json.loads(ALL.envelope(raw))
    assert (made["time"], made["type"], made["record"]) == ("10.0.0.1", "bob@x.io", "[redacted:ipv4]")
    assert made["more"] == {"time": "[redacted:ipv4]"}


def test_members_in_another_order_and_others_beside_them() -> None:
    raw = '{ "record" : "bob@x.io", "type":"function", "more":{"type":"10.0.0.1"}, "time":"1.2.3.4" }'
    assert ALL.envelope(raw) == (
        '{ "record" : "[redacted:email]", "type":"function", "more":{"type":"[redacted:ipv4]"}, "time":"1.2.3.4" }'
    )
    raw = '{"time":"t","type":"function","record":"x","record":"bob@x.io","z":1.10}'
    assert ALL.envelope(raw).endswith('"record":"x","record":"[redacted:email]","z":1.10}')


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
    made = redaction.envelope(raw)
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
    once = ALL.envelope(envelope(record))
    assert ALL.envelope(once) == once


@PATIENT
@given(JSON, st.booleans())
def test_where_there_is_nothing_the_bytes_stay(value: object, ascii_only: bool) -> None:  # noqa: FBT001
    raw = envelope(value, ensure_ascii=ascii_only)
    if not re.search(r"@|[0-9]\.[0-9]|[0-9]{12}|earer", raw):
        assert ALL.envelope(raw) == raw


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
        (r"\d{3}", "123 bob@x.io 4567", "[redacted:pattern] bob@x.io [redacted:pattern]"),
    ],
)
def test_a_pattern_of_the_user_s(pattern: str, record: object, left: object) -> None:
    redaction = Redaction([], Pattern(pattern))
    assert redacted(record, redaction) == left
    if not isinstance(record, str):
        assert json.loads(str(redacted(json.dumps(record), redaction))) == left


def test_what_a_pattern_and_what_a_name_finds_are_taken_out_together() -> None:
    redaction = Redaction(["email", "ipv4"], Pattern(r"x=\d+"))
    assert redacted("10.0.0.1 x=5 bob@x.io", redaction) == "[redacted:ipv4] [redacted:pattern] [redacted:email]"
    assert redacted("x=10.0.0.1 @ 9", redaction) == "[redacted:pattern] @ 9"


@pytest.mark.parametrize(
    ("raw", "at"),
    [
        ('{"time":"t","type":"function","record":"x"}', 39),
        ('{ "time": "t", "type" :"a b","record" : {}}', 40),
        ('{"type":"function","time":"t","record":"x"}', 0),
        ('{"time":"t","type":"function","more":1,"record":"x"}', 0),
        ("[]", 0),
    ],
)
def test_where_the_record_of_an_envelope_begins(raw: str, at: int) -> None:
    assert record_at(raw) == at


@pytest.mark.parametrize(
    "record", [r'"caf\u00e9 \/ é"', r'"{\"a\":\"\u00e9\/\"}"', r'{"a":"\u00e9","b\/":1.10}', r'["\/"]']
)
def test_escapes_stay_as_they_are_where_there_is_nothing(record: str) -> None:
    raw = f'{{"time":"t","type":"function","record":{record}}}'
    assert Redaction(NAMES, Pattern("never")).envelope(raw) == raw


def test_blanks_around_json_text_do_not_hide_it() -> None:
    assert redacted('  {"a":"bob\\u0040x.io"}\n') == '  {"a":"[redacted:email]"}\n'


class Found:
    """A pattern that has found this in one text, and nothing in others."""

    def __init__(self, text: str, spans: list[tuple[int, int]]) -> None:
        self._text, self._spans = text, spans

    def spans(self, text: str) -> list[tuple[int, int]]:
        return self._spans if text == self._text else []


VALUES = st.sampled_from(['"a"', '"bcd"', "1", "234", '""'])


@PATIENT
@given(st.lists(VALUES, max_size=6), st.lists(st.integers(35, 90), max_size=8, unique=True), st.integers(1, 2))
def test_a_match_takes_out_the_values_that_it_reaches_from_outside(
    values: list[str], places: list[int], gap: int
) -> None:
    raw = '{"time":"t","type":"function","record":['
    begins = []
    for value in values:
        begins.append(len(raw))
        raw += value + " " * (gap - 1) + ","
    raw = raw.removesuffix(",") + "]}"
    places = sorted(min(one, len(raw)) for one in places)
    spans = [(a, b) for a, b in zip(places[::2], places[1::2], strict=False) if a < b]
    left = []
    inside: set[int] = set()  # where a match would be a value's own
    for value, begin in zip(values, begins, strict=True):
        content = begin + value.startswith('"')
        is_reached = any(a <= begin and b > content and a not in inside for a, b in spans)
        inside.update(range(begin + 1, begin + len(value)))
        left.append(MARK if is_reached and value != '""' else json.loads(value))
    made = json.loads(Redaction([], Found(raw, spans)).envelope(raw))
    assert made == {"time": "t", "type": "function", "record": left}
