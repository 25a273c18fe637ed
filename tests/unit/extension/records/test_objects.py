"""The format of an object: key, body, metadata; each against an oracle that is not ours."""

import gzip
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from extension.records import objects
from extension.records.body import Body
from extension.records.objects import Origin

PREFIX = "function={function}/date={date}/hour={hour}/"
LAST = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()
SECONDS = st.integers(0, int(LAST))
UNIQUE = "f47ac10b-58cc-4372-a567-0e02b2c3d479"
WALL = 1_795_608_000.0  # 2026-11-25T12:00:00Z


def origin(arn: str = "arn:aws:lambda:eu-west-1:111122223333:function:orders-api") -> Origin:
    made = Origin("orders-api", "$LATEST", "0123456789ab")
    made.arn, made.api, made.schema, made.timeout = arn, "telemetry", "2025-01-29", 30
    return made


# the key


def test_the_key_has_prefix_function_epoch_milliseconds_and_uuid() -> None:
    key = objects.key(PREFIX, origin(), WALL, UNIQUE, gzip=False)
    assert key == f"function=orders-api/date=2026-11-25/hour=12/orders-api-1795608000000-{UNIQUE}.log"


def test_a_compressed_object_says_so_in_its_key() -> None:
    assert objects.key("", Origin("f", "", ""), WALL, "u", gzip=True) == "f-1795608000000-u.log.gz"


def test_an_empty_prefix_gives_the_samples_flat_name() -> None:
    assert objects.key("", origin(), WALL, UNIQUE, gzip=False) == f"orders-api-1795608000000-{UNIQUE}.log"


def test_a_template_may_use_each_placeholder_twice_or_not_at_all() -> None:
    key = objects.key("{date}/{date}/x/{function}-{function}/", Origin("f", "", ""), WALL, "u", gzip=False)
    assert key == "2026-11-25/2026-11-25/x/f-f/f-1795608000000-u.log"


def test_every_placeholder_has_its_value() -> None:
    made = Origin("orders-api", "42", "0123456789ab", ("eu-west-1", "111122223333"))
    prefix = "{account}/{region}/{function}/v{version}/{year}/{month}/{day}/{date}T{hour}/"
    key = objects.key(prefix, made, WALL, "u", gzip=False)
    assert key.startswith("111122223333/eu-west-1/orders-api/v42/2026/11/25/2026-11-25T12/orders-api-1795608000000-u")


@given(SECONDS)
def test_year_month_and_day_are_those_of_datetime_in_utc(seconds: int) -> None:
    key = objects.key("{year}/{month}/{day}|", Origin("f", "", ""), float(seconds), "u", gzip=False)
    assert key.partition("|")[0] == datetime.fromtimestamp(seconds, UTC).strftime("%Y/%m/%d").zfill(10)


@pytest.mark.parametrize(
    ("where", "arn", "expected"),
    [
        (("", ""), "", "unknown/unknown"),
        (("eu-west-1", ""), "", "eu-west-1/unknown"),
        (("", ""), "arn:aws:lambda:us-east-2:999900001111:function:f", "us-east-2/999900001111"),
        (("eu-west-1", "111122223333"), "arn:aws:lambda:us-east-2:999900001111:function:f", "eu-west-1/111122223333"),
        (("", ""), "arn:aws:lambda", "unknown/unknown"),
        (("", ""), "arn:aws:lambda:a/b:{hour}:function:f", "unknown/unknown"),
        (("", ""), f"arn:aws:lambda:{'x' * 26}:1234:function:f", "unknown/1234"),
        (("", ""), f"arn:aws:lambda:{'x' * 25}:1234", f"{'x' * 25}/1234"),
        (("", ""), "arn:aws:lambda:---:1-2", "unknown/1-2"),
        (("", ""), "arn:aws:lambda:::function:f", "unknown/unknown"),
    ],
)
def test_region_and_account_are_what_start_up_has_learnt_else_those_of_the_arn(
    where: tuple[str, str], arn: str, expected: str
) -> None:
    made = Origin("f", "1", "0123456789ab", where)
    made.arn = arn
    assert objects.key("{region}/{account}|", made, WALL, "u", gzip=False).partition("|")[0] == expected


