"""SIGKILL of the extension, and resets, at the moments that hurt: nothing is lost and nothing is shipped twice.

The built layer in the sandbox. The ledger compares the deliveries that were answered 2xx with what lies on S3.
"""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.chaos.rig import Rig, until

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.fakes.s3 import Moto

#: Nothing is shipped before the first invocation's end or SHUTDOWN unless something is due: what waits, waits.
WAITS = {"SHIP_RATE_BYTES": 10_000_000, "SHIP_RATE_INVOKES": 1000, "SHIP_RATE_MILLISECONDS": 600_000}
#: Every invocation is shipped before it ends.
EACH = {"SHIP_RATE_INVOKES": 1}


@pytest.fixture
def rig_of(moto: Moto, request: pytest.FixtureRequest) -> Callable[..., Rig]:
    """Makes a Rig with a name of its own; arguments as for Rig, `name` is appended."""
    test = "".join(c if c.isalnum() else "-" for c in request.node.name)[-50:].strip("-")
    return lambda name="", **told: Rig(moto, f"{test}{name}", **told)


def check(rig: Rig) -> None:
    """Nothing lost, nothing twice, every sequence number once, one environment id."""
    verdict = rig.verdict()
    assert (verdict.lost, verdict.twice, verdict.unknown) == (0, 0, 0), (verdict, rig.said())
    assert verdict.delivered > 0
    assert verdict.faults == []
    records = [record for one in rig.objects() for record in one.records]
    assert len({record["environment"] for record in records}) == 1
    repeated = [number for number, count in Counter(record["sequence"] for record in records).items() if count > 1]
    assert repeated == []


def names(puts: Sequence[tuple[str, str]]) -> list[str]:
    """The object names of some PUTs."""
    return [path.rpartition("/")[2] for path, _ in puts]


def stored(rig: Rig) -> set[str]:
    """The names of the objects on S3."""
    return {one.key.rpartition("/")[2] for one in rig.objects()}


def requests(rig: Rig) -> set[str]:
    """The requests with a record on S3."""
    return {record["requestId"] for one in rig.objects() for record in one.records}


def ends(rig: Rig) -> list[dict[str, Any]]:
    """The last lines of the processes that came to say one."""
    return [line for line in rig.said() if line["message"] == "environment shutting down"]


def more(things: Callable[[], Sequence[object]]) -> Callable[[], bool]:
    """Whether there are more things than now."""
    count = len(things())
    return lambda: len(things()) > count


def at_once(story: Callable[[Any], None], *arguments: object) -> None:
    """Play a story with each argument, side by side; the first failure is raised."""
    with ThreadPoolExecutor(len(arguments)) as pool:
        list(pool.map(story, arguments))


def test_killed_between_receipt_and_shipping_the_next_process_ships_it(rig_of: Callable[..., Rig]) -> None:
    with rig_of(told=WAITS) as rig:
        rig.invoke()
        before = stored(rig)
        waiting = {rig.invoke(lines=7).request_id for _ in range(3)}
        assert stored(rig) == before, "what should wait was shipped"
        rig.kill()
        # With its first invocation, unless the store takes longer than an invocation is held for: then with the next.
        assert any(rig.invoke() and waiting <= requests(rig) for _ in range(5)), "the next process does not ship it"
    check(rig)


def test_killed_in_the_middle_of_an_invocation(rig_of: Callable[..., Rig]) -> None:
    with rig_of(told=WAITS, timeout=20.0) as rig:
        rig.invoke()
        delivered = more(lambda: rig.environment.deliveries)
        running = rig.begin(lines=10, sleep=15)
        until(delivered, "a delivery in the invocation")
        rig.kill()
        assert rig.end(running).function_error == "Unhandled"
        assert rig.invoke().function_error is None
    check(rig)


def test_killed_between_a_put_and_its_answer_the_same_key_is_put_again_and_412_means_done(
    rig_of: Callable[..., Rig],
) -> None:
    at_once(lambda store: killed_before_the_answer(rig_of(store, told={**EACH, "S3_CLIENT": store})), "light", "boto3")


def killed_before_the_answer(rig: Rig) -> None:
    with rig:
        until(lambda: rig.invoke() and stored(rig), "the first PUT: a store may take longer to load than is held", 90)
        before = stored(rig)
        rig.store("s3-stall-after")
        running = rig.begin(lines=5)
        until(lambda: rig.puts and rig.puts[-1][1] == "s3-stall-after", "the stalling PUT")
        until(lambda: names(rig.puts)[-1] in stored(rig), "what it stored")
        stalled = names(rig.puts)[-1]
        rig.kill()
        rig.end(running)
        rig.store()
        puts = len(rig.puts)
        until(lambda: rig.invoke() and len(rig.puts) > puts, "a PUT of the next process", 90)
        assert names(rig.puts)[puts] == stalled, "the next process begins with the PUT that nobody answered"
        until(lambda: rig.invoke() and before | {stalled} < stored(rig), "the PUTs behind it", 90)
    check(rig)
    assert not any("somebody else" in line["message"] for line in rig.said()), "412 was taken for a collision"


