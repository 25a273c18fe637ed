"""Which records of a batch a function failed, by its answer. Pure.

Source: "Implementing partial batch responses" in the Lambda developer guide, for queues and for streams: an answer
without failures is a success, also null and {}. One that is not JSON or names a record wrongly fails the whole batch.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

_LIST, _ID = "batchItemFailures", "itemIdentifier"


class MalformedError(Exception):
    """An answer does not name records as it should. The text says why."""


def failed(payload: bytes, known: Collection[str]) -> set[str]:
    """Return the identifiers of the failed records that an answer names. `known` are those of the batch.

    Raises MalformedError: then all of them have failed.
    """
    try:
        answer = json.loads(payload or b"null")
    except (ValueError, RecursionError):
        raise MalformedError("it is not JSON") from None
    if answer is None:
        return set()
    if not isinstance(answer, dict):
        raise MalformedError(f"it is not an object with {_LIST}")
    failures = answer.get(_LIST)
    if failures is None:
        return set()
    if not isinstance(failures, list):
        raise MalformedError(f"its {_LIST} is not a list")
    found: set[str] = set()
    for one in failures:
        identifier = one.get(_ID) if isinstance(one, dict) else None
        if not isinstance(identifier, str) or not identifier:
            raise MalformedError(f"a failure in it has no {_ID}")
        if identifier not in known:
            raise MalformedError(f"{identifier!r} is not the identifier of a record of the batch")
        found.add(identifier)
    return found
