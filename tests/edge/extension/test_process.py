"""The real process, laid out as in the layer and started as its launcher starts it, against a scripted Lambda API.

S3 is moto's server. Nothing of the process is replaced; what a test breaks, it breaks in a copy of the package.
"""

import http.client
import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from extension.records import objects
from tests.fakes import s3
from tests.fakes.lambda_api import DROP, NOT_SUPPORTED, PATIENCE, REGISTERED, Answer, LambdaApi, wait_until
from tests.fakes.network.ports import free_port

ROOT = Path(__file__).parents[3]
TIME = "2026-11-20T09:15:02.150Z"


@pytest.fixture(scope="module")
def store() -> Iterator[s3.Moto]:
    with s3.moto() as running:
        yield running


@pytest.fixture(autouse=True)
def empty(store: s3.Moto) -> None:
    for key in store.keys():  # noqa: SIM118 - not a mapping
        store.client().delete_object(Bucket=store.bucket, Key=key)


@pytest.fixture
def opt(tmp_path: Path) -> Path:
    """The folder that the launcher hands over to: boot.py with the package beside it."""
    shutil.copy(ROOT / "layer" / "boot.py", tmp_path)
    shutil.copytree(ROOT / "extension", tmp_path / "extension", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


class Process:
    """The extension, running; what it said on stderr is read at its end."""

    def __init__(self, opt: Path, environ: dict[str, str]) -> None:
        self._log = opt / "stderr"
        with self._log.open("wb") as stderr:
            command = [sys.executable, "-I", "-S", str(opt / "boot.py")]
            self.popen = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=stderr)

    def ended(self) -> bool:
        return self.popen.poll() is not None

    def exit_code(self) -> int:
        return self.popen.wait(PATIENCE)

    def said(self) -> list[dict[str, object]]:
        """Its messages; anything on stderr that is not one JSON object per line, or anything on stdout, is a fault."""
        assert self.popen.stdout is not None
        assert self.popen.stdout.read() == b""
        lines: list[dict[str, object]] = [json.loads(line) for line in self._log.read_text().splitlines()]
        assert all(isinstance(line, dict) and line["level"] and line["message"] for line in lines)
        return lines

    def levels(self) -> list[object]:
        """Of what it said, without the closing account of an environment that lost nothing."""
        closing = ("info", "environment shutting down")
        return [line["level"] for line in self.said() if (line["level"], line["message"]) != closing]


@contextmanager
def launched(
    opt: Path, api: LambdaApi, store: s3.Moto, environ: dict[str, str] | None = None, **more: str
) -> Iterator[Process]:
    """The process, from its first moment on."""
    settings = {"S3_BUCKET": store.bucket, "PORT": str(free_port())} | more
    known = {f"ADAPTIVE_BATCHING_EXTENSION_{name}": value for name, value in settings.items()}
    lambda_variables = {"AWS_LAMBDA_RUNTIME_API": api.address, "AWS_LAMBDA_FUNCTION_NAME": "orders-api"}
    clean = s3.clean_environ(**store.environ(), **lambda_variables, **known) | (environ or {})
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        del clean[name]  # a profile would ask for boto3, which `-S` hides
    (opt / "tmp").mkdir()
    clean["TMPDIR"] = str(opt / "tmp")  # an environment's own, as on Lambda: the journal of another test is not for us
    process = Process(opt, clean)
    try:
        yield process
    finally:
        process.popen.kill()
        process.popen.wait(PATIENCE)
        if process.popen.stdout:
            process.popen.stdout.close()


@contextmanager
def started(
    opt: Path, api: LambdaApi, store: s3.Moto, environ: dict[str, str] | None = None, **more: str
) -> Iterator[Process]:
    """The process, past its first `event/next`."""
    with launched(opt, api, store, environ, **more) as process:
        api.wait_for_next(1, process.ended)
        yield process


def line(text: str) -> dict[str, object]:
    return {"time": TIME, "type": "function", "record": text}


