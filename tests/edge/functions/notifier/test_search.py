"""The search in the bucket: what is found, and what is left out."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from notifier.bucket import Bucket
from notifier.layout import DEFAULT
from notifier.notices import Clue
from notifier.run import Notifier, NotifierError
from notifier.search import Search
from tests.edge.functions.notifier.scene import SAVE, Scene, a_trace
from tests.fakes.shipped import Shipped
from tests.unit.functions.notifier.test_events import SCHEDULE

if TYPE_CHECKING:
    from notifier.bucket import Reading
    from notifier.search import Attempt


def searched(trace: str, bucket: Bucket) -> tuple[bool, Attempt | None, Reading]:
    """Whether the search came to its end by itself, what it found, and what it read."""
    wanted = clue(trace)
    search = Search([wanted])
    reading = bucket.search(search, [wanted], [SAVE])
    return search.is_over, search.found(wanted), reading


def clue(trace: str) -> Clue:
    now = int(datetime.now(UTC).timestamp() * 1000)
    return Clue((trace,), since=now - 7_200_000, until=now)


@pytest.mark.parametrize(
    "template",
    [DEFAULT, "", "logs/", "{function}/{date}/", "{year}/{month}/{day}/{hour}/{function}/", "v={version}/{function}/"],
)
def test_lines_are_found_whatever_the_layout_is(scene: Scene, template: str) -> None:
    trace, now = a_trace(), datetime.now(UTC)
    prefix = template.replace("{version}", "$LATEST")
    for name, form in {"year": "%Y", "month": "%m", "day": "%d"}.items():
        prefix = prefix.replace(f"{{{name}}}", now.strftime(form))
    request = scene.ship(trace, prefix=prefix, ago=0)
    _, attempt, reading = searched(trace, scene.reading(template))
    assert attempt
    assert (attempt.request, reading.objects, reading.note) == (request, 1, "")


@pytest.mark.parametrize(("bounds", "read"), [({"objects": 2}, 2), ({"size": 1}, 1), ({"seconds": -1.0}, 0)])
def test_the_search_is_bounded_and_says_what_it_left_out(scene: Scene, bounds: dict[str, Any], read: int) -> None:
    for number in range(4):
        scene.ship(a_trace(), ago=number)
    is_over, _, reading = searched(a_trace(), scene.reading(**bounds))
    assert not is_over
    assert reading.objects == read
    assert reading.note.startswith(f"The search ended after {read} objects")
    if read:
        assert f"{4 - read} older ones were listed" in reading.note


def test_a_search_that_ended_in_time_leaves_nothing_out_whenever_its_time_is_over(scene: Scene) -> None:
    for number in range(3):
        scene.ship(a_trace(), ago=number, prefix="{function}/")
    wanted = clue(a_trace())
    notes = {}
    for looks in itertools.count(1):
        times = itertools.chain(itertools.repeat(0.0, looks), itertools.repeat(1e6))
        bucket = scene.reading("{function}/")
        reading = bucket.search(Search([wanted]), [wanted], [SAVE], clock=partial(next, times))
        notes[looks] = (reading.objects, bool(reading.note))
        if next(times) == 0:  # its time was not over before the end
            break
    assert set(notes.values()) == {(0, True), (1, True), (2, True), (3, False)}


def test_newer_objects_are_read_first_and_no_more_than_are_needed(scene: Scene) -> None:
    trace = a_trace()
    scene.ship(a_trace(), ago=90)
    scene.ship(trace, ago=60)
    scene.ship(a_trace(), ago=30)
    is_over, _, reading = searched(trace, scene.reading())
    assert is_over
    assert reading.objects == 2


def test_a_damaged_object_does_no_harm(scene: Scene) -> None:
    trace = a_trace()
    request = scene.ship(trace, ago=60)
    for number, damaged in enumerate((b"\x1f\x8bnot gzip", b"not json", b"")):
        key = Shipped(scene.folder, SAVE).put(b"x", datetime.now(UTC) - timedelta(seconds=number))
        scene.moto.client().put_object(Bucket=scene.bucket, Key=key, Body=damaged)
    _, attempt, reading = searched(trace, scene.reading())
    assert attempt
    assert (attempt.request, reading.objects) == (request, 4)


def test_without_the_logs_a_dead_letter_is_told_all_the_same(scene: Scene) -> None:
    """The markers are there, the objects may not be read: a key of another owner, a bucket policy."""
    bucket = scene.reading()
    letter = scene.send({"traceId": a_trace()})

    class Denied(Bucket):
        def search(self, *_: object, **__: object) -> Any:  # noqa: ANN401
            return scene.reading(name=f"{scene.bucket}-absent").search(Search([]), [clue(a_trace())], [SAVE])

    for _ in range(3):
        denied = Denied(scene.world.clients["s3"], scene.bucket, DEFAULT, {})
        with pytest.raises(NotifierError, match="logs: ListObjectsV2 answered NoSuchBucket"):
            Notifier(
                denied, scene.world.clients["sqs"], scene.urls, [SAVE], scene.hook.url, clue("x").until, wait=0
            ).run(SCHEDULE)
    (told,) = scene.hook.texts
    assert "The logs could not be read: ListObjectsV2 answered NoSuchBucket." in told
    assert letter in bucket.markers()
