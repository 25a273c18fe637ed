"""What the light store alone can promise."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from extension.errors import StoreError
from extension.stores.light import LightStore
from tests.edge.extension.stores.conftest import an_object
from tests.fakes.s3 import BUCKET, REGION
from tests.fakes.s3_scripted import ScriptedS3

if TYPE_CHECKING:
    from tests.fakes.listener import Connection, Request


class YesTooEarly:
    """Says that all is stored while the body is still on its way, and closes."""

    def play(self, s3: ScriptedS3, connection: Connection, request: Request) -> bool:
        del s3, request
        connection.send(b'HTTP/1.1 200 OK\r\nETag: "0"\r\nContent-Length: 0\r\n\r\n')
        return False


def test_a_yes_to_a_body_that_was_not_sent_whole_is_none() -> None:
    with ScriptedS3([YesTooEarly()]) as s3:
        store = LightStore(BUCKET, REGION, s3.environ(), print)
        with pytest.raises(StoreError) as caught:
            store.put(an_object(body=b"x" * 30_000_000))
        assert caught.value.kind == StoreError.TRANSPORT


def test_no_module_is_loaded_that_is_not_needed() -> None:
    """In a process of its own: what importing the store brings, without and with TLS."""
    program = """
import json, sys
sys.path.insert(0, sys.argv[1])
import extension.stores.factory, extension.stores.light, extension.stores.tls
print(json.dumps(sorted(sys.modules)))
"""
    root = Path(__file__).parents[4]
    command = [sys.executable, "-I", "-S", "-c", program, str(root)]
    loaded = set(json.loads(subprocess.run(command, check=True, capture_output=True, timeout=20).stdout))
    heavy = {
        "http.client",
        "email",
        "urllib",
        "logging",
        "uuid",
        "dataclasses",
        "typing",
        "threading",
        "encodings.idna",
    }
    assert loaded & heavy == set()
    assert "boto3" not in loaded
    assert {"ssl", "hashlib", "hmac"} <= loaded
