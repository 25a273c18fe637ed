"""Each option that filters or redacts, from the environment variable to the object, through both stores."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from extension import events
from extension.kinds import REDACTIONS
from extension.settings import PREFIX
from tests.edge.extension.shell.scene import Scene, invoke, left, line, records, recovered, said, shipped
from tests.fakes import s3
from tests.fakes.lambda_api import PATIENCE, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[4]
SENT = [
    "[DEBUG]\tt\tid\tGET /health",
    "[INFO]\tt\tid\tGET /orders by bob@example.com from 10.0.0.1",
    "[ERROR]\tt\tid\tcard 4111 1111 1111 1111, AKIAIOSFODNN7EXAMPLE, Bearer abc123def456",
    "no level",
]
INFO, ERROR, PLAIN = SENT[1:]
HIDDEN = (
    INFO.replace("bob@example.com", "[redacted:email]").replace("10.0.0.1", "[redacted:ipv4]"),
    "[ERROR]\tt\tid\tcard [redacted:card], [redacted:aws-keys], Bearer [redacted:bearer]",
)
GROWS = "is refused, so that its time grows with the text alone"
#: What is told, what is shipped of SENT (`#` for a marker), what is filtered and redacted, and what is said in vain.
CASES = [
    ({"EXCLUDE": "health|no level"}, [INFO, ERROR], (2, 0), ""),
    ({"INCLUDE": r"^\[(INFO|ERROR)\]"}, [INFO, ERROR], (2, 0), ""),
    ({"INCLUDE": "GET", "EXCLUDE": "/health$"}, [INFO], (3, 0), ""),
    ({"MIN_LEVEL": "info"}, [INFO, ERROR, PLAIN], (1, 0), ""),
    ({"MIN_LEVEL": "ERROR"}, [ERROR, PLAIN], (2, 0), ""),
    ({"REDACT": ",".join(REDACTIONS)}, [SENT[0], *HIDDEN, PLAIN], (0, 2), ""),
    ({"REDACT_PATTERN": "/[a-z]+"}, [re.sub("/[a-z]+", "#", one) for one in SENT], (0, 2), ""),
    # values that cannot be used
    (
        {"MIN_LEVEL": "loud"},
        SENT,
        None,
        ("MIN_LEVEL is 'loud': expected trace, debug, info, warn, error or fatal; records of every level are shipped"),
    ),
    ({"EXCLUDE": r"(GET)\1"}, SENT, (0, 0), rf"EXCLUDE is '(GET)\\1': a back-reference {GROWS}; nothing is excluded"),
    ({"INCLUDE": "(a+)+"}, SENT, (0, 0), f"INCLUDE is '(a+)+': a repeat of a repeat {GROWS}; everything is included"),
    (
        {"REDACT_PATTERN": "(?<=by )b"},
        [SENT[0], *HIDDEN, PLAIN],
        (0, 2),
        (f"REDACT_PATTERN is '(?<=by )b': look-around {GROWS}; to be safe all that REDACT knows is redacted"),
    ),
    (
        {"EXCLUDE": "health[", "REDACT": "card"},
        [*SENT[:2], ERROR.replace("4111 1111 1111 1111", "[redacted:card]"), PLAIN],
        (0, 1),
        (
            "EXCLUDE is 'health[': that is not a regular expression (unterminated character set at position 6); "
            "nothing is excluded"
        ),
    ),
]


@pytest.fixture(scope="module")
def store() -> Iterator[s3.Moto]:
    with s3.moto() as running:
        yield running


@pytest.fixture(autouse=True)
def empty(store: s3.Moto) -> None:
    records(store)


def scene_of(tmp: Path, store: s3.Moto, monkeypatch: pytest.MonkeyPatch, **values: str) -> Scene:
    """A scene whose variables are the process's too, where boto3 reads them."""
    scene = Scene(tmp, store.environ(), **values)  # type: ignore[arg-type]  # these are settings
    for name in set(os.environ) - set(scene.environ) - {"PYTEST_CURRENT_TEST"}:
        monkeypatch.delenv(name)
    for name, value in scene.environ.items():
        monkeypatch.setenv(name, value)
    return scene


def lived(scene: Scene, store: s3.Moto, body: bytes) -> None:
    """One invocation that logs this, and SHUTDOWN once it is stored: loading boto3 may take longer than that lasts."""
    consumer = scene.consumer()
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(consumer.run()), daemon=True)
    thread.start()
    scene.inbox.put(invoke("r1"))
    scene.receive(body)
    wait_until(store.keys, "an object")
    scene.shut_down()
    thread.join(PATIENCE)
    assert codes == [0]


