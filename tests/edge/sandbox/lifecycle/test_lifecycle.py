"""One environment with real processes: init, invoke, freeze, reset, SHUTDOWN (checklist lines in each name)."""

from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path

import pytest

from adaptive_batching.sandbox.errors import SandboxError
from tests.edge.sandbox.world import EXTENSION, environment, eventually, function, process_state, records, types


def test_cold_start_and_warm_invocation_have_the_events_of_the_timeline_in_order(tmp_path: Path) -> None:
    with environment(function(tmp_path)) as env:
        first, second = env.invoke({"print": "one"}), env.invoke({"print": "two"})
    assert types(env) == [
        "initStart", "telemetrySubscription", "initRuntimeDone", "extension", "initReport",
        "start", "runtimeDone", "report", "start", "runtimeDone", "report",
    ]  # fmt: skip
    assert [one["record"] for one in records(env, "function")] == ["one\n", "two\n"]
    assert (first.function_error, second.function_error) == (None, None)
    assert "initDurationMs" in first.report["metrics"]
    assert "initDurationMs" not in second.report["metrics"]


def test_09_the_report_is_held_back_until_every_extension_asked_for_next(tmp_path: Path) -> None:
    with environment(function(tmp_path, variables={"HOLD": "0.3"})) as env:
        result = env.invoke({})
        assert result.report["spans"][0]["name"] == "extensionOverhead"
        assert result.report["spans"][0]["durationMs"] >= 290
        assert "report" not in types(env)  # frozen: it waits for the thaw
        assert types(env).count("runtimeDone") == 1  # this one came while the extension was held
        env.invoke({})
        assert types(env).count("report") == 1
    assert types(env).count("report") == 2  # the last one before SHUTDOWN


def test_freeze_stops_every_process_and_thaw_lets_them_go_on(tmp_path: Path) -> None:
    with environment(function(tmp_path)) as env:
        env.invoke({})
        pids = [process.pid for process in env.processes]
        assert len(pids) == 2
        assert [process_state(pid) for pid in pids] == ["T", "T"]
        env.thaw()
        eventually(lambda: not any(process_state(pid) == "T" for pid in pids))


def test_07_nothing_is_delivered_while_frozen(tmp_path: Path) -> None:
    with environment(function(tmp_path)) as env:
        env.invoke({})
        before = len(env.deliveries)
        eventually(lambda: env.telemetry.subscribers()[0].undelivered() > 0)  # the report waits
        deadline = time.monotonic() + 0.3  # many times the subscription's 25 ms
        while time.monotonic() < deadline:
            assert len(env.deliveries) == before
            time.sleep(0.01)


def test_05_extensions_get_invoke_and_shutdown_with_the_documented_members(tmp_path: Path) -> None:
    with environment(function(tmp_path)) as env:
        result = env.invoke({})
    said = [line.split(" ", 1) for line in env.extension_lines if line.startswith(("INVOKE", "SHUTDOWN"))]
    invoke, shutdown = (json.loads(text) for _, text in said)
    assert list(invoke) == ["eventType", "deadlineMs", "requestId", "invokedFunctionArn", "tracing"]
    assert invoke["requestId"] == result.request_id
    assert abs(invoke["deadlineMs"] / 1000 - time.time() - 3) < 10
    assert list(shutdown) == ["eventType", "shutdownReason", "deadlineMs"]
    assert shutdown["shutdownReason"] == "spindown"


def test_05_invoke_goes_only_to_those_who_registered_for_it(tmp_path: Path) -> None:
    with environment(function(tmp_path, variables={"EVENTS": '["SHUTDOWN"]', "HOLD": "60"})) as env:
        assert env.invoke({}).function_error is None  # nobody waits for an extension without INVOKE
    assert [line.split()[0] for line in env.extension_lines[1:]] == ["SHUTDOWN"]


def test_03_the_runtime_starts_when_every_extension_has_registered(tmp_path: Path) -> None:
    slow = EXTENSION.replace("api = os", "time.sleep(0.4)\napi = os", 1)
    slow = slow.replace("class Listener", 'print("registered", time.time(), flush=True)\nclass Listener', 1)
    one = function(tmp_path, {"tiny": slow})
    (one.folder / "app.py").write_text("import time\nbegan = time.time()\ndef handler(event, context): return began\n")
    with environment(one) as env:
        began = env.invoke({}).json()
    (registered,) = (float(line.split()[1]) for line in env.extension_lines if line.startswith("registered"))
    assert began > registered


def test_05_the_reason_can_be_upper_case(tmp_path: Path) -> None:
    with environment(function(tmp_path), upper_case_reason=True) as env:
        pass
    assert '"shutdownReason": "SPINDOWN"' in "".join(env.extension_lines)


