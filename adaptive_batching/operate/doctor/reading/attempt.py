"""One question to AWS whose refusal is a fact of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from adaptive_batching.operate.aws import AwsError, answers
from adaptive_batching.operate.doctor.facts import Unknown

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def attempt(ask: Callable[[], T]) -> T | Unknown:
    """Return what AWS answers, or why it does not."""
    try:
        with answers():
            return ask()
    except AwsError as error:
        return unknown(error)


def unknown(error: AwsError) -> Unknown:
    """Return a refusal as a fact that is not known."""
    if error.permission:
        return Unknown(f"these credentials need {error.permission}", error.permission)
    return Unknown(str(error))
