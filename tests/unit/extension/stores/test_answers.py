"""What an answer means. That each code has its kind over a real socket, the contract test shows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extension.errors import StoreError
from extension.stores.answers import Response, dechunk, element, raise_for_error, refusal

SPLITS = st.lists(st.integers(1, 40), min_size=1, max_size=10)


@given(body=st.binary(max_size=200), sizes=SPLITS, extension=st.sampled_from([b"", b";a=b"]))
def test_chunks_are_put_together(body: bytes, sizes: list[int], extension: bytes) -> None:
    coded, left, turn = b"", body, 0
    while left:
        part, left = left[: sizes[turn % len(sizes)]], left[sizes[turn % len(sizes)] :]
        coded += b"%x%s\r\n%s\r\n" % (len(part), extension, part)
        turn += 1
    assert dechunk(coded + b"0\r\n\r\n") == body
    for cut in range(len(coded)):
        assert body.startswith(dechunk(coded[:cut]))


@given(st.binary(max_size=300))
def test_any_bytes_are_dechunked_without_an_error(data: bytes) -> None:
    dechunk(data)


@given(st.binary(max_size=300))
def test_a_head_is_read_or_refused_with_a_value_error(data: bytes) -> None:
    try:
        Response(data)
    except ValueError:
        return
    assert data.startswith(b"HTTP/1.")


@pytest.mark.parametrize(
    ("head", "keep_alive", "length"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0", True, 0),
        (b"HTTP/1.1 200 OK\r\nCONTENT-LENGTH:7", True, 7),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: Close", False, 0),
        (b"HTTP/1.1 200 OK", False, -1),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked", False, -1),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0", False, 0),
        (b"HTTP/1.1 204 No Content", True, 0),
    ],
)
def test_when_a_connection_may_be_kept(head: bytes, length: int, *, keep_alive: bool) -> None:
    answer = Response(head)
    assert (answer.keep_alive, answer.length) == (keep_alive, length)


@given(text=st.text(st.characters(exclude_characters="<>", exclude_categories=["Cs"])))
def test_an_element_is_found(text: str) -> None:
    document = f"<Error><Code>{text}</Code></Error>".encode()
    assert element(document, "Code") == text.strip()
    assert element(document, "Region") == ""
    assert element(document[:-10], "Code") == ""


def test_a_refusal_without_a_document_is_named_by_its_status() -> None:
    with pytest.raises(StoreError) as caught:
        raise_for_error(Response(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0"))
    assert (caught.value.kind, caught.value.code) == (StoreError.SERVER, "HTTP502")


def test_the_bucket_s_region_is_not_offered_where_the_region_is_not_the_trouble() -> None:
    assert "eu-west-1" not in refusal(403, "AccessDenied", "Access Denied", "eu-west-1").message
