"""What the tools read from the packaged schema is what the extension's own table says."""

from __future__ import annotations

import pytest

from adaptive_batching import settings
from extension.settings import TABLE


def test_the_tools_know_every_variable_of_the_extension_and_its_default() -> None:
    for row in TABLE:
        ending = row.name.removeprefix(settings.PREFIX)
        assert settings.variable(ending) == row.name
        if row.kind != "bucket":
            assert settings.default(ending) == row.default
        if row.kind == "choice":
            assert settings.choices(ending) == tuple(row.choices)


def test_the_bucket_is_the_variable_that_is_required() -> None:
    assert settings.bucket_variable() == "ADAPTIVE_BATCHING_EXTENSION_S3_BUCKET"


def test_the_types_that_are_shipped_by_default_are_a_tuple() -> None:
    assert settings.default_log_types() == ("platform", "function")


def test_a_variable_that_the_extension_does_not_have_is_an_error() -> None:
    with pytest.raises(KeyError, match="ADAPTIVE_BATCHING_EXTENSION_SHIP_RATE"):
        settings.variable("SHIP_RATE")