def platform(kind: str, request_id: str) -> dict[str, object]:
    return {"time": TIME, "type": f"platform.{kind}", "record": {"requestId": request_id}}


def shipped(store: s3.Moto) -> list[dict[str, object]]:
    return [record for key in store.keys() for record in objects.decode(store.get(key)[0])]  # noqa: SIM118


def records(store: s3.Moto) -> list[str]:
    return sorted(str(record["record"]) for record in shipped(store) if record["type"] == "function")


def test_the_first_invocation_is_on_s3_before_the_environment_is_released(
    opt: Path, api: LambdaApi, store: s3.Moto
) -> None:
    with started(opt, api, store):
        api.invoke("r1")
        api.deliver(platform("start", "r1"), line("hello\n"))
        assert store.keys() == []
        api.deliver(platform("runtimeDone", "r1"))
        api.wait_for_next(2)
        (key,) = store.keys()
    assert key.startswith("function=orders-api/date=")
    assert [(record["type"], record["requestId"]) for record in shipped(store)] == [
        ("platform.start", "r1"),
        ("function", "r1"),
        ("platform.runtimeDone", "r1"),
    ]
    body, answer = store.get(key)
    assert answer["ContentType"] == "application/x-ndjson"
    assert answer["Metadata"]["records"] == "3"
    assert answer["Metadata"]["raw-bytes"] == str(len(body))
    assert answer["Metadata"]["reason"] == "first"
    assert (answer["Metadata"]["api"], answer["Metadata"]["schema"]) == ("telemetry", "2025-01-29")


def test_what_waits_is_shipped_at_shutdown_and_the_process_leaves_with_0(
    opt: Path, api: LambdaApi, store: s3.Moto
) -> None:
    with started(opt, api, store) as process:
        for number in range(1, 4):
            api.invoke(f"r{number}")
            api.deliver(platform("start", f"r{number}"), line(f"line {number}"))
            api.deliver(platform("runtimeDone", f"r{number}"))
            api.wait_for_next(number + 1)
        api.deliver(line("the very last"))
        api.shut_down()
        api.deliver(line("later than the very last"))
        assert process.exit_code() == 0
        assert process.levels() == []
    assert records(store) == ["later than the very last", "line 1", "line 2", "line 3", "the very last"]
    sequences = sorted(int(str(record["sequence"])) for record in shipped(store))
    assert sequences == list(range(1, len(sequences) + 1))
    assert len({record["environment"] for record in shipped(store)}) == 1


def test_compressed_objects_say_so_and_can_be_read(opt: Path, api: LambdaApi, store: s3.Moto) -> None:
    with started(opt, api, store, COMPRESSION="gzip", S3_PREFIX="") as process:
        api.deliver(line("packed " * 100))
        api.shut_down()
        assert process.exit_code() == 0
    (key,) = store.keys()
    assert key.startswith("orders-api-")
    assert key.endswith(".log.gz")
    assert store.get(key)[1]["ContentEncoding"] == "gzip"
    assert records(store) == ["packed " * 100]


def test_the_logs_api_alone_will_do(opt: Path, api: LambdaApi, store: s3.Moto) -> None:
    api.script["telemetry"] = [NOT_SUPPORTED]
    with started(opt, api, store) as process:
        api.deliver(line("by the Logs API"))
        api.shut_down()
        assert process.exit_code() == 0
    assert records(store) == ["by the Logs API"]
    assert store.get(store.keys()[0])[1]["Metadata"]["api"] == "logs"


def test_a_byte_threshold_crossed_during_a_long_invocation_is_shipped_before_it_ends(
    opt: Path, api: LambdaApi, store: s3.Moto
) -> None:
    with started(opt, api, store, SHIP_RATE_BYTES="1000"):
        api.invoke("r1", seconds=60)
        api.deliver(line("x" * 2000))
        end = time.monotonic() + PATIENCE
        while not store.keys():
            assert time.monotonic() < end, "nothing was shipped"
        assert len(api.of("next")) == 1  # the invocation is not over
    assert records(store) == ["x" * 2000]


