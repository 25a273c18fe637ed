"""A body in a file, while the file changes."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from extension.errors import StoreError
from extension.stores.request import BLOCK_BYTES, blocks, measure

if TYPE_CHECKING:
    from pathlib import Path

SIZES = [0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 3 * BLOCK_BYTES]


@pytest.mark.parametrize("size", SIZES)
def test_bytes_and_a_file_are_the_same_body(tmp_path: Path, size: int) -> None:
    content = (b"0123456789abcdef" * (size // 16 + 1))[:size]
    file = tmp_path / "chunk"
    file.write_bytes(content)
    for body in (content, str(file)):
        assert measure(body) == (size, hashlib.sha256(content).hexdigest())
        assert b"".join(blocks(body, size, b"head")) == b"head" + content


def test_of_a_file_that_grew_only_what_was_signed_is_sent(tmp_path: Path) -> None:
    file = tmp_path / "chunk"
    file.write_bytes(b"signed")
    size, _ = measure(str(file))
    with file.open("ab") as more:
        more.write(b" and more")
    assert b"".join(blocks(str(file), size, b"")) == b"signed"


def test_a_file_that_became_shorter_ends_the_attempt(tmp_path: Path) -> None:
    file = tmp_path / "chunk"
    file.write_bytes(b"signed")
    with pytest.raises(StoreError) as caught:
        list(blocks(str(file), 7, b"head"))
    assert (caught.value.kind, caught.value.code) == (StoreError.TRANSPORT, "BodyChanged")