def test_02_the_ten_variables_are_not_for_extensions(tmp_path: Path) -> None:
    shows = EXTENSION.replace("api = os", "for key in sorted(os.environ): print(f'{key}=')\napi = os", 1)
    with environment(function(tmp_path, {"tiny": shows}, variables={"MINE": "1"}, xray=True)) as env:
        runtime = env.invoke({}).json()["environ"]
    seen = {line.partition("=")[0] for line in env.extension_lines if line.endswith("=\n")}
    hidden = {
        "AWS_EXECUTION_ENV", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_XRAY_CONTEXT_MISSING",
        "AWS_XRAY_DAEMON_ADDRESS", "LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT", "_AWS_XRAY_DAEMON_ADDRESS",
        "_AWS_XRAY_DAEMON_PORT", "_HANDLER",
    }  # fmt: skip
    assert len(hidden) == 10
    assert hidden <= set(runtime)
    assert not hidden & seen
    assert {"MINE", "AWS_LAMBDA_RUNTIME_API", "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_ACCESS_KEY_ID", "TZ"} <= seen


def test_10_a_timeout_resets_and_the_next_invocation_runs_a_suppressed_init(tmp_path: Path) -> None:
    with environment(function(tmp_path, timeout=2.0)) as env:  # the next one needs an init in its time
        late = env.invoke({"write": "kept", "sleep": 60})
        pids = [process.pid for process in env.processes]
        assert not any(map(process_state, pids))
        again = env.invoke({})
    assert late.function_error == "Unhandled"
    assert late.json()["errorType"] == "Sandbox.Timedout"
    assert late.json()["errorMessage"].endswith("Task timed out after 2.00 seconds")
    assert late.report["status"] == "timeout"
    assert again.function_error is None
    assert again.json()["tmp"] == ["kept"]
    assert "initDurationMs" not in again.report["metrics"]
    phases = [one["record"]["phase"] for one in records(env, "platform.initStart")]
    assert phases == ["init", "invoke"]
    states = [one["record"]["state"] for one in records(env, "platform.telemetrySubscription")]
    assert states == ["Subscribed", "Already subscribed"]
    assert '"shutdownReason": "timeout"' in "".join(env.extension_lines)


def test_10_a_runtime_that_exits_fails_the_invocation_and_resets(tmp_path: Path) -> None:
    with environment(function(tmp_path)) as env:
        gone = env.invoke({"print": "last words", "exit": 3})
        assert env.invoke({}).function_error is None
    assert gone.json()["errorType"] == "Runtime.ExitError"
    assert gone.json()["errorMessage"].endswith("Runtime exited with error: exit status 3")
    (done, _) = [one["record"] for one in records(env, "platform.runtimeDone")]
    assert (done["status"], done["errorType"]) == ("error", "Runtime.ExitError")
    assert [one["record"] for one in records(env, "function")] == ["last words\n"]
    assert '"shutdownReason": "failure"' in "".join(env.extension_lines)


def test_10_an_extension_that_exits_fails_the_invocation(tmp_path: Path) -> None:
    with environment(function(tmp_path, variables={"CRASH": "1", "HOLD": "0.1"})) as env:
        result = env.invoke({"sleep": 1})
    assert result.json()["errorType"] == "Extension.Crash"
    assert result.report["errorType"] == "Extension.Crash"


def test_an_extension_that_exits_in_init_fails_the_init(tmp_path: Path) -> None:
    with environment(function(tmp_path, variables={"EXIT_BEFORE_REGISTER": "1"})) as env:
        result = env.invoke({})
    assert result.json()["errorType"] == "Extension.Crash"


def test_an_init_error_of_an_extension_is_the_invocations_error(tmp_path: Path) -> None:
    with environment(function(tmp_path, variables={"INIT_ERROR": "1"})) as env:
        result = env.invoke({})
    assert result.json()["errorType"] == "Extension.NoConfig"


def test_01_a_file_that_cannot_be_executed_is_a_launch_error(tmp_path: Path) -> None:
    broken = function(tmp_path, extensions={})
    (broken.layers[0] / "extensions" / "broken.sh").write_text("#!/bin/sh\n")
    with environment(broken) as env:
        result = env.invoke({})
        log = env.log_path.read_text()
    assert result.json()["errorType"] == "Extension.LaunchError"
    assert "EXTENSION\tName: broken.sh\tState: LaunchError\tEvents: []\tError Type: PermissionDenied\n" in log


def test_01_the_eleventh_file_fails_the_init(tmp_path: Path) -> None:
    idle = "#!/bin/sh\nexec sleep 60\n"
    many = function(tmp_path, extensions={f"e{number:02d}": idle for number in range(11)}, timeout=0.5)
    with environment(many, init_timeout=0.5) as env:
        log = env.log_path.read_text()
    assert "Name: e10\tState: LaunchError\tEvents: []\tError Type: TooManyExtensions" in log


def test_a_handler_that_raises_is_a_function_error_and_no_failure_of_the_environment(tmp_path: Path) -> None:
    with environment(function(tmp_path)) as env:
        result = env.invoke({"raise": "no"})
    assert result.function_error == "Unhandled"
    assert result.json()["errorMessage"] == "no"
    assert result.report["status"] == "success"


def test_a_handler_that_cannot_be_imported_fails_init_twice_and_says_why(tmp_path: Path) -> None:
    with environment(function(tmp_path, handler="absent.handler")) as env:
        result = env.invoke({})
    assert result.json()["errorType"] == "Runtime.ImportModuleError"
    assert result.function_error == "Unhandled"


