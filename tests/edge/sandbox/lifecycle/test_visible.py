"""What an environment must see is visible wherever it lies: function, layer and certificates below /tmp or /var."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from adaptive_batching.sandbox.host import mounts
from adaptive_batching.sandbox.host.mounts import CERTIFICATES
from adaptive_batching.sandbox.options import base_interpreter
from tests.edge.sandbox.world import EXTENSION, environment, function

WHY = mounts.can_be_private(base_interpreter())
READING = """
import os
def handler(event, context):
    return {name: open(os.environ[name]).read() if os.path.exists(os.environ[name]) else None for name in event}
"""


@pytest.mark.skipif(bool(WHY), reason=WHY or "-")
@pytest.mark.parametrize("where", ["/tmp", "/var/tmp"])
def test_files_of_certificates_are_visible_and_others_are_not(where: str) -> None:
    with tempfile.TemporaryDirectory(dir=where) as name:
        folder = Path(name)
        (folder / "a b.pem").write_text("certificates")
        variables = {CERTIFICATES[0]: f"{folder}/a b.pem", "OTHER": f"{folder}/other.pem", "SSL_CERT_FILE": "/absent"}
        (folder / "other.pem").write_text("hidden")
        one = function(folder, {"tiny": EXTENSION}, variables=variables)
        (one.folder / "app.py").write_text(READING)
        with environment(one) as env:
            assert env.is_private
            assert env.invoke([CERTIFICATES[0], "OTHER"]).json() == {CERTIFICATES[0]: "certificates", "OTHER": None}
        assert (folder / "a b.pem").read_text() == "certificates"


def test_the_platforms_own_host_name_is_known_inside(tmp_path: Path) -> None:
    one = function(tmp_path, {})
    (one.folder / "app.py").write_text(
        "import socket\ndef handler(event, context): return socket.gethostbyname('sandbox.localdomain')\n"
    )
    with environment(one) as env:
        if not env.is_private:
            pytest.skip("names are known inside a private mount namespace only")
        assert env.invoke({}).json() == "127.0.0.1"