@given(SECONDS)
def test_date_and_hour_agree_with_datetime_in_utc(seconds: int) -> None:
    oracle = datetime.fromtimestamp(seconds, UTC)
    assert objects.date_and_hour(float(seconds)) == (oracle.strftime("%Y-%m-%d").zfill(10), oracle.strftime("%H"))


@pytest.mark.parametrize("year", [1970, 1999, 2000, 2001, 2024, 2026, 2028, 2100, 2400])
def test_the_first_and_the_last_hour_of_every_day_of_a_year_agree_with_datetime(year: int) -> None:
    midnight = datetime(year, 1, 1, tzinfo=UTC)
    while midnight.year == year:
        for moment in (midnight, midnight + timedelta(hours=23, minutes=59, seconds=59)):
            expected = moment.strftime("%Y-%m-%d"), moment.strftime("%H")
            assert objects.date_and_hour(moment.timestamp()) == expected
        midnight += timedelta(days=1)


@given(st.integers(0, 4_102_444_800_000_000))
@example(1_999_900)  # the last moment of a second has three digits too
def test_iso_time_agrees_with_datetime_to_the_millisecond(microseconds: int) -> None:
    text = objects.iso_time(microseconds / 1e6)
    assert text.endswith("Z")
    assert len(text) == 24
    difference = datetime.fromisoformat(text) - datetime.fromtimestamp(microseconds / 1e6, UTC)
    assert abs(difference.total_seconds()) <= 0.0011  # a float of seconds may fall just below its millisecond


@given(st.integers(0, 4_102_444_800_000))
def test_the_epoch_milliseconds_of_a_key_are_those_of_the_arrival(milliseconds: int) -> None:
    key = objects.key("", Origin("f", "", ""), milliseconds / 1000, "u", gzip=False)
    assert abs(int(key.split("-")[1]) - milliseconds) <= 1


# the body

APPENDS = st.lists(st.binary(max_size=200).map(lambda part: part.replace(b"\n", b"") + b"\n"))


def closed(body: Body) -> bytes:
    made = body.close()
    assert isinstance(made, bytes)  # memory has kept it
    return made


@given(APPENDS)
def test_a_plain_body_is_what_was_appended(parts: list[bytes]) -> None:
    body = Body(gzip=False)
    for part in parts:
        body.append(part)
    assert body.raw_bytes == body.in_memory == len(b"".join(parts))
    assert body.close() == b"".join(parts)
    assert body.size == body.raw_bytes


@given(APPENDS)
def test_a_compressed_body_is_gzip_to_the_standard_librarys_own_reader(parts: list[bytes]) -> None:
    body = Body(gzip=True)
    for part in parts:
        body.append(part)
    assert body.raw_bytes == len(b"".join(parts))  # counted before compression
    made = closed(body)
    assert gzip.decompress(made) == b"".join(parts)
    assert body.size == len(made)


@given(APPENDS)
def test_the_same_appends_give_the_same_bytes(parts: list[bytes]) -> None:
    bodies = [Body(gzip=True), Body(gzip=True)]
    for body in bodies:
        for part in parts:
            body.append(part)
    first, second = (body.close() for body in bodies)
    assert first == second


def test_the_gzip_header_carries_no_time_and_no_name() -> None:
    header = Body(gzip=True).close()[:10]
    assert header[:4] == b"\x1f\x8b\x08\x00"  # no flags: no name, no comment
    assert header[4:8] == b"\x00\x00\x00\x00"  # mtime 0


RECORDS = st.lists(st.dictionaries(st.text(), st.text() | st.integers() | st.none(), min_size=1))


@given(RECORDS, st.sampled_from([None, "", "r1", 'a"b\\c\nd\u2028é']))
def test_decode_gives_back_what_was_encoded_compressed_or_not(
    sent: list[dict[str, object]], request_id: str | None
) -> None:
    texts = [objects.line(json.dumps(one), request_id, "0123456789ab", n) for n, one in enumerate(sent)]
    bodies = [Body(gzip=False), Body(gzip=True)]
    for body in bodies:
        body.append("".join(texts).encode())
    added = {"requestId": request_id, "environment": "0123456789ab"}
    expected = [one | added | {"sequence": n} for n, one in enumerate(sent)]
    assert [objects.decode(closed(body)) for body in bodies] == [expected, expected]


