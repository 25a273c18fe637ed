"""Faults are reproducible, limited and named; records are cut as the platform cuts them."""

from __future__ import annotations

import json
import random

import pytest

from adaptive_batching.sandbox.faults import FAULTS, FaultError, Rate, listing, parse
from adaptive_batching.sandbox.telemetry.splitting import split


def test_the_same_seed_gives_the_same_faults_and_another_seed_others() -> None:
    def struck(seed: int) -> list[bool]:
        faults = parse("s3-503=0.5", seed)
        return [faults.strikes("s3-503") for _ in range(64)]

    assert struck(1) == struck(1)
    assert struck(1) != struck(2)
    assert 10 < sum(struck(1)) < 54


def test_each_fault_has_random_numbers_of_its_own() -> None:
    alone, mixed = parse("shuffle=0.5", 3), parse("shuffle=0.5,duplicate=0.5", 3)
    first = [alone.strikes("shuffle") for _ in range(32)]
    second = []
    for _ in range(32):
        mixed.strikes("duplicate")
        second.append(mixed.strikes("shuffle"))
    assert first == second


def test_a_limit_ends_a_fault() -> None:
    faults = parse("s3-500=1x2")
    assert [faults.strikes("s3-500") for _ in range(4)] == [True, True, False, False]
    assert faults.struck == {"s3-500": 2}


SPECIFICATIONS = [
    ("late", Rate(1.0)),
    ("late=0.25", Rate(0.25)),
    ("latex3", Rate(1.0, 3)),
    ("late=0.5x3", Rate(0.5, 3)),
]


@pytest.mark.parametrize(("text", "rate"), SPECIFICATIONS)
def test_a_specification_is_a_name_a_rate_and_a_count(text: str, rate: Rate) -> None:
    assert parse(f" {text} , shuffle=1").rates == {"late": rate, "shuffle": Rate(1.0)}


def test_the_summary_says_how_often_of_how_many_chances() -> None:
    faults = parse("latex1,shuffle=0")
    for _ in range(3):
        faults.strikes("late")
    assert faults.summary() == [
        "late struck 1 of 3 times (end of a generation)",
        "shuffle struck 0 of 0 times (telemetry POST)",
    ]


def test_the_listing_has_every_fault_once() -> None:
    text = "\n".join(listing())
    assert [text.count(f"  {name} ") for name in FAULTS] == [1] * len(FAULTS)


def test_what_was_not_asked_for_never_strikes() -> None:
    assert not any(parse("").strikes(name) for name in FAULTS)


@pytest.mark.parametrize(
    "text", ["nothing=1", "s3-500=often", "s3-500=1xmany", "s3-500=2", "late=-1", "s3-500=3", "late,late=0.2"]
)
def test_a_specification_that_cannot_be_read_is_said(text: str) -> None:
    with pytest.raises(FaultError):
        parse(text)


def event(record: object, kind: str = "function") -> bytes:
    encoded = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
    return f'{{"time":"T1","type":"{kind}","record":{encoded}}}'.encode()


def joined(pieces: list[bytes]) -> bytes:
    """Put pieces together again, as a reader would: everything between `"record":` and the last brace."""
    marker = b'"record":'
    parts = [piece[piece.index(marker) + len(marker) : -1] for piece in pieces]
    return pieces[0][: pieces[0].index(marker) + len(marker)] + b"".join(parts) + b"}"


def test_what_fits_is_not_cut() -> None:
    small = event("x" * 50)
    assert split(small, len(small), ["T2"]) == [small]


def test_a_platform_event_is_never_cut() -> None:
    large = event({"x": "y" * 500}, "platform.report")
    assert split(large, 100, ["T2"]) == [large]


def test_the_sample_of_the_reference_is_cut_like_the_sample() -> None:
    whole = b'{"time":"T1","type":"function","record":{"message":"AAAAAAAA"}}'
    assert split(whole, 16, ["T2"]) == [
        b'{"time":"T1","type":"function","record":{"message":"AAAA}',
        b'{"time":"T2","type":"function","record":AAAA"}}',
    ]


def test_pieces_joined_are_the_event_whatever_it_holds() -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    for _ in range(300):
        text = "".join(chance.choice('aä€😀"\\\n{}') for _ in range(chance.randint(1, 300)))
        whole = event(chance.choice([text, {"message": text}]), chance.choice(["function", "extension"]))
        pieces = split(whole, chance.randint(8, 200), ["T2", "T3"])
        assert joined(pieces) == whole
        for piece in pieces:
            piece.decode()
