"""Where the commands on an AWS account find no account of this machine's user."""

from __future__ import annotations

import os

import pytest

from tests.fakes.s3 import clean_environ


@pytest.fixture(autouse=True)
def nobodys_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither settings nor credentials, and a metadata service that is refused at once."""
    wanted = clean_environ(AWS_METADATA_SERVICE_NUM_ATTEMPTS="1")
    for name in set(os.environ) - set(wanted):
        monkeypatch.delenv(name)
    for name, value in wanted.items():
        monkeypatch.setenv(name, value)
