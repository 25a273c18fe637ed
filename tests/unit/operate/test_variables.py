"""A function's variables as the tools read them, held to the extension's own reading."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptive_batching.operate import patterns
from adaptive_batching.operate.given import VariableError
from adaptive_batching.operate.given import given as variables_given
from adaptive_batching.operate.variables import Variables, read
from extension.records.filters import Filters
from extension.settings import FILTERS, PREFIX, TABLE, Setting, Settings, from_environ

UUID = "11111111-2222-3333-4444-555555555555"
REGION, FUNCTION = "eu-west-1", "orders"
WORDS = [
    *("", " ", "x", "0", "1", "-1", "+5", "007", "9001", "9001 ", "90010", "1234", "70000", "9" * 30, "1e3", "1.5"),
    *("\u0661", "on", "OFF", "Auto", " adaptive ", "thresholds", "gzip", "aws:kms", "AES256", "aes256", "light"),
    *('["platform"]', '["function","x"]', "['platform']", "[]", "platform", '["platform",]', '[ "function" ]'),
    *("[platform]", "us-east-1", "EU-WEST-1 ", "123", "-a", "r" * 64, "k=v", "k = v"),
    *("my-logs", "My_Logs", "a..b", "ab", "192.168.1.1", "a" * 64, "arn:aws:s3:::my-logs", "arn:aws:s3:::A_B"),
    *("arn:aws:s3:eu-west-1:123456789012:accesspoint/x", "arn:aws:s3"),
    *("123456789012", "12345", "a=b", "a=b&a=c", "a=b&c", "aws:x=1", "a=%2", "a=%20", "_=1", "a=²", "a=", "=b"),
    *("a=b=c", "x" * 701),
    *("&".join(f"k{n}=v" for n in range(11)), f"{'k' * 129}=v", f"k={'v' * 257}", "a = b & c = d", "a=%61&a=x"),
    *("alias/x", "alias/", "alias/é", UUID, f"mrk-{'a' * 32}", f"arn:aws:kms:{REGION}:123456789012:key/{UUID}"),
    *(f"arn:aws:kms:us-east-1:123456789012:key/{UUID}", f"arn:aws:kms:{REGION}:123456789012:alias/x", "arn:aws:kms:x"),
    *("warn", "WARNING", "Warn", "silly", "email", "email,card", "EMAIL, Card", "email,", "email,x"),
    *("(a+)+", "(?=x)", "(?<!x)y", r"(a)\1", "a|b", "(", "a++", "(?>a)", "(ab?)*", "((a|b)*c)*"),
    *("a{2}{3}", "[a-z]+@", "(a?)+"),
    *("{function}/", "{x}", "function={function}/", "{", "a\n", "{function}" * 20, "\ud800/", "é/{date}/", "}{"),
]  # fmt: skip
NAMES = [row.name for row in TABLE]
MISTAKEN = [
    "ADAPTIVE_BATCHING_BUCKET",
    f"{PREFIX}MAX_HOLD_MS",
    f"{PREFIX}S3_BUCKETS",
    f"{PREFIX}{'X' * 200}",
    "ADAPTIVE_BATCHING_",
    *(f"{PREFIX}mode", f"{PREFIX}Sse", f"{PREFIX}kms_key", f"{PREFIX}s3_bucket".lower(), "Adaptive_Batching_Bucket"),
]
ENVIRONMENTS = st.dictionaries(
    st.sampled_from([*NAMES, *NAMES, *MISTAKEN, "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]),
    st.sampled_from(WORDS) | st.text(st.characters(exclude_characters="\0"), max_size=12),
    max_size=12,
)


def of_the_extension(given: dict[str, str]) -> Settings:
    surroundings = {"AWS_REGION": REGION, "AWS_LAMBDA_FUNCTION_NAME": FUNCTION, "AWS_LAMBDA_FUNCTION_VERSION": ""}
    return from_environ({**surroundings, **given})


def used(one: Settings) -> dict[str, object]:
    return {
        "S3_BUCKET": one.bucket,
        "MODE": one.adaptive,
        "SHIP_RATE_BYTES": one.ship_bytes,
        "SHIP_RATE_INVOKES": one.ship_invokes,
        "SHIP_RATE_MILLISECONDS": one.ship_seconds,
        "LOG_TYPES": one.log_types,
        "S3_PREFIX": one.prefix,
        "S3_REGION": one.region,
        "S3_BUCKET_OWNER": one.owner,
        "SSE": one.sse,
        "KMS_KEY_ID": one.kms_key,
        "TAGS": bool(one.tags),
        "CONDITIONAL_WRITE": one.conditional,
        "COMPRESSION": one.gzip,
        "PORT": one.port,
        "JOURNAL_BYTES": one.journal_bytes,
    }


def as_the_extension_has_them(one: Variables) -> dict[str, object]:
    return {
        "S3_BUCKET": one["S3_BUCKET"],
        "MODE": one["MODE"] == "adaptive",
        "SHIP_RATE_BYTES": int(one["SHIP_RATE_BYTES"]),
        "SHIP_RATE_INVOKES": int(one["SHIP_RATE_INVOKES"]),
        "SHIP_RATE_MILLISECONDS": int(one["SHIP_RATE_MILLISECONDS"]) / 1000,
        "LOG_TYPES": tuple(json.loads(one["LOG_TYPES"])),
        "S3_PREFIX": one["S3_PREFIX"],
        "S3_REGION": one["S3_REGION"] or REGION,
        "S3_BUCKET_OWNER": one["S3_BUCKET_OWNER"],
        "SSE": one["SSE"],
        "KMS_KEY_ID": one["KMS_KEY_ID"],
        "TAGS": one.wants_tags,
        "CONDITIONAL_WRITE": one["CONDITIONAL_WRITE"] == "on",
        "COMPRESSION": one["COMPRESSION"] == "gzip",
        "PORT": int(one["PORT"]),
        "JOURNAL_BYTES": int(one["JOURNAL_BYTES"] or 0),
    }


@settings(max_examples=600, deadline=None, print_blob=True)
@given(given=ENVIRONMENTS)
def test_the_tools_refuse_the_same_variables_and_use_the_same_values_as_the_extension(given: dict[str, str]) -> None:
    theirs, ours = of_the_extension(given), read(given, FUNCTION, REGION)
    patterns_of_filters = {PREFIX + name for name in FILTERS if name in ("EXCLUDE", "INCLUDE", "REDACT_PATTERN")}
    refused = {one.name for one in ours.problems} - patterns_of_filters
    said = {sentence.partition(" ")[0].removesuffix("...") for sentence in theirs.problems}
    assert {name[: len(max(said, key=len, default=""))] if name not in said else name for name in refused} == said
    assert as_the_extension_has_them(ours) == used(theirs)


@pytest.mark.parametrize("name", [name for name in NAMES if name.removeprefix(PREFIX) not in FILTERS])
def test_a_person_may_set_what_the_extension_would_use_as_it_stands(name: str) -> None:
    """For any function: what only its region or another variable of it refuses may be set."""
    for text in (word for word in WORDS if ":us-east-1:" not in word):
        surroundings = {f"{PREFIX}MODE": "adaptive"} if name == f"{PREFIX}MAX_DELAY_MILLISECONDS" else {}
        theirs = [
            one for one in of_the_extension({**surroundings, name: text}).problems if one.startswith(f"{name} is ")
        ]
        try:
            assert variables_given([f"{name}={text}"]) == {name: text}
            refused = False
        except VariableError:
            refused = True
        assert refused == any("is not set" not in one for one in theirs), (text, theirs)


@pytest.mark.parametrize("text", [word for word in WORDS if word])
def test_the_tools_refuse_the_same_patterns_as_the_extension(text: str) -> None:
    """But for those that are too large, which takes its automaton to find out."""
    theirs = [why for *_, why in Filters((text, "", "", "", "")).problems if "too large" not in why]
    assert bool(patterns.refusal(text)) == bool(theirs), theirs


@pytest.mark.parametrize("name", MISTAKEN)
def test_the_nearest_name_is_the_one_that_the_extension_suggests(name: str) -> None:
    (theirs,) = (one for one in of_the_extension({name: "1"}).problems if "did you mean" in one)
    (ours,) = (one for one in read({name: "1"}, FUNCTION).problems if one.name == name)
    assert ours.text == theirs


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name.removeprefix(PREFIX))
def test_a_name_in_another_case_is_nearest_to_itself(row: Setting) -> None:
    for name in (row.name.lower(), row.name.title(), PREFIX + row.name.removeprefix(PREFIX).lower()):
        (one,) = (one for one in read({name: "1"}, FUNCTION).problems if one.name == name)
        assert one.mend == f"did you mean {row.name}?"
        assert one.text in of_the_extension({name: "1"}).problems
        with pytest.raises(VariableError, match=rf"did you mean {row.name.removeprefix(PREFIX)}\?"):
            variables_given([f"{name.removeprefix(PREFIX)}=1"])


@pytest.mark.parametrize("text", ["9001", "09001", "90010", "19001", "1", "65535", "65536", "0"])
def test_lambdas_own_port_is_said_of_that_port_alone(text: str) -> None:
    name = f"{PREFIX}PORT"
    theirs = [one for one in of_the_extension({name: text}).problems if one.startswith(name)]
    ours = [one.text for one in read({name: text}, FUNCTION, REGION).problems if one.name == name]
    assert ["own port" in one for one in ours] == ["own port" in one for one in theirs]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name.removeprefix(PREFIX))
def test_a_sentence_quotes_what_was_read_and_is_short(row: object) -> None:
    name = getattr(row, "name", "")
    for bad in ("\x01" * 3000, "(" * 3000):
        for one in read({name: bad}, FUNCTION, REGION).problems:
            if one.name == name and "not set" not in one.text:
                assert f"is {bad[:77] + '...'!r}: " in one.text
                assert len(one.text) < 900
