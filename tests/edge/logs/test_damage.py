"""Damage is counted, to the line, and never fatal: what can be read is read."""

from __future__ import annotations

import gzip
import json
import os
import random
import re
import subprocess
import sys
import zlib
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from adaptive_batching.logs.cache.batch import Batch
from adaptive_batching.logs.cache.segments import Stored
from adaptive_batching.logs.reading import Reading
from adaptive_batching.logs.sql import rules
from tests.fakes.shipped import BEGIN, Shipped, encoded, text

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TEN = [encoded(text(f"line {number}\n"), BEGIN, "a256ecd3d5c7", number) for number in range(1, 11)]
WHOLE = b"".join(TEN)
FIFTH = TEN[4]


def instead(line: bytes) -> bytes:
    """Ten lines, the fifth of which is another one."""
    return b"".join([*TEN[:4], line, *TEN[5:]])


def changed(old: bytes, new: bytes) -> bytes:
    assert old in FIFTH
    return instead(FIFTH.replace(old, new))


NOISE = b"".join(
    encoded(text(random.Random(7).randbytes(90).hex()), BEGIN, "a256ecd3d5c7", number) for number in range(1, 301)
)
PACKED = gzip.compress(NOISE, mtime=0)


def cut_lines(body: bytes) -> int:
    """How many whole lines can be had of a gzip stream: by the standard library alone, byte by byte."""
    stream, found = zlib.decompressobj(31), b""
    try:
        for at in range(len(body)):
            found += stream.decompress(body[at : at + 1])
    except zlib.error:
        pass
    return found.count(b"\n")