def test_sigterm_is_left_by_every_thread_to_the_one_that_waits_for_it(
    opt: Path, api: LambdaApi, store: s3.Moto
) -> None:
    """A handler would run on the main thread, and not before it wakes if the signal came just before it slept."""
    with started(opt, api, store) as process:
        api.invoke("r1")
        api.deliver(platform("runtimeDone", "r1"))
        api.wait_for_next(2)
        threads = [path.read_text() for path in Path(f"/proc/{process.popen.pid}/task").glob("*/status")]
    masks = [int(status.partition("SigBlk:")[2].split()[0], 16) for status in threads]
    assert len(masks) > 3
    waiting = [mask for mask in masks if not mask & 1 << signal.SIGTERM - 1]
    assert len(waiting) <= 1  # in sigwait the kernel takes it out of that thread's mask


@pytest.mark.holds("shutdown: SIGTERM counts as SHUTDOWN, and the event that follows does not lengthen the budget")
@pytest.mark.parametrize("held", [False, True], ids=["at rest", "in the middle of a hold"])
def test_sigterm_ships_what_waits_and_leaves_with_0(opt: Path, api: LambdaApi, store: s3.Moto, *, held: bool) -> None:
    with started(opt, api, store, SHIP_RATE_INVOKES="1") as process:
        api.invoke("r1")
        api.deliver(platform("runtimeDone", "r1"))
        api.wait_for_next(2)
        if held:
            api.invoke("r2")
        api.deliver(line("before the end"))
        process.popen.send_signal(signal.SIGTERM)
        assert process.exit_code() == 0
        assert process.levels() == []
    assert records(store) == ["before the end"]


@pytest.mark.holds("shutdown: SHUTDOWN may come during start-up")
@pytest.mark.parametrize("end", ["SHUTDOWN", "SIGTERM"])
def test_an_end_that_comes_during_start_up_finds_what_came_by_then(
    opt: Path, api: LambdaApi, store: s3.Moto, end: str
) -> None:
    loaded = opt / "loaded"
    consumer = opt / "extension/shell/consumer.py"
    slow = f"import os, time\nwhile not os.path.exists({str(loaded)!r}):\n    time.sleep(0.001)\n"
    consumer.write_text(consumer.read_text() + slow)
    api.script["register"] = [REGISTERED._replace(wait=0.2)]
    with launched(opt, api, store) as process:
        wait_until(lambda: api.of("register"), "it registers")
        if end == "SHUTDOWN":
            api.shut_down(seconds=PATIENCE)  # the answer to its first `event/next`
        else:
            process.popen.send_signal(signal.SIGTERM)
        api.wait_for_next(1, process.ended)
        with closing(http.client.HTTPConnection("127.0.0.1", api.port(), timeout=PATIENCE)) as platform_:
            platform_.request("POST", "/", json.dumps([line("of a short life")]))
            wait_until(api.events.empty, "the end has come")
            loaded.touch()
            assert platform_.getresponse().status == 200
        assert process.exit_code() == 0
        assert process.levels() == []
    assert records(store) == ["of a short life"]


@pytest.mark.holds("shutdown: within the reserve, one line reports what was not shipped: records, bytes, reason")
def test_a_store_that_nobody_serves_holds_nobody_long_and_what_is_lost_is_counted(
    opt: Path, api: LambdaApi, store: s3.Moto
) -> None:
    nowhere = {"AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{free_port()}"}
    with started(opt, api, store, nowhere) as process:
        api.invoke("r1")
        begun = time.monotonic()
        api.deliver(line("kept"), platform("runtimeDone", "r1"))
        api.wait_for_next(2)
        assert time.monotonic() - begun < 2.0
        begun = time.monotonic()
        api.shut_down(seconds=1.5)
        assert process.exit_code() == 0
        assert time.monotonic() - begun < 1.6
        said = process.said()
    assert said[0]["message"] == "upload failed: the object is kept and retried"
    (last,) = [one for one in said if one["message"] == "environment shutting down"]
    assert (said[-1], last["level"], last["lost"]) == (last, "error", 2)
    assert int(str(last["lostBytes"])) > len(json.dumps([line("kept"), platform("runtimeDone", "r1")]))