def test_a_handler_without_a_dot_is_said_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match=r"module\.function"):
        environment(function(tmp_path, handler="handler"))


def test_an_init_that_takes_too_long_is_repeated_in_the_invocation(tmp_path: Path) -> None:
    slow = function(tmp_path, timeout=20.0)
    (slow.folder / "app.py").write_text(
        "import os, time\n"
        "mark = os.path.join(os.environ.get('TMPDIR', '/tmp'), 'mark')\n"
        "if not os.path.exists(mark):\n    open(mark, 'w').close(); time.sleep(60)\n"
        "def handler(event, context): return 'ok'\n"
    )
    with environment(slow, init_timeout=1.0) as env:
        assert env.invoke({}).json() == "ok"
    reports = [one["record"] for one in records(env, "platform.initReport")]
    assert [(one["phase"], one["status"]) for one in reports] == [("init", "timeout"), ("invoke", "success")]


def test_11_an_extension_that_ignores_shutdown_is_killed_after_two_seconds(tmp_path: Path) -> None:
    with environment(function(tmp_path, variables={"LINGER": "60"})) as env:
        pids = [process.pid for process in env.processes]
        began = time.monotonic()
    assert 1.8 < time.monotonic() - began < 3.5
    assert not any(map(process_state, pids))


def test_11_an_extension_without_shutdown_is_killed_at_once(tmp_path: Path) -> None:
    with environment(function(tmp_path, variables={"EVENTS": '["INVOKE"]'})) as env:
        env.invoke({})
        began = time.monotonic()
    assert time.monotonic() - began < 1.5
    assert "SHUTDOWN" not in "".join(env.extension_lines)


def test_11_without_extensions_there_is_no_budget(tmp_path: Path) -> None:
    with environment(function(tmp_path, extensions={})) as env:
        env.invoke({})
        began = time.monotonic()
    assert time.monotonic() - began < 1.0


def test_11_children_of_the_function_die_with_its_group(tmp_path: Path) -> None:
    with environment(function(tmp_path, extensions={})) as env:
        env.invoke({"spawn": 1})
        (runtime,) = env.processes
        group = [
            pid
            for pid in (int(one.name) for one in Path("/proc").iterdir() if one.name.isdigit())
            if _group(pid) == runtime.pid
        ]
        assert len(group) == 2
    eventually(lambda: not any(process_state(pid) not in {"", "Z"} for pid in group))


def _group(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return 0


def test_a_flood_larger_than_a_pipe_does_not_block_the_function(tmp_path: Path) -> None:
    with environment(function(tmp_path)) as env:
        assert env.invoke({"flood": 500_000}).function_error is None
    assert [len(one["record"]) for one in records(env, "function")] == [500_001]


def test_a_framed_message_of_several_lines_is_one_record(tmp_path: Path) -> None:
    with environment(function(tmp_path)) as env:
        env.invoke({"log": "first\nsecond"})
    (record,) = records(env, "function")
    assert record["record"].endswith("\tfirst\nsecond\n")


def test_08_with_json_format_objects_arrive_as_objects_and_plain_lines_as_strings(tmp_path: Path) -> None:
    with environment(function(tmp_path, log_format="JSON")) as env:
        result = env.invoke({"log": "hello", "print": "plain"})
    by_kind = {type(one["record"]): one["record"] for one in records(env, "function")}
    assert by_kind[str] == "plain\n"
    assert by_kind[dict]["message"] == "hello"
    assert by_kind[dict]["requestId"] == result.request_id
    assert json.loads(result.log_tail.splitlines()[0])["type"] == "platform.start"


@pytest.mark.parametrize("private", ["auto", "never"])
def test_each_environment_has_a_temporary_folder_of_its_own(tmp_path: Path, private: str) -> None:
    one = function(tmp_path)
    with environment(one, private=private) as a, environment(one, private=private) as b:
        assert a.invoke({"write": "mine"}).json()["tmp"] == ["mine"]
        assert b.invoke({}).json()["tmp"] == []
        assert [one.name for one in a.temporary.iterdir()] == ["mine"]
        left = a.temporary.parent
    assert not left.exists()


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    with environment(function(tmp_path)) as env:
        env.invoke({})
        pids, address = [process.pid for process in env.processes], env.address
    assert not any(map(process_state, pids))
    host, _, port = address.partition(":")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), 1.0)


@pytest.mark.parametrize("apis", ["none", "logs"])
def test_06_an_api_that_does_not_exist_answers_202_and_the_function_lives(tmp_path: Path, apis: str) -> None:
    with environment(function(tmp_path), apis=apis) as env:
        assert env.invoke({}).function_error is None
    (line,) = [line for line in env.extension_lines if line.startswith("subscribe")]
    assert line.startswith("subscribe 202 ")
    assert json.loads(line.removeprefix("subscribe 202 "))["errorType"] == "Telemetry.NotSupported"
    assert env.deliveries == []
