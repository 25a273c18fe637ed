"""The object format is written twice, by the extension and by the tools: each reading is held against the other."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_batching import objects as tools
from extension.records import objects as extension
from tests.unit.extension.records.strategies import JSON, PATIENT

if TYPE_CHECKING:
    from collections.abc import Callable

ENVELOPES = st.builds(
    lambda kind, record, more: {"time": "2026-11-20T09:15:02.150Z", "type": kind, "record": record, **more},
    st.sampled_from(["function", "platform.report", "extension"]),
    JSON,
    st.dictionaries(st.text(), JSON, max_size=2).map(lambda more: {f"x{name}": value for name, value in more.items()}),
)
OBJECTS = st.lists(st.tuples(ENVELOPES, st.none() | st.text(), st.booleans(), st.booleans()), min_size=1, max_size=6)


def encoded(drawn: list[tuple[dict[str, object], str | None, bool, bool]]) -> bytes:
    """The body that the extension makes, of envelopes that a platform may send: escaped or not, spread or not."""
    texts = [
        json.dumps(envelope, ensure_ascii=ascii_only, indent=1 if spread else None)
        for envelope, _, ascii_only, spread in drawn
    ]
    lines = [
        extension.line(text, request, "0123456789ab", number)
        for number, (text, (_, request, _, _)) in enumerate(zip(texts, drawn, strict=True))
    ]
    return "".join(lines).encode()


@PATIENT
@given(OBJECTS, st.sampled_from([bytes, gzip.compress]))
def test_what_the_extension_encodes_both_read_alike(
    drawn: list[tuple[dict[str, object], str | None, bool, bool]], stored: Callable[[bytes], bytes]
) -> None:
    plain = encoded(drawn)
    body = stored(plain)
    text, records = tools.checked("key", body)
    assert text.encode() == plain
    assert list(records) == tools.lines(body) == extension.decode(body)
    assert [record["sequence"] for record in records] == list(range(len(drawn)))
    assert [record["requestId"] for record in records] == [request for _, request, _, _ in drawn]


@given(st.binary(max_size=200))
def test_what_is_not_an_object_neither_reads(body: bytes) -> None:
    """Both read the same lines, or both refuse: what the one takes for an object the other does not throw away."""
    outcomes = []
    for read in (extension.decode, tools.lines):
        try:
            outcomes.append(repr(read(body)))
        except (ValueError, zlib.error):
            outcomes.append("refused")
    assert outcomes[0] == outcomes[1]


def test_the_members_that_the_tools_ask_for_are_those_that_the_extension_writes() -> None:
    line = extension.line('{"time":"t","type":"function","record":"x"}', None, "0123456789ab", 0)
    assert tuple(json.loads(line)) == tools.REQUIRED


@pytest.mark.parametrize("absent", tools.REQUIRED)
def test_a_line_without_one_of_them_is_not_an_object_of_the_extension(absent: str) -> None:
    line = json.loads(extension.line('{"time":"t","type":"function","record":"x"}', None, "0123456789ab", 0))
    del line[absent]
    with pytest.raises(tools.FormatError, match=f"without {absent}"):
        tools.checked("key", json.dumps(line).encode() + b"\n")