def test_without_a_bucket_it_says_so_polls_and_leaves(opt: Path, api: LambdaApi, store: s3.Moto) -> None:
    with started(opt, api, store, S3_BUCKET="") as process:
        api.invoke("r1")
        api.wait_for_next(2)
        api.shut_down()
        assert process.exit_code() == 0
        (said,) = process.said()
    assert "S3_BUCKET is not set: nothing is shipped" in str(said["message"])


def test_where_no_log_api_delivers_it_polls_and_leaves(opt: Path, api: LambdaApi, store: s3.Moto) -> None:
    api.script |= {"telemetry": [NOT_SUPPORTED], "logs": [NOT_SUPPORTED]}
    with started(opt, api, store) as process:
        for number in range(1, 4):
            api.invoke(f"r{number}")
            api.wait_for_next(number + 1)
        api.shut_down()
        assert process.exit_code() == 0
        assert process.levels() == ["error"]


def test_bad_settings_are_said_one_line_each_and_the_defaults_serve(opt: Path, api: LambdaApi, store: s3.Moto) -> None:
    with started(opt, api, store, SHIP_RATE_BYTES="0", LOG_TYPES='"function"', PROT="1") as process:
        api.deliver(line("with the defaults"))
        api.shut_down()
        assert process.exit_code() == 0
        assert process.levels() == ["warning"] * 3
    assert records(store) == ["with the defaults"]


BROKEN_LATE = [
    *("shell/app", "shell/poller", "shell/consumer", "shell/uploader", "core/shipper", "core/batcher", "core/hold"),
    *("records/reader", "records/objects"),
]
BROKEN_EARLY = [
    "__main__",
    "startup",
    "settings",
    "errors",
    "events",
    "extensions_api",
    "inbox",
    "listener",
    "messages",
]


@pytest.mark.holds("faults: a module that cannot be loaded does not stop the function")
@pytest.mark.parametrize("module", [*BROKEN_LATE, *BROKEN_EARLY, "messages"])
def test_a_broken_module_is_said_and_the_function_lives(opt: Path, api: LambdaApi, store: s3.Moto, module: str) -> None:
    (opt / "extension" / f"{module}.py").write_text("def broken(:\n")
    with started(opt, api, store) as process:
        for number in range(1, 3):
            api.invoke(f"r{number}")
            api.wait_for_next(number + 1, process.ended)
        api.shut_down()
        assert process.exit_code() == 0
        assert process.levels() == ["error"]
    assert len(api.of("register")) == 1
    assert api.most_waiting == 1  # of two that wait, the one that nobody reads may get SHUTDOWN


def plant(opt: Path, module: str, function: str) -> None:
    """Let this function of the copy raise."""
    with (opt / "extension" / f"{module}.py").open("a") as source:
        source.write(f"\n\ndef {function}(*_, **__):\n    raise ArithmeticError('planted')\n")


@pytest.mark.holds("faults: after two faults in a row, the extension only polls")
def test_a_fault_in_the_middle_of_a_life_releases_the_invocation_and_polls_on(
    opt: Path, api: LambdaApi, store: s3.Moto
) -> None:
    plant(opt, "core/hold", "hold_limit")
    with started(opt, api, store) as process:
        for number in range(1, 4):
            api.invoke(f"r{number}")
            api.wait_for_next(number + 1, process.ended)
        api.shut_down()
        assert process.exit_code() == 0
        assert process.levels() == ["error", "error"]  # one fault is survived, two in a row end the shipping
        assert all("ArithmeticError at " in str(line["why"]) for line in process.said())