def test_a_line_that_is_not_json_is_an_error_to_the_reader() -> None:
    with pytest.raises(ValueError, match="Expecting"):
        objects.decode(b'{"a":1}\nnot json\n')


# the metadata


def test_the_metadata_names_everything_that_is_known() -> None:
    assert objects.metadata(origin(), "2026-01-01T00:00:00.000Z", "2026-01-01T00:00:01.000Z", 7, 1234, "bytes") == {
        "format": "1",
        "extension-version": objects.VERSION,
        "function-arn": "arn:aws:lambda:eu-west-1:111122223333:function:orders-api",
        "function-version": "$LATEST",
        "environment": "0123456789ab",
        "api": "telemetry",
        "schema": "2025-01-29",
        "first-time": "2026-01-01T00:00:00.000Z",
        "last-time": "2026-01-01T00:00:01.000Z",
        "records": "7",
        "raw-bytes": "1234",
        "reason": "bytes",
        "timeout-ms": "30000",
    }


def test_what_is_not_known_is_left_out() -> None:
    metadata = objects.metadata(Origin("f", "", "0123456789ab"), "", "", 1, 2, "age")
    assert sorted(metadata) == ["environment", "extension-version", "format", "raw-bytes", "reason", "records"]


@given(st.text(), st.text(), st.text())
def test_metadata_is_printable_ascii_whatever_comes_in(arn: str, first: str, last: str) -> None:
    for value in objects.metadata(origin(arn), first, last, 1, 2, "age").values():
        assert value
        assert value.isascii()
        assert value.isprintable()  # a line break would end the header


@pytest.mark.holds("faults: a forged record makes no object unstorable: an ARN looks like one, headers stay under 2 KB")
@given(st.lists(st.text(min_size=1, max_size=1).map(lambda one: one * 5000), min_size=9, max_size=9))
def test_all_metadata_together_stays_under_the_2_kb_that_s3_takes(values: list[str]) -> None:
    made = Origin("orders-api", values[0], values[1])
    made.arn, made.api, made.schema, made.timeout = values[2], values[3], values[4], 10**30
    metadata = objects.metadata(made, values[5], values[6], 10**30, 10**30, values[7])
    assert len(metadata) == 13
    assert sum(len(f"x-amz-meta-{name}") + len(value) for name, value in metadata.items()) < 2048
    assert len(metadata["function-arn"]) == 256
    assert max(len(value) for name, value in metadata.items() if name != "function-arn") == 128


@pytest.mark.parametrize("length", [128, 129])
def test_a_value_is_cut_behind_128_characters_and_the_arn_behind_256(length: int) -> None:
    made = Origin("f", "v" * length, "0123456789ab")
    made.arn = "a" * (length + 128)
    metadata = objects.metadata(made, "", "", 1, 2, "r" * length)
    assert metadata["function-version"] == "v" * 128
    assert metadata["reason"] == "r" * 128
    assert metadata["function-arn"] == "a" * 256


@pytest.mark.parametrize("text", ["arn:", "arn:aws:lambda:eu-west-1:1:function:f ~", "arn:" + "x" * 252])
def test_what_may_be_an_arn(text: str) -> None:
    assert objects.is_arn(text)


@pytest.mark.parametrize(
    "text", ["", "a", "arn", "ARN:aws", " arn:aws", "arn:" + "x" * 253, "arn:é", "arn:\n", "arn:\x7f"]
)
def test_what_is_no_arn(text: str) -> None:
    assert not objects.is_arn(text)


def test_of_a_value_that_no_header_can_carry_only_what_is_not_printable_ascii_is_replaced() -> None:
    arn = objects.metadata(origin("a b~é\x7f\r\n\x1fz"), "", "", 1, 2, "age")["function-arn"]
    assert arn == "a b~?????z"
