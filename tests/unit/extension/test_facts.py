"""What a reader notes of the lifecycle, and what it carries over to a reader that goes on after it."""

import pytest

from extension.records import objects
from extension.records.chunk import ReaderState
from extension.records.reader import Reader
from tests.unit.extension.build import EPOCH
from tests.unit.extension.records.reading import envelope, read, reader, request_ids, start


def test_a_start_names_the_request_and_the_function() -> None:
    record = {"requestId": "r1", "functionArn": "arn:aws:lambda:eu-west-1:111122223333:function:orders-api"}
    origin = objects.Origin("orders-api", "$LATEST", "0123456789ab")
    received = Reader(("platform",), origin).read(f"[{envelope('platform.start', record)}]".encode(), EPOCH)
    assert received.started == ["r1"]
    assert origin.arn == record["functionArn"]


def test_a_start_that_does_not_name_the_function_leaves_it_unknown() -> None:
    source = reader()
    read(f"[{start('r1')}]", source)
    assert source.state().arn == ""


ARN = "arn:aws:lambda:eu-west-1:111122223333:function:orders-api"
FORGED = [
    *("arn:" + "a" * 253, "a" * 3000, "arn", "", "orders-api", " arn:aws", "arn:é", "arn:a\r\nX: y", "arn:\x7f"),
    *("ARN:aws", "arn:\ud800"),
]


@pytest.mark.holds("faults: a forged record makes no object unstorable: an ARN looks like one, headers stay under 2 KB")
@pytest.mark.parametrize("arn", FORGED)
def test_what_is_no_arn_is_not_learnt_from_a_record_an_invoke_or_a_state(arn: str) -> None:
    source = reader()
    read(f"[{envelope('platform.start', {'requestId': 'r1', 'functionArn': arn})}]", source)
    assert source.state().arn == ""
    source.saw("r1", arn)
    assert source.state().arn == ""
    source.restore(ReaderState("r1", ("r1",), 1, arn))
    assert source.state().arn == ""
    source.saw("r1", ARN)
    assert source.state().arn == ARN


def test_an_arn_of_256_characters_is_one() -> None:
    source = reader()
    source.saw("r1", "arn:" + "a" * 252)
    assert source.state().arn == "arn:" + "a" * 252


@pytest.mark.holds("faults: a forged record makes no object unstorable: an ARN looks like one, headers stay under 2 KB")
def test_an_invoke_names_the_function_whatever_a_record_said_before_or_says_later() -> None:
    source = reader()
    read(f"[{envelope('platform.start', {'requestId': 'r1', 'functionArn': 'arn:forged'})}]", source)
    assert source.state().arn == "arn:forged"
    source.saw("r1", ARN)
    assert source.state().arn == ARN
    read(f"[{envelope('platform.start', {'requestId': 'r2', 'functionArn': 'arn:forged'})}]", source)
    source.saw("r2", ARN + ":an-alias")
    assert source.state().arn == ARN


@pytest.mark.parametrize("kind", ["platform.runtimeDone", "platform.end", "platform.report"])
def test_each_sign_of_the_end_of_a_request_is_noted_though_it_is_not_shipped(kind: str) -> None:
    received = read(f"[{envelope(kind, {'requestId': 'r1', 'status': 'timeout'})}]", reader("function"))
    assert (received.done, received.records) == (["r1"], 0)


@pytest.mark.holds("input: records that are null, an array or a number pass through, those of platform types too")
@pytest.mark.parametrize(
    "record", [None, 5, "r1", [], {}, {"requestId": None}, {"requestId": 5}, {"requestId": ["r1"]}, ["requestId"]]
)
@pytest.mark.parametrize("kind", ["platform.start", "platform.runtimeDone", "platform.logsDropped"])
def test_a_platform_record_of_another_shape_says_nothing_and_is_shipped(kind: str, record: object) -> None:
    received = read(f"[{envelope(kind, record)}]")
    assert (received.started, received.done, received.records) == ([], [], 1)