@pytest.mark.parametrize("client", ["light", "boto3"])
@pytest.mark.parametrize(("told", "expected", "counts", "sentence"), CASES)
def test_an_option_from_the_variable_to_the_object(  # noqa: PLR0917 - a row of the table, and what it takes
    tmp_path: Path,
    store: s3.Moto,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    client: str,
    told: dict[str, str],
    expected: list[str],
    counts: tuple[int, int] | None,
    sentence: str,
) -> None:
    scene = scene_of(tmp_path, store, monkeypatch, S3_CLIENT=client, SHIP_RATE_BYTES="1", **told)
    lived(scene, store, json.dumps([json.loads(line(text))[0] for text in SENT]).encode())
    shown = [text.replace("[redacted:pattern]", "#") for text in shipped(store)]
    assert shown == expected
    lines = said(capfd)
    closing = lines[-1]
    assert (closing["received"], closing["shipped"], closing["lost"]) == (4, len(expected), 0)
    assert (closing.get("filtered"), closing.get("redacted")) == (counts or (None, None))
    lines = [one for one in lines if PREFIX in str(one["message"])]  # a busy disk has another one
    told_of = [*scene.settings.problems, *(str(one["message"]) for one in lines)]
    assert told_of == ([f"{PREFIX}{sentence}"] if sentence else [])
    assert {one["level"] for one in lines} <= {"error" if "REDACT_PATTERN" in told else "warning"}


@pytest.mark.parametrize("client", ["light", "boto3"])
def test_the_report_in_an_object_counts_what_was_removed(
    tmp_path: Path, store: s3.Moto, monkeypatch: pytest.MonkeyPatch, client: str
) -> None:
    told = {"EXCLUDE": "health", "REDACT": "card,email", "SHIP_RATE_BYTES": "1"}
    scene = scene_of(tmp_path, store, monkeypatch, S3_CLIENT=client, **told)
    lived(scene, store, json.dumps([json.loads(line(text))[0] for text in SENT]).encode())
    (report,) = [one["record"] for one in records(store) if one["type"] == "extension.report"]
    assert isinstance(report, dict)
    assert (report["received"], report["filtered"], report["redacted"]) == (4, 1, 2)


@pytest.mark.holds("filters: a chunk that is made again has the same bytes, whatever the filters of that process are")
def test_a_chunk_of_a_killed_process_is_put_again_as_that_process_had_filtered_it(
    tmp_path: Path, store: s3.Moto
) -> None:
    scene = Scene(tmp_path, store.environ(), EXCLUDE="health", REDACT="email", SHIP_RATE_BYTES="1")
    made = scene.executor()
    moment = events.Moment(1.0, 1_795_608_000.0)
    actions = made.shipper.handle(events.Invoke("r1", moment.wall + 30), moment)
    for text in SENT:
        scene.receive(line(text))
    for event in scene.inbox.take(0):
        actions += made.shipper.handle(event, moment)  # type: ignore[arg-type]  # the keeper's
    (upload,) = [action for action in actions if isinstance(action, events.Upload)]
    body = upload.chunk.body
    made.journal.seal(upload.chunk.seal)
    made.journal.close()  # killed: nothing was put
    other = Scene(tmp_path, store.environ(), INCLUDE="nothing").executor()
    recovered(other)
    (again,) = [one.chunk for one in other.shipper.waiting if one.chunk.key == upload.chunk.key]
    assert again.body == body
    other.journal.close()


def test_what_filters_leave_nothing_of_does_not_stay_in_the_journal(tmp_path: Path, store: s3.Moto) -> None:
    scene = Scene(tmp_path, store.environ(), EXCLUDE="drop", LOG_TYPES='["function"]', JOURNAL_BYTES=str(1024 * 1024))
    made = scene.executor()
    moment = events.Moment(1.0, 1_795_608_000.0)
    start = b'[{"time":"t","type":"platform.start","record":{"requestId":"r-9"}}]'
    for body in (start, *(line(f"drop {number} " + "x" * 60_000) for number in range(40))):
        scene.receive(body)
        for event in scene.inbox.take(0):
            for action in made.shipper.handle(event, moment):  # type: ignore[arg-type]  # the keeper's
                made.carry_out(action)
    found = left(tmp_path)
    assert sum(last - first + 1 for first, last in found.unsealed) < 20
    assert found.state is not None
    assert found.state.request_id == "r-9"  # what went with the forgotten entries
    assert found.torn_bytes == 0
    made.journal.close()


def test_without_filters_nothing_of_them_is_loaded() -> None:
    script = "import sys, extension.shell.consumer; print(*sorted(one for one in sys.modules if 'records' in one))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True, cwd=ROOT
    )
    loaded = {one.rpartition(".")[2] for one in done.stdout.split()}
    assert "reader" in loaded
    assert loaded.isdisjoint({"filters", "levels", "patterns", "redaction"})
