"""Which records of a batch failed: each condition that the Lambda developer guide lists, and its neighbours."""

from __future__ import annotations

import json

import pytest

from adaptive_batching.sandbox.landscape.partial import MalformedError, failed

KNOWN = {"a", "b", "c"}


@pytest.mark.parametrize(
    "answer",
    [None, {}, {"batchItemFailures": []}, {"batchItemFailures": None}, {"statusCode": 200}],
    ids=["null", "empty", "empty-list", "null-list", "other-members"],
)
def test_the_batch_has_succeeded(answer: object) -> None:
    assert failed(json.dumps(answer).encode(), KNOWN) == set()


def test_no_answer_at_all_is_a_success() -> None:
    assert failed(b"", KNOWN) == set()


def test_the_named_records_have_failed() -> None:
    answer = {"batchItemFailures": [{"itemIdentifier": "b"}, {"itemIdentifier": "a"}, {"itemIdentifier": "b"}]}
    assert failed(json.dumps(answer).encode(), KNOWN) == {"a", "b"}


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        ("{", "not JSON"),
        ('"text"', "not an object"),
        ("[]", "not an object"),
        ('{"batchItemFailures": {}}', "not a list"),
        ('{"batchItemFailures": [{"itemIdentifier": ""}]}', "no itemIdentifier"),
        ('{"batchItemFailures": [{"itemIdentifier": null}]}', "no itemIdentifier"),
        ('{"batchItemFailures": [{"itemIdentifer": "a"}]}', "no itemIdentifier"),
        ('{"batchItemFailures": ["a"]}', "no itemIdentifier"),
        ('{"batchItemFailures": [{"itemIdentifier": "d"}]}', "'d' is not the identifier"),
        ('{"batchItemFailures": [{"itemIdentifier": "a"}, {"itemIdentifier": "d"}]}', "'d' is not the identifier"),
    ],
)
def test_the_whole_batch_has_failed(payload: str, why: str) -> None:
    with pytest.raises(MalformedError, match=why):
        failed(payload.encode(), KNOWN)
