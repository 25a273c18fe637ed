"""Whatever stands at a place of a load script or a mapping is read, or is a sentence in the words of this project."""

from __future__ import annotations

import copy
import json
import re
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from adaptive_batching.load.core import script
from adaptive_batching.sandbox.mock import stubs
from adaptive_batching.values import invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Each key that a script knows.
SCRIPT = {
    "config": {
        "target": "http://localhost",
        "phases": [
            {"name": "a", "duration": 1, "arrivalRate": 1, "rampTo": 2},
            {"duration": 1, "arrivalCount": 3},
            {"pause": 1},
        ],
        "payload": [{"path": "a.csv", "fields": ["a"], "order": "random", "skipHeader": True, "cast": False}],
        "variables": {"b": [1]},
        "ensure": {
            **dict.fromkeys(("min", "max", "median", "p50", "p95", "p99", "maxErrorRate"), 1),
            "thresholds": [{"http.response_time.p95": 1}],
            "conditions": [{"expression": "http.requests > 1", "strict": True}],
        },
        "plugins": {"ensure": {"p95": 1}},
        "http": {"timeout": 1},
    },
    "scenarios": [
        {
            "name": "a",
            "weight": 1,
            "flow": [
                {"post": {"url": "/", "headers": {"A": "b"}, "json": {"c": 1}}},
                {"get": {"url": "/", "body": "x"}},
                {"think": 1},
            ],
        }
    ],
}
#: Each key that a mapping knows.
MAPPING = {
    "id": "a",
    "uuid": "b",
    "name": "c",
    "metadata": {"d": 1},
    "persistent": True,
    "priority": 1,
    "request": {"method": "GET", "url": "/"},
    "response": {
        "status": 200,
        "body": "a",
        "headers": {"A": "b", "C": ["d", "e"]},
        "fixedDelayMilliseconds": 1,
        "delayDistribution": {"type": "lognormal", "median": 1, "sigma": 1},
    },
}
JUNK: list[Any] = ["x", "inf", -1, 1.5, 10**400, True, None, [], ["x"], {"a": 1}, [{}], "x" * 999]
#: How pydantic writes.
FOREIGN = re.compile(r"[Ii]nput|should|valid|Field required|dictionary|tuple|string|integer|greater|pydantic|None|True")


def places(value: Any, place: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:  # noqa: ANN401 - JSON
    yield place
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, one in parts:
        yield from places(one, (*place, name))


def changed(whole: Any, place: tuple[str | int, ...], value: object) -> Any:  # noqa: ANN401 - JSON
    if not place:
        return value
    found = copy.deepcopy(whole)
    inner = found
    for part in place[:-1]:
        inner = inner[part]
    inner[place[-1]] = value
    return found


@pytest.mark.parametrize(
    ("whole", "read", "error"),
    [
        (SCRIPT, lambda text: script.read(text, "f"), script.ScriptError),
        (MAPPING, stubs.read, stubs.StubError),
    ],
    ids=["script", "mapping"],
)
def test_junk_at_any_place_is_a_sentence_of_ours(
    whole: Any,  # noqa: ANN401 - JSON
    read: Callable[[str], object],
    error: type[Exception],
) -> None:
    seed = Random().randrange(10**6)
    print("seed", seed)
    random = Random(seed)
    read(json.dumps(whole))
    refused = 0
    for place in places(whole):
        for junk in random.sample(JUNK, 5):
            try:
                read(json.dumps(changed(whole, place, junk)))
            except error as found:
                said = str(found)
                refused += 1
                assert "\n" not in said, (place, junk, said)
                assert not FOREIGN.search(said.replace(repr(junk), "")), (place, junk, said)
                assert len(said) < 300, (place, junk, said)
    assert refused > 2 * len(list(places(whole)))


def test_an_error_that_is_not_known_names_the_value() -> None:
    error = {"type": "from_a_later_version", "loc": ("a", 1), "msg": "Input should be better", "input": [None, True]}
    assert invalid.sentence(error) == "item 2 of 'a' is [None, True], which cannot be used"