@pytest.mark.holds("input: the reader does not raise, whatever the bytes are")
@pytest.mark.parametrize(
    ("count", "dropped"),
    [
        ("42", 42),
        ("0", 0),
        ("1", 1),
        ("-3", 1),
        ("1.5", 1),
        ("null", 1),
        ('"many"', 1),
        ('"²"', 1),
        ('"٣"', 1),
        ("9" * 18, 10**18 - 1),
        ("9" * 19, 1),
        ("9" * 5000, 1),
        ("[]", 1),
    ],
)
def test_drops_are_counted_one_at_least_where_the_number_is_odd(count: str, dropped: int) -> None:
    record = '{"droppedRecords":' + count + ',"reason":"slow"}'
    received = read('[{"time":"t","type":"platform.logsDropped","record":' + record + "}]", reader("function"))
    assert received.dropped == dropped


def test_drops_of_one_post_add_up() -> None:
    two = [envelope("platform.logsDropped", {"droppedRecords": count}) for count in (2, 40)]
    assert read(f"[{','.join(two)}]").dropped == 42


# what carries over


def test_a_state_has_the_newest_32_ids_the_last_request_the_sequence_and_the_function() -> None:
    source = reader()
    for number in range(40):
        source.saw(f"r{number}", "arn:1")
    read(f"[{start('r20')},{envelope('function', 'x')}]", source)
    state = source.state()
    assert state.seen == (*(f"r{number}" for number in range(8, 40) if number != 20), "r20")
    assert (state.request_id, state.sequence, state.arn) == ("r20", 2, "arn:1")


def test_a_state_has_all_that_run_beside_the_newest_32_of_the_others() -> None:
    source = reader(concurrent=True)
    ids = [f"r{number}" for number in range(100)]
    read(f"[{','.join(map(start, ids))}]", source)
    read(f"[{','.join(envelope('platform.report', {'requestId': one}) for one in reversed(ids[10:90]))}]", source)
    state = source.state()
    assert state.running == (*ids[:10], *ids[90:])
    assert state.seen == tuple(reversed(ids[10:42]))  # those that ended last


def test_those_that_have_ended_are_remembered_whatever_runs() -> None:
    source = reader(concurrent=True)
    read(f"[{start('r')},{envelope('platform.report', {'requestId': 'r'})}]", source)
    read(f"[{','.join(start(f'r{number}') for number in range(40))}]", source)
    assert source.state().seen == ("r",)


def test_where_one_runs_at_a_time_a_state_says_so() -> None:
    source = reader()
    read(f"[{start('r1')},{start('r2')}]", source)
    assert source.state().running is None


def test_a_reader_that_starts_from_a_state_knows_what_runs() -> None:
    one = reader(concurrent=True)
    read(f"[{start('r1')},{start('r2')}]", one)
    for other in (reader(concurrent=True), reader()):
        other.restore(one.state())
        body = f"[{envelope('function', 'bare')},{envelope('function', {'requestId': 'r1'})}]"
        assert request_ids(read(body, other)) == [None, "r1"]
        assert request_ids(read(f"[{envelope('platform.report', {'requestId': 'r1'})},{body[1:]}", other)) == [
            *("r1", "r2", "r1"),
        ]


def test_a_state_of_an_earlier_version_leaves_it_open_what_runs() -> None:
    source = reader(concurrent=True)
    source.restore(ReaderState("r1", ("r1",), 7))
    body = f"[{envelope('function', 'bare')},{envelope('function', {'requestId': 'r1'})}]"
    assert request_ids(read(body, source)) == [None, "r1"]
    assert request_ids(read(f"[{start('r2')},{start('r3')},{body[1:]}", source)) == ["r2", "r3", None, "r1"]


def test_a_reader_that_starts_from_a_state_makes_the_lines_that_the_one_before_would_have_made() -> None:
    one, other = reader(), reader()
    one.saw("r1")
    read(f"[{start('r2')}]", one)
    other.restore(one.state())
    body = f"[{envelope('function', 'bare')},{envelope('function', {'requestId': 'r1'})}]"
    expected = read(body, one)
    assert request_ids(expected) == ["r2", "r1"]
    assert read(body, other).lines == expected.lines


@pytest.mark.parametrize(("known", "told", "arn"), [("", "arn:1", "arn:1"), ("arn:1", "", "arn:1")])
def test_what_is_known_of_the_function_stays_known(known: str, told: str, arn: str) -> None:
    source = reader()
    source.saw("r1", known)
    source.restore(ReaderState(None, (), 0, told))
    assert source.state().arn == arn
    source.saw("r2")
    assert source.state().arn == arn
