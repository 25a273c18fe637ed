"""A bucket: which requests are made, what is wrong with one in a sentence, and objects that cannot be had."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from adaptive_batching.logs.reading import Reading, SourceError
from tests.fakes.s3 import clean_environ, moto
from tests.fakes.s3_between import Between, between
from tests.fakes.shipped import Shipped, text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fakes.s3 import Moto

NAMES = ("orders", "payments", "shipping", "stock")
HOURS = 48


@pytest.fixture(scope="module")
def s3() -> Iterator[Moto]:
    with moto() as server:
        yield server


@pytest.fixture(scope="module")
def front(s3: Moto) -> Iterator[Between]:
    with between(s3.endpoint) as server:
        yield server


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, s3: Moto, front: Between) -> None:
    kept = clean_environ(**(s3.environ() | front.environ()))
    for name in set(os.environ) - set(kept):
        monkeypatch.delenv(name)
    for name, value in kept.items():
        monkeypatch.setenv(name, value)
    front.forget()
    front.refuse = lambda _key: 0
    front.cut = lambda _key: False


def upload(s3: Moto, folder: Path, ships: list[Shipped], bucket: str) -> None:
    client = s3.client()
    client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": s3.region})
    for ship in ships:
        for key, metadata in ship.metadata.items():
            client.put_object(Bucket=bucket, Key=key, Body=(folder / key).read_bytes(), Metadata=metadata)


@pytest.fixture(scope="module")
def two_days(s3: Moto, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, datetime]:
    """48 hours of four functions: an object each hour, a line in each."""
    folder, now = tmp_path_factory.mktemp("objects"), datetime.now(UTC)
    ships = [Shipped(folder, name) for name in NAMES]
    for number in range(HOURS):
        for ship in ships:
            ship(text("hello", time=now - timedelta(hours=HOURS - number) + timedelta(seconds=150)))
    upload(s3, folder, ships, "two-days")
    return "two-days", now


def counted(reading: Reading) -> tuple[int, Any]:
    with reading.open(told=False) as logs:
        found = logs.connection.execute("select count(*) from logs").fetchone()
        assert found is not None
        return found[0], logs.complete()


def test_the_listing_asks_for_functions_and_for_each_of_them_from_one_slack_before_the_window(
    two_days: tuple[str, datetime], front: Between, tmp_path: Path
) -> None:
    bucket, now = two_days
    lines, complete = counted(Reading(f"s3://{bucket}", since="150m", cache=tmp_path))
    assert [one.get("delimiter") for one in front.lists].count("/") == 1
    assert len(front.lists) == 1 + len(NAMES)
    first = now - timedelta(minutes=210)
    for name in NAMES:
        (asked,) = [one for one in front.lists if one["prefix"] == f"function={name}/date="]
        assert asked["start-after"] == f"function={name}/date={first:%Y-%m-%d}/hour={first:%H}/"
    assert complete.whole
    assert lines == 2 * len(NAMES)
    # what was stored (just now, all of it) may have a line of the window; what begins before the slack has none
    begun = sum(now - timedelta(hours=HOURS - n) + timedelta(seconds=150) >= first for n in range(HOURS))
    assert len(front.gets) == begun * len(NAMES)


def test_what_was_converted_is_not_asked_for_again(
    two_days: tuple[str, datetime], front: Between, tmp_path: Path
) -> None:
    first = counted(Reading(f"s3://{two_days[0]}", since="3h", cache=tmp_path))
    assert front.gets
    front.forget()
    assert counted(Reading(f"s3://{two_days[0]}", since="3h", cache=tmp_path)) == first
    assert (len(front.lists), front.gets) == (5, [])


def test_functions_that_are_named_are_listed_alone(
    two_days: tuple[str, datetime], front: Between, tmp_path: Path
) -> None:
    lines, _ = counted(Reading(f"s3://{two_days[0]}", since="2h", functions=["orders"], cache=tmp_path))
    assert (lines, len(front.lists)) == (2, 1)
    front.forget()
    lines, _ = counted(Reading(f"s3://{two_days[0]}", since="2h", functions=["s*"], cache=tmp_path))
    assert (lines, len(front.lists)) == (4, 3)


def test_an_object_later_than_the_window_and_its_slack_is_not_asked_for(
    two_days: tuple[str, datetime], front: Between, tmp_path: Path
) -> None:
    lines, _ = counted(Reading(f"s3://{two_days[0]}", since="40h", until="38h", cache=tmp_path))
    assert lines == 2 * len(NAMES)
    assert 0 < len(front.gets) <= 5 * len(NAMES)


def test_an_object_that_was_stored_before_the_window_is_not_asked_for(s3: Moto, front: Between, tmp_path: Path) -> None:
    ship = Shipped(tmp_path / "o")
    ship(text("hello", time=datetime.now(UTC)))
    upload(s3, tmp_path / "o", [ship], "stored-before")
    late = (datetime.now(UTC) + timedelta(minutes=10)).isoformat()
    assert counted(Reading("s3://stored-before", since=late, cache=tmp_path))[0] == 0
    assert front.gets == []


@pytest.mark.parametrize("prefix", ["", "flat/"])
def test_flat_names_and_foreign_keys(prefix: str, s3: Moto, front: Between, tmp_path: Path) -> None:
    bucket = f"flat-{len(prefix)}-names"
    ships = [Shipped(tmp_path / "o", name, prefix=prefix) for name in ("orders", "orders-api")]
    for ship in ships:
        ship(text("hello", time=datetime.now(UTC)))
    upload(s3, tmp_path / "o", ships, bucket)
    s3.client().put_object(Bucket=bucket, Key=f"{prefix}readme.txt", Body=b"x")
    lines, complete = counted(Reading(f"s3://{bucket}/{prefix}", cache=tmp_path))  # the layout is not given
    assert (lines, complete.foreign) == (2, 1)
    front.forget()
    lines, _ = counted(Reading(f"s3://{bucket}/{prefix}", layout="", functions=["orders"], cache=tmp_path))
    assert (lines, len(front.lists)) == (1, 1)
    assert front.lists[0]["prefix"] == f"{prefix}orders-"


def test_the_metadata_of_objects_is_in_the_view(two_days: tuple[str, datetime], tmp_path: Path) -> None:
    with Reading(f"s3://{two_days[0]}", since="90m", cache=tmp_path).open() as logs:
        found = logs.connection.execute("select distinct version, records, lines, reason from objects").fetchall()
    assert found == [("$LATEST", 1, 1, "invokes")]


def test_an_object_that_is_gone_or_cannot_be_had_is_counted_and_tried_again(
    two_days: tuple[str, datetime], front: Between, tmp_path: Path
) -> None:
    def refuse(key: str) -> int:
        return {"orders": 404, "stock": 500}.get(key.partition("/")[0].removeprefix("function="), 0)

    front.refuse = refuse
    reading = Reading(f"s3://{two_days[0]}", since="2h", cache=tmp_path)
    lines, complete = counted(reading)
    assert (lines, complete.whole, reading.damaged) == (4, False, True)
    assert "cannot be read whole" in complete.sentence
    front.refuse = lambda _key: 0
    lines, complete = counted(Reading(f"s3://{two_days[0]}", since="2h", cache=tmp_path))
    assert (lines, complete.whole) == (8, True)


@pytest.mark.parametrize("times", [1, 3, 4])
def test_an_object_that_is_cut_on_its_way_is_asked_for_four_times(
    times: int, two_days: tuple[str, datetime], front: Between, tmp_path: Path
) -> None:
    front.cut = lambda key: front.gets.count(key) <= times
    lines, complete = counted(Reading(f"s3://{two_days[0]}", since="90m", cache=tmp_path))
    assert {front.gets.count(key) for key in front.gets} == {min(times + 1, 4)}
    assert (lines, complete.whole) == ((4, True) if times < 4 else (0, False))


def test_an_object_that_is_removed_from_the_middle_is_missed(s3: Moto, tmp_path: Path) -> None:
    ship = Shipped(tmp_path / "o")
    keys = [ship(text("a", time=datetime.now(UTC)), text("b", time=datetime.now(UTC))) for _ in range(3)]
    upload(s3, tmp_path / "o", [ship], "removed-one")
    assert counted(Reading("s3://removed-one", cache=tmp_path))[1].whole
    s3.client().delete_object(Bucket="removed-one", Key=keys[1])
    lines, complete = counted(Reading("s3://removed-one", cache=tmp_path))  # though the cache has it
    assert (lines, complete.missing) == (4, 2)


def sentence(*words: str, **environ: str | None) -> str:
    """What `logs` says, as a process of its own, of an address that cannot be read."""
    variables = {**os.environ, **{name: value for name, value in environ.items() if value is not None}}
    for name in [name for name, value in environ.items() if value is None]:
        variables.pop(name, None)
    code = (
        "import sys\nfrom adaptive_batching.logs.reading import Reading, SourceError\n"
        "try:\n    reading = Reading(sys.argv[1], no_cache=True, **eval(sys.argv[2]))\n"
        "    with reading.open(): pass\n"
        "except SourceError as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words, *([] if len(words) > 1 else ["{}"])],
        env=variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.count("\n") == 1, done.stdout + done.stderr
    return done.stdout


def test_no_bucket() -> None:
    assert "there is no bucket 'not-there-at-all'" in sentence("s3://not-there-at-all")


def test_no_name_of_a_bucket() -> None:
    assert "is not an address like s3://bucket/prefix" in sentence("s3://")


def test_an_empty_prefix() -> None:
    assert "'s3://logs-of-a-test/nothing' has no objects of the extension's" in sentence("s3://logs-of-a-test/nothing")


def test_no_credentials() -> None:
    said = sentence("s3://two-days", AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None)
    assert said.startswith("no AWS credentials: set AWS_PROFILE")


def test_no_such_profile() -> None:
    assert "(nobody) could not be found" in sentence("s3://two-days", "{'profile': 'nobody'}")


def test_a_closed_endpoint() -> None:
    said = sentence("s3://two-days", AWS_ENDPOINT_URL_S3="http://127.0.0.1:9")
    assert "http://127.0.0.1:9" in said
    assert "cannot be reached" in said


def test_another_region(front: Between) -> None:
    front.refuse = lambda _key: 301
    assert "the bucket 'two-days' is in another region" in sentence("s3://two-days")


def test_listing_is_denied(front: Between) -> None:
    front.refuse = lambda key: 0 if key else 403
    assert "these credentials need s3:ListBucket on arn:aws:s3:::two-days" in sentence("s3://two-days")


def test_getting_is_denied(two_days: tuple[str, datetime], front: Between) -> None:
    assert two_days
    front.refuse = lambda key: 403 if key else 0
    said = sentence("s3://two-days", "{'since': '1h'}")
    assert "these credentials need s3:GetObject on arn:aws:s3:::two-days/function=" in said


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"since": "soon"}, "'soon' is not a time"),
        ({"since": "1h", "until": "2h"}, "--since '1h' is later than --until '2h'"),
        ({"slack": "x"}, "'x' is not a length of time"),
        ({"layout": "{functon}/"}, "--layout '{functon}/' is not a template of S3_PREFIX"),
    ],
)
def test_a_mistake_is_said_before_anything_is_asked_for(
    settings: dict[str, Any], said: str, front: Between, tmp_path: Path
) -> None:
    with pytest.raises(SourceError, match=said.replace("{", r"\{")):
        Reading("s3://two-days", cache=tmp_path, **settings)
    assert front.lists == []