@pytest.mark.holds("faults: a fault in the shutdown path does not keep the process from ending")
@pytest.mark.parametrize("faults", [1, 2])
def test_a_fault_in_what_shutdown_needs_does_not_keep_the_process(
    opt: Path, api: LambdaApi, store: s3.Moto, faults: int
) -> None:
    plant(opt, "core/drain", "shutdown_limit")
    plant(opt, "core/hold", "hold_limit")
    with started(opt, api, store) as process:
        for number in range(1, faults):
            api.invoke(f"r{number}")
            api.wait_for_next(number + 1)
        api.shut_down()
        assert process.popen.wait(2.0) == 0
        assert process.levels() == ["error"] * faults


def test_the_nearest_name_of_an_unknown_setting_is_looked_for_after_the_first_event_next(
    opt: Path, api: LambdaApi, store: s3.Moto
) -> None:
    plant(opt, "settings", "_distance")
    with started(opt, api, store, PROT="1") as process:
        assert api.calls()[:3] == ["register", "telemetry", "next"]  # as without a fault in it
        api.invoke("r1")
        api.wait_for_next(2, process.ended)
        api.shut_down()
        assert process.exit_code() == 0
        (fault,) = process.said()
        assert "ArithmeticError" in str(fault["message"])


@pytest.mark.holds("faults: a registration whose connection is cut is tried once again")
def test_a_registration_whose_connection_is_cut_is_tried_once_again(opt: Path, api: LambdaApi, store: s3.Moto) -> None:
    api.script["register"] = [DROP, REGISTERED]
    with started(opt, api, store) as process:
        api.deliver(line("shipped all the same"))
        api.shut_down()
        assert process.exit_code() == 0
        assert process.levels() == []
    assert records(store) == ["shipped all the same"]
    assert len(api.of("register")) == 2


@pytest.mark.holds("faults: a module that cannot be loaded does not stop the function")
def test_a_fault_after_the_registration_does_not_register_again_for_lambda_would_refuse(
    opt: Path, api: LambdaApi, store: s3.Moto
) -> None:
    plant(opt, "startup", "subscribe")
    api.script["register"] = [REGISTERED, Answer(403, '{"errorType":"Extension.InvalidExtensionState"}')]
    with started(opt, api, store) as process:
        api.invoke("r1")
        api.wait_for_next(2, process.ended)
        api.shut_down()
        assert process.exit_code() == 0
        assert process.levels() == ["error"]
    assert len(api.of("register")) == 1


def test_without_the_address_of_lambda_it_says_so_and_leaves_with_2(opt: Path) -> None:
    process = Process(opt, s3.clean_environ())
    assert process.exit_code() == 2
    (said,) = process.said()
    assert str(said["message"]).startswith("AWS_LAMBDA_RUNTIME_API is not host:port")
    assert process.popen.stdout is not None
    process.popen.stdout.close()


def test_a_port_that_is_taken_is_no_obstacle(opt: Path, api: LambdaApi, store: s3.Moto) -> None:
    with started(opt, api, store, PORT=api.address.rpartition(":")[2]) as process:
        api.deliver(line("by another port"))
        api.shut_down()
        assert process.exit_code() == 0
        assert process.levels() == ["info"]
    assert records(store) == ["by another port"]


def test_no_message_says_what_is_in_the_environment(opt: Path, api: LambdaApi, store: s3.Moto) -> None:
    api.script["telemetry"] = [Answer(500)]
    with started(opt, api, store, {"AWS_SECRET_ACCESS_KEY": "very-secret-indeed"}, PORT="x") as process:
        api.deliver(line("the body of a record"))
        api.shut_down()
        assert process.exit_code() == 0
        said = json.dumps(process.said())
    assert "very-secret-indeed" not in said
    assert "the body of a record" not in said
