"""Start-up time is a feature: what is loaded up to the writing of the first `event/next` is a written list.

A process as the launcher starts it (`-I -S`) runs start-up against the scripted Lambda API and then says what is
loaded. `dataclasses` alone costs 21 ms, `json` 9, `queue` 7, `socket` with `threading` 9, `http.client` 23, the idna
codec 8. Whoever adds a module here has measured it.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.lambda_api import LambdaApi
from tests.fakes.network.ports import free_port

ROOT = Path(__file__).parents[3]
LIGHT = {"_socket"}  # an extension module or a builtin one; `_thread`, `time` and `os` are there in a bare interpreter
OURS = {
    "extension",
    "extension.__main__",
    "extension.errors",
    "extension.events",
    "extension.http1",
    "extension.extensions_api",
    "extension.inbox",
    "extension.intake",
    "extension.listener",
    "extension.messages",
    "extension.minimal",
    "extension.kinds",
    "extension.settings",
    "extension.startup",
}

BARE = "import sys, os; print(*sys.modules)"
# The composition root is imported as the launcher does it; start-up is then run as it runs it, up to `event/next`.
STARTED = """
import sys, os
sys.path.insert(0, sys.argv[1])
import extension.__main__ as root
told = root.settings.from_environ(os.environ)
calls = root.ExtensionsApi(os.environ["AWS_LAMBDA_RUNTIME_API"])
started = root.startup.start(told, calls, root.Inbox(), "")
os.write(1, " ".join(sys.modules).encode())
os._exit(0)
"""


def loaded(script: str, *arguments: str, **environ: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script, *arguments],
        env={"PATH": "/usr/bin:/bin", **environ},
        capture_output=True,
        timeout=20,
        check=True,
        text=True,
    )
    assert done.stderr == "", done.stderr
    return set(done.stdout.split())


def start(api: LambdaApi, **values: str) -> set[str]:
    settings = {f"ADAPTIVE_BATCHING_EXTENSION_{name}": value for name, value in values.items()}
    port = {"ADAPTIVE_BATCHING_EXTENSION_PORT": str(free_port())}
    started = loaded(STARTED, str(ROOT), **port, **settings, AWS_LAMBDA_RUNTIME_API=api.address)
    return started - loaded(BARE)


@pytest.mark.holds(
    "journal: recovery begins after the first `event/next`, and its chunks are shipped with the first invocation"
)
def test_up_to_the_first_event_next_only_the_written_list_is_loaded(api: LambdaApi) -> None:
    more = start(api, S3_BUCKET="a-bucket")
    assert api.calls() == ["register", "telemetry", "next"]
    assert sorted(more - OURS) == sorted(LIGHT)
    assert sorted(more & OURS) == sorted(OURS)


@pytest.mark.parametrize(
    ("name", "value"), [("LOG_TYPES", '["function","nonsense"]'), ("S3_PREFIX", "é/{date}"), ("SHIP_RATE_BYTES", "x")]
)
def test_odd_settings_load_nothing_more(api: LambdaApi, name: str, value: str) -> None:
    assert start(api, S3_BUCKET="a-bucket", **{name: value}) <= LIGHT | OURS


def test_the_list_has_nothing_heavy_in_it() -> None:
    heavy = {"json", "queue", "socket", "threading", "http", "http.client", "dataclasses", "logging", "ssl", "re"}
    assert heavy & LIGHT == set()


def test_the_measure_sees_what_is_loaded() -> None:
    assert "json.scanner" in loaded("import sys, json; print(*sys.modules)") - loaded(BARE)


def test_nobody_of_ours_is_niced() -> None:
    for path in (ROOT / "extension").rglob("*.py"):
        assert "nice(" not in path.read_text(), path
        assert "setpriority" not in path.read_text(), path


def test_the_bare_interpreter_of_these_tests_is_bare() -> None:
    assert {"json", "socket", "threading"} & loaded(BARE) == set()
