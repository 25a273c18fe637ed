"""WireMock's mappings: which request gets which answer, after how long."""

from __future__ import annotations

import json
import statistics
from random import Random
from typing import Any

import pytest

from adaptive_batching.sandbox.mock import stubs
from adaptive_batching.sandbox.mock.stubs import Stub


def read(*mappings: dict[str, Any]) -> list[Stub]:
    found = stubs.read(json.dumps({"mappings": mappings}))
    return [Stub(str(number), one) for number, one in enumerate(found)]


def matched(request: dict[str, Any], method: str, url: str) -> bool:
    return stubs.chosen(read({"request": request}), method, url) is not None


@pytest.mark.parametrize(
    ("request_", "yes", "no"),
    [
        ({"method": "POST", "url": "/a?x=1"}, ["POST /a?x=1"], ["GET /a?x=1", "POST /a", "POST /a?x=2"]),
        ({"method": "ANY", "urlPath": "/a"}, ["PUT /a", "GET /a?x=1"], ["GET /a/", "GET /ab"]),
        ({"urlPattern": "/a/[0-9]+\\?.*"}, ["GET /a/12?x"], ["GET /a/12", "GET /b/a/12?x"]),
        ({"urlPathPattern": "/a/[0-9]+"}, ["GET /a/1?x", "DELETE /a/1"], ["GET /a/1/b"]),
        ({}, ["GET /", "POST /anything?x"], []),
        ({"method": "post"}, ["POST /"], ["GET /"]),
    ],
)
def test_which_requests_a_mapping_answers(request_: dict[str, Any], yes: list[str], no: list[str]) -> None:
    assert [one for one in yes if not matched(request_, *one.split())] == []
    assert [one for one in no if matched(request_, *one.split())] == []


def test_the_lowest_priority_comes_first_and_of_the_same_the_last_added() -> None:
    anything: dict[str, object] = {"request": {}, "response": {}}
    found = read(anything, anything | {"priority": 1}, anything | {"priority": 1}, anything, anything | {"priority": 9})
    chosen = stubs.chosen(found, "GET", "/")
    assert chosen
    assert chosen.id == "2"
    last = stubs.chosen(read(anything, anything), "GET", "/")
    assert last
    assert last.id == "1"


def test_a_file_has_one_mapping_or_several() -> None:
    assert [one.response.status for one in stubs.read('{"request": {"url": "/"}, "response": {"status": 201}}')] == [
        201
    ]
    assert len(stubs.read('{"mappings": [{"request": {}}, {"response": {}}]}')) == 2


def test_bodies_and_headers() -> None:
    (text, jsonic) = read(
        {"response": {"body": "é", "headers": {"A": ["1", "2"], "Content-Length": "9"}}},
        {"response": {"jsonBody": None}},
    )
    assert text.mapping.response.content == "é".encode()
    assert text.mapping.response.sent_headers == (("A", "1"), ("A", "2"))
    assert jsonic.mapping.response.content == b"null"


def delays(seed: int, **distribution: float | str) -> list[float]:
    (stub,) = read({"response": {"fixedDelayMilliseconds": 10, "delayDistribution": distribution}})
    random = Random(seed)
    return [stub.mapping.response.delay(random) for _ in range(4000)]


def test_a_lognormal_delay_has_its_median_and_sigma_and_the_same_for_the_same_seed() -> None:
    found = delays(1, type="lognormal", median=80, sigma=0.4)
    assert (
        found == delays(1, type="lognormal", median=80, sigma=0.4) != delays(2, type="lognormal", median=80, sigma=0.4)
    )
    ordered = sorted(one - 0.01 for one in found)
    assert ordered[2000] == pytest.approx(0.08, rel=0.05)
    assert ordered[3365] == pytest.approx(0.08 * 2.718281828**0.4, rel=0.07)  # one sigma above: 84.1 %
    uniform = delays(1, type="uniform", lower=10, upper=30)
    assert statistics.mean(uniform) == pytest.approx(0.03, rel=0.05)
    assert (min(uniform) >= 0.02, max(uniform) <= 0.04) == (True, True)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "it is not JSON"),
        ("[" * 100_000, "it is not JSON"),
        ('{"mappings": 1}', "'mappings' is not a list"),
        ("[]", "'mapping' is []; it takes a mapping of keys to values"),
        ("{}", "a mapping has a request, a response or both, and this one has neither"),
        ('{"mappings": [{"request": {}}, {"name": "x"}]}', "a mapping has a request, a response or both"),
        ('{"request": 1}', "'request' is 1; it takes a mapping of keys to values"),
        ('{"priority": 0, "request": {}}', "'priority' is 0; it takes 1 or more"),
        ('{"response": {"headers": {"A": 1}}}', "the header 'A' is 1; it takes a text or a list of texts"),
        ('{"response": {"headers": {"A": ["b", null]}}}', "the header 'A' is ['b', None]; it takes a text or a list"),
        ('{"response": {"headers": []}}', "'response.headers' is []; it takes a mapping of keys to values"),
        ('{"response": {"status": "x"}}', "'response.status' is 'x'; it takes a whole number"),
        ('{"request": {"bodyPatterns": []}}', "'request.bodyPatterns' is not known here"),
        ('{"response": {"fault": "EMPTY_RESPONSE"}}', "'response.fault' is not known here"),
        (
            '{"response": {"delayDistribution": {"type": "lognormal", "median": 1, "sigma": 1, "x": 1}}}',
            ".x' is not known",
        ),
        (
            '{"response": {"delayDistribution": {"type": "normal"}}}',
            "'response.delayDistribution' is {'type': 'normal'}; it takes one",
        ),
        ('{"response": {"status": 99}}', "99 is not a status of HTTP"),
        ('{"response": {"fixedDelayMilliseconds": -1}}', "'response.fixedDelayMilliseconds' is -1; it takes 0 or more"),
        ('{"response": {"body": "", "jsonBody": 1}}', "a response has body or jsonBody"),
        ('{"response": {"headers": {"A B": "x"}}}', "the header 'A B' cannot be sent"),
        ('{"response": {"headers": {"A": "x\\r\\nB: y"}}}', "the header 'A' cannot be sent"),
        ('{"request": {"method": "BREW"}}', "the method 'BREW' is not served; ANY, GET, POST, "),
        ('{"request": {"url": "a"}}', "'a' matches no request: a path begins with /"),
        ('{"request": {"urlPath": ""}}', "'' matches no request: a path begins with /"),
        ('{"response": {"jsonBody": NaN}}', "it is not JSON"),
        (
            '{"response": {"delayDistribution": {"type": "uniform", "lower": 2, "upper": 1}}}',
            "lower is 2, above upper, 1",
        ),
        ('{"request": {"urlPattern": "("}}', "'(' is not a regular expression"),
        ('{"request": {"url": "/", "urlPath": "/"}}', "a request has one of url, urlPath, urlPattern, urlPathPattern"),
    ],
)
def test_what_is_not_known_is_said(text: str, sentence: str) -> None:
    with pytest.raises(stubs.StubError) as error:
        stubs.read(text)
    assert sentence in str(error.value)