# name: body, lines that are read, lines that are unreadable, whether the object is damaged
FORMS: dict[str, tuple[bytes, int, int | None, bool]] = {
    "whole": (WHOLE, 10, 0, False),
    "gzip": (gzip.compress(WHOLE), 10, 0, False),
    "gzip of two members": (gzip.compress(WHOLE) + gzip.compress(WHOLE), 20, 0, False),
    "gzip with padding": (gzip.compress(WHOLE) + b"\0" * 100, 10, 0, False),
    "gzip with rubbish behind it": (gzip.compress(WHOLE) + b"rubbish", 10, 0, True),
    "empty": (b"", 0, 0, True),
    "gzip of nothing": (gzip.compress(b""), 0, 0, True),
    "gzip of nothing, twice": (gzip.compress(b"") * 2, 0, 0, True),
    "gzip of nothing, then lines": (gzip.compress(b"") + gzip.compress(WHOLE), 10, 0, False),
    "cut gzip": (PACKED[: len(PACKED) // 2], cut_lines(PACKED[: len(PACKED) // 2]), 1, True),
    "gzip without its end": (gzip.compress(WHOLE)[:-4], 10, 0, True),
    "damaged gzip": (gzip.compress(WHOLE)[:40] + b"\xff" * 40, 0, None, True),
    "only the first two bytes of gzip": (b"\x1f\x8b", 0, 0, True),
    "no newline at the end": (WHOLE[:-1], 10, 0, False),
    "blank lines": (b"\n" + WHOLE.replace(b"\n", b"\n\n \n"), 10, 0, False),
    "carriage returns": (WHOLE.replace(b"\n", b"\r\n"), 10, 0, False),
    "a cut line": (instead(FIFTH[:50] + b"\n"), 9, 1, False),
    "a cut last line": (WHOLE[:-20], 9, 1, False),
    "42": (instead(b"42\n"), 9, 1, False),
    "null": (instead(b"null\n"), 9, 1, False),
    "an array": (instead(b"[1,2]\n"), 9, 1, False),
    "an object without our members": (instead(b'{"a":1}\n'), 9, 1, False),
    "two objects on a line": (instead(FIFTH[:-1] + FIFTH), 9, 1, False),
    "text behind an object": (instead(FIFTH[:-1] + b" more\n"), 9, 1, False),
    "binary": (bytes(range(1, 256)) * 3, 0, 4, False),
    "a lone surrogate": (changed(b"line 5", b"\\ud800 5"), 10, 0, False),
    "bytes that are not UTF-8": (changed(b"line 5", b"\xff\xfe"), 10, 0, False),
    "an escaped NUL": (changed(b"line 5", b"\\u0000"), 10, 0, False),
    "a NUL": (changed(b"line 5", b"\x00"), 9, 1, False),
    "a control character": (changed(b"line 5", b"\x01"), 9, 1, False),
    "a sequence that is text": (changed(b'"sequence":5', b'"sequence":"five"'), 10, 0, False),
    "a time that is none": (changed(b"2026-11-20T09:15", b"yesterday"), 9, 1, False),
    "a time that is a number": (changed(b'"2026-11-20T09:15:00.000Z"', b"5"), 9, 1, False),
    "a type that is null": (changed(b'"function"', b"null"), 9, 1, False),
    "a record that is a number": (changed(b'"line 5\\n"', b"5"), 10, 0, False),
    "a record that is an array": (changed(b'"line 5\\n"', b"[5]"), 10, 0, False),
    "a record that is deep": (changed(b'"line 5\\n"', b"[" * 3000 + b"]" * 3000), 10, 0, False),
    "a record that is very deep beside what is no line": (
        changed(b'"line 5\\n"', b"[" * 20_000 + b"]" * 20_000).replace(TEN[5], b"junk\n" + TEN[5]),
        10,
        1,
        False,
    ),
    "no record": (changed(b'"record":"line 5\\n",', b""), 10, 0, False),
    "a byte order mark": (b"\xef\xbb\xbf" + WHOLE, 10, 0, False),
    "a byte order mark in the middle": (instead(b"\xef\xbb\xbf" + FIFTH), 10, 0, False),
    "a line of a form feed": (instead(b"\x0c\n"), 9, 0, False),
    "a comma before the end": (changed(b'"sequence":5', b'"sequence":5,'), 10, 0, False),  # DuckDB is lenient
    "a record that is no number": (changed(b'"line 5\\n"', b"NaN"), 10, 0, False),
    "a line of 20 MB": (changed(b"line 5", b"x" * 20_000_000), 10, 0, False),
    "a cut line of 20 MB": (instead(b'{"record":"' + b"x" * 20_000_000 + b"\n"), 9, 1, False),
}


def read(folder: Path, cache: Path) -> dict[str, Any]:
    with Reading(str(folder), cache=cache).open() as logs:
        rows = logs.connection.execute(
            "select type, message, ts, environment, sequence, object, line from logs order by object, line"
        ).fetchall()
        lines = [row for row in rows if row[0] != "insights.unreadable"]
        damaged = logs.connection.execute("select count(*) from objects where damage is not null").fetchone()
        assert damaged is not None
        counted = logs.complete()
        assert (counted.lines, counted.unreadable) == (len(lines), len(rows) - len(lines))
        return {"rows": rows, "lines": len(lines), "unreadable": len(rows) - len(lines), "damaged": damaged[0]}


@pytest.mark.parametrize("form", FORMS)
def test_what_can_be_read_is_read_and_the_rest_is_counted(form: str, tmp_path: Path) -> None:
    body, lines, unreadable, damaged = FORMS[form]
    ship = Shipped(tmp_path / "logs", compressed=False)
    ship.put(body, BEGIN)
    found = read(tmp_path / "logs", tmp_path / "cache")
    assert (found["lines"], bool(found["damaged"])) == (lines, damaged)
    assert unreadable is None or found["unreadable"] in ((0, 1) if "cut gzip" in form else (unreadable,))
    again = read(tmp_path / "logs", tmp_path / "cache")  # from the cache
    assert again == found


@pytest.mark.parametrize("seed", range(6))
def test_odd_bytes_as_lines_are_counted_and_the_others_are_read(seed: int, tmp_path: Path) -> None:
    """In several objects of one batch, in which a place in the file is not the place in the object."""
    print(f"seed {seed}")
    chance = random.Random(seed)
    odd = [
        b"\xef\xbb\xbf",
        b"\x0b",
        b"\x0c",
        b"\x1c",
        b"\x85",
        b"\xa0",
        b"\xc2\xa0",
        b" ",
        b"\t",
        b"\r",
        b",",
        b"{",
        b"}",
        b'"',
        b"\0",
    ]
    odd += [bytes([number]) for number in range(256) if number != ord("\n")]
    ship = Shipped(tmp_path / "logs", compressed=False)
    expected = {"lines": 0, "unreadable": 0}
    for _ in range(8):
        lines = [b"\xef\xbb\xbf" * chance.choice((0, 0, 1)) + one for one in chance.sample(TEN, 3)]
        expected["lines"] += len(lines)
        for _ in range(chance.randrange(5)):
            junk = b"".join(chance.choices(odd, k=chance.randrange(1, 3)))
            expected["unreadable"] += bool(junk.strip())
            lines.insert(chance.randrange(len(lines) + 1), junk + b"\n")
        ship.put(b"".join(lines), BEGIN)
    found = read(tmp_path / "logs", tmp_path / "cache")
    assert {name: found[name] for name in expected} == expected


LONG: dict[str, tuple[int, Callable[[str], object]]] = {
    "members": (1300, lambda words: {"level": "INFO", "message": words}),
    "text of a member": (1400, lambda words: {"message": "m", "event": {"body": words}}),
    "JSON text": (2400, lambda words: json.dumps({"level": "INFO", "message": words})),
    "JSON text within": (2400, lambda words: {"message": json.dumps({"message": words, "traceId": "t"})}),
}


@pytest.mark.parametrize("name", LONG)
def test_an_object_of_many_long_lines_is_read(name: str, tmp_path: Path) -> None:
    """DuckDB takes 2,048 lines at a time, however long they are."""
    count, made = LONG[name]
    words = " ".join(random.Random(1).choices([f"{number:x}" for number in range(5000)], k=4200))[:20_000]
    ship = Shipped(tmp_path / "logs", compressed=False)
    ship.put(b"".join(encoded(text(made(words)), BEGIN, "a256ecd3d5c7", n + 1) for n in range(count)), BEGIN)
    found = read(tmp_path / "logs", tmp_path / "cache")
    assert (found["lines"], found["unreadable"], found["damaged"]) == (count, 0, 0)
    with Reading(str(tmp_path / "logs"), cache=tmp_path / "cache").open() as logs:  # what needs most memory
        assert logs.connection.execute(rules.failed()).fetchall() == []
        (longest,) = logs.connection.execute("select max(length(fields)) from logs").fetchone() or ()
        assert longest >= len(words)


def test_long_lines_together_among_many_short_ones_are_read(tmp_path: Path) -> None:
    """On average they are short."""
    short = [encoded(text("short"), BEGIN, "a256ecd3d5c7", number + 1) for number in range(21_000)]
    heavy = [encoded(text("x" * 200_000), BEGIN, "a256ecd3d5c7", 21_001 + number) for number in range(230)]
    Shipped(tmp_path / "logs", compressed=False).put(b"".join([*short, *heavy]), BEGIN)
    with Reading(str(tmp_path / "logs"), cache=tmp_path / "cache").open() as logs:
        assert [one.is_long for one in logs.segments] == [True]
        found = logs.connection.execute("select ts, record, message from logs order by ts, sequence").fetchall()
        assert len(found) == len(short) + len(heavy)


def test_lines_too_long_for_the_memory_are_damage(tmp_path: Path) -> None:
    batch = Batch(tmp_path / "lines", "orders", more=("11MB",))
    body = b"".join(encoded(text({"message": "x" * 9000}), BEGIN, "a256ecd3d5c7", n + 1) for n in range(3000))
    batch.add(Stored("key", 1, "tag", 3000, None, None, {}), BEGIN, body)
    with duckdb.connect(config={"threads": 1, "memory_limit": "10MB"}) as connection:
        failed = batch.convert(connection, tmp_path / "segments")
    assert {key: str(why) for key, why in failed.items()} == {
        "key": "its lines are too long to be read with 11MB of memory"
    }
    assert list((tmp_path / "segments").iterdir()) == []


def test_where_there_is_no_room_for_lines_tmpdir_is_named(tmp_path: Path) -> None:
    ship = Shipped(tmp_path / "logs")
    ship(text("x" * 500_000))
    (tmp_path / "room").mkdir()
    program = (
        "import resource, sys; from adaptive_batching.cli import main\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)); sys.exit(main())"
    )
    words = ["logs", "search", str(tmp_path / "logs"), "--cache", str(tmp_path / "cache")]
    environ = {**os.environ, "TMPDIR": str(tmp_path / "room")}
    done = subprocess.run(
        [sys.executable, "-c", program, *words], env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert re.fullmatch(
        rf"logs search: the lines cannot be written into '{tmp_path}/room/[\w/-]+' for a moment: File too large; "
        "TMPDIR names another folder\n",
        done.stderr,
    )


def test_beside_a_damaged_object_every_line_of_the_others_is_read_as_it_was(tmp_path: Path) -> None:
    ship = Shipped(tmp_path / "logs", environment="a256ecd3d5c7", compressed=False)
    for body, *_ in FORMS.values():
        ship.put(body, BEGIN)
        ship.put(WHOLE, BEGIN)
    found = read(tmp_path / "logs", tmp_path / "cache")
    assert found["lines"] == sum(form[1] for form in FORMS.values()) + 10 * len(FORMS)
    assert found["damaged"] == sum(form[3] for form in FORMS.values())


def test_a_line_that_cannot_be_read_has_its_text_and_the_time_of_its_neighbour(tmp_path: Path) -> None:
    ship = Shipped(tmp_path / "logs", compressed=False)
    ship.put(instead(b"42 \xff\n"), BEGIN)
    (row,) = [one for one in read(tmp_path / "logs", tmp_path / "cache")["rows"] if one[0] == "insights.unreadable"]
    assert row[1] == "42 \ufffd"
    assert row[2] == BEGIN.replace(tzinfo=None)
    assert (row[3], row[4], row[6]) == ("a256ecd3d5c7", None, 5)


def test_what_cannot_be_written_in_utf_8_is_a_replacement_character(tmp_path: Path) -> None:
    ship = Shipped(tmp_path / "logs", compressed=False)
    ship.put(changed(b"line 5", b"\\ud800\\ud83d\\ude00 \xff"), BEGIN)
    messages = [row[1] for row in read(tmp_path / "logs", tmp_path / "cache")["rows"]]
    assert messages[4] == "\ufffd\N{GRINNING FACE} \ufffd"


@pytest.mark.parametrize("seed", range(3))
def test_a_stream_that_is_cut_anywhere_keeps_what_came_before(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    ship = Shipped(tmp_path / "logs", compressed=False)
    expected = 0
    for _ in range(20):
        body = PACKED[: chance.randrange(2, len(PACKED))]
        if chance.random() < 0.5:
            at = chance.randrange(len(body))
            body = body[:at] + bytes([body[at] ^ 255]) + body[at + 1 :]
        ship.put(body, BEGIN)
        expected += sum(_is_line(one) for one in _kept(body).split(b"\n"))
    print(f"seed {seed}")
    assert read(tmp_path / "logs", tmp_path / "cache")["lines"] == expected


def _kept(body: bytes) -> bytes:
    if not body.startswith(b"\x1f\x8b"):
        return body
    stream, found = zlib.decompressobj(31), []
    try:
        for at in range(0, len(body), 256):  # zlib gives nothing of a piece with a damage
            found.append(stream.decompress(body[at : at + 256]))  # noqa: PERF401
    except zlib.error:
        pass
    return b"".join(found)


def _is_line(line: bytes) -> bool:
    try:
        found = json.loads(line.decode("utf-8", "replace"))
    except ValueError:
        return False
    return isinstance(found, dict) and {"time", "type"} <= found.keys()