def test_killed_before_the_store_had_the_object_it_is_put_under_the_same_key(rig_of: Callable[..., Rig]) -> None:
    with rig_of(told=EACH) as rig:
        rig.invoke()
        rig.store("s3-black-hole")
        put = more(lambda: rig.puts)
        running = rig.begin(lines=5)
        until(put, "the swallowed PUT")
        swallowed = names(rig.puts)[-1]
        rig.kill()
        rig.end(running)
        rig.store()
        assert swallowed not in stored(rig)
        rig.invoke()
        assert swallowed in stored(rig)
    check(rig)


def test_killed_during_the_shutdown_of_a_reset(rig_of: Callable[..., Rig]) -> None:
    with rig_of(timeout=1.0, told=WAITS) as rig:
        rig.invoke()
        rig.invoke(lines=9)
        rig.store("s3-black-hole")
        put = more(lambda: rig.puts)
        running = rig.begin(sleep=30)
        until(put, "the upload at SHUTDOWN")
        assert running.answered.is_set()
        rig.kill()
        rig.end(running)
        rig.store()
        rig.invoke()
    check(rig)
    assert len(ends(rig)) == 1, "the killed process said nothing, the last one did"


def test_killed_again_while_the_next_process_starts_at_any_moment_of_that(rig_of: Callable[..., Rig]) -> None:
    at_once(lambda ms: killed_at_start(rig_of(ms, timeout=6.0, told=WAITS), ms / 1000), 0, 20, 40, 60, 90, 130)


def killed_at_start(rig: Rig, seconds: float) -> None:
    with rig:
        rig.invoke()
        rig.invoke(lines=9)
        rig.kill()
        running = rig.begin(sleep=0.2)
        until(lambda: rig.process() is not None, "the next process")
        process = rig.process()
        assert process is not None
        process.over.wait(seconds)  # it lives for so long
        rig.kill()
        rig.end(running)
        rig.invoke()
    check(rig)


def test_killed_twice_in_a_row_with_a_put_unanswered_each_time(rig_of: Callable[..., Rig]) -> None:
    with rig_of(timeout=6.0, told=EACH) as rig:
        rig.invoke()
        rig.store("s3-stall-after")
        tried = []
        for _ in range(2):
            puts = len(rig.puts)
            put = more(lambda: rig.puts)
            running = rig.begin(lines=5, sleep=0.5)
            until(put, "a PUT")
            tried.append(names(rig.puts)[puts])
            rig.kill()
            rig.end(running)
        assert tried[0] == tried[1], "the second process tries what the first one left"
        rig.store()
        rig.invoke()
    check(rig)


def test_a_reset_with_a_dead_store_leaves_to_the_next_process_what_it_could_not_ship(
    rig_of: Callable[..., Rig],
) -> None:
    hows = {"timeout": {"sleep": 30}, "failure": {"exit": 3}}
    at_once(lambda reason: left_by_a_reset(rig_of(reason, timeout=1.5, told=WAITS), reason, hows[reason]), *hows)


def left_by_a_reset(rig: Rig, reason: str, how: dict[str, int]) -> None:
    with rig:
        rig.invoke()
        rig.store("s3-500")
        waited = rig.invoke(lines=9).request_id
        hit = rig.invoke(lines=4, **how)
        assert hit.function_error == "Unhandled"
        tried = set(names([put for put in rig.puts if put[1]]))
        assert tried
        rig.store()
        rig.invoke()
        assert tried <= stored(rig), "the same keys"
        assert waited in requests(rig)
    check(rig)
    first, last = ends(rig)
    assert (first["shutdownReason"], first["requestId"]) == (reason, hit.request_id)
    assert (first["lost"], last["lost"], last["waiting"]) == (0, 0, 0)
    assert first["waiting"] > 9


def test_a_reset_with_unanswered_puts_ships_each_object_once(rig_of: Callable[..., Rig]) -> None:
    with rig_of(timeout=1.5, told=EACH) as rig:
        rig.invoke()
        rig.store("s3-drop-after")
        rig.invoke(lines=3)
        rig.invoke(lines=3, exit=1)
        rig.store()
        rig.invoke()
    check(rig)


def test_killed_right_behind_the_200_of_large_bodies(rig_of: Callable[..., Rig]) -> None:
    with rig_of(timeout=6.0, told=WAITS) as rig:
        rig.invoke()
        for _ in range(2):
            delivered = more(lambda: rig.environment.deliveries)
            running = rig.begin(lines=60, bytes=20_000, sleep=2)
            until(delivered, "a delivery")
            rig.kill()
            rig.end(running)
        rig.invoke()
    check(rig)


def test_the_ledger_itself_sees_a_lost_and_a_repeated_object(rig_of: Callable[..., Rig], moto: Moto) -> None:
    with rig_of(told=EACH) as rig:
        rig.invoke()
        rig.invoke()
    client = moto.client()
    first = min(one.key for one in rig.objects())
    body = client.get_object(Bucket=moto.bucket, Key=first)["Body"].read()
    lines = len(body.splitlines())
    client.put_object(Bucket=moto.bucket, Key=first + ".copy", Body=body)
    assert (rig.verdict().twice, rig.verdict().lost) == (lines, 0)
    for key in (first, first + ".copy"):
        client.delete_object(Bucket=moto.bucket, Key=key)
    assert (rig.verdict().twice, rig.verdict().lost) == (0, lines)
