"""How programs of layers and functions are started: what is refused, in Lambda's words, and what a layer brings."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from adaptive_batching.sandbox.protocol import exits
from tests.edge.sandbox.lifecycle.test_variants import BOOTSTRAP
from tests.edge.sandbox.world import EXTENSION, environment, function, records

if TYPE_CHECKING:
    from pathlib import Path

    from adaptive_batching.sandbox.function import Function

FOREIGN = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\0\xf3\0\x01\0\0\0" + bytes(100)  # RISC-V: neither of Lambda's
REFUSED = {
    "CRLF": (b"#!/bin/sh\r\nexit 0\r\n", "no such file or directory"),
    "no #! line": (b"echo it runs\n", "exec format error"),
    "another processor": (FOREIGN, "exec format error"),
    "empty": (b"", "exec format error"),
}


def put(path: Path, content: bytes | str, mode: int = 0o755) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(mode)
    return path


@pytest.mark.parametrize("private", ["auto", "never"])
@pytest.mark.parametrize("name", REFUSED)
def test_an_extension_that_the_kernel_refuses_is_a_launch_error(tmp_path: Path, name: str, private: str) -> None:
    content, text = REFUSED[name]
    one = function(tmp_path, {})
    put(one.layers[0] / "extensions/own", content)
    with environment(one, private=private) as env:
        error = env.invoke().json()
        log = env.log_path.read_text()
    assert error["errorType"] == "Extension.LaunchError"
    assert error["errorMessage"].endswith(f"/extensions/own: {text}")
    assert "Error: fork/exec /" in error["errorMessage"]
    assert "EXTENSION\tName: own\tState: LaunchError\tEvents: []\tError Type: UnknownError\n" in log


@pytest.mark.parametrize("private", ["auto", "never"])
@pytest.mark.parametrize("name", REFUSED)
def test_a_bootstrap_that_the_kernel_refuses_is_an_invalid_entrypoint(tmp_path: Path, name: str, private: str) -> None:
    content, text = REFUSED[name]
    one = function(tmp_path, {}, runtime="provided.al2023")
    put(one.folder / "bootstrap", content)
    with environment(one, private=private) as env:
        error = env.invoke().json()
        again = env.invoke().json()
    assert (error["errorType"], again["errorType"]) == ("Runtime.InvalidEntrypoint",) * 2
    assert error["errorMessage"].endswith(f"/bootstrap: {text}")
    assert "Error: fork/exec /" in error["errorMessage"]


def test_a_layer_may_hold_the_bootstrap_programs_and_libraries(tmp_path: Path) -> None:
    one = function(tmp_path, {}, runtime="provided.al2023")
    put(one.layers[0] / "bin/own-program", "#!/bin/sh\necho from the layer\n")
    put(one.layers[0] / "bootstrap", BOOTSTRAP.replace('echo "handling', 'own-program; echo "$LD_LIBRARY_PATH'))
    with environment(one) as env:
        assert env.invoke({"n": 1}).json() == {"echo": {"n": 1}}
    lines = [record["record"] for record in records(env, "function")] or env.function_lines
    assert lines[0] == "from the layer\n"
    assert lines[1].split(":")[2].startswith("/opt/lib" if env.is_private else "/")


PYTHON_LAYER = """
import sys
def handler(event, context):
    import in_python, in_packages, in_both
    return [in_both.X, [path for path in sys.path if "python" in path.split("/")[2:3]][:2], sys.argv[1:]]
"""


def layered(tmp_path: Path, **changes: object) -> Function:
    one = function(tmp_path, {}, **changes)
    (one.folder / "app.py").write_text(PYTHON_LAYER)
    packages = f"python/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
    put(one.layers[0] / "python/in_python.py", "X = 1\n")
    put(one.layers[0] / "python/in_both.py", "X = 'python'\n")
    put(one.layers[0] / packages / "in_packages.py", "X = 1\n")
    put(one.layers[0] / packages / "in_both.py", "X = 'packages'\n")
    return one


@pytest.mark.parametrize("private", ["auto", "never"])
def test_python_code_of_a_layer_is_found_and_the_functions_own_first(tmp_path: Path, private: str) -> None:
    one = layered(tmp_path)
    with environment(one, private=private) as env:
        assert env.invoke().json()[0] == "packages"
    (one.folder / "in_both.py").write_text("X = 'own'\n")
    with environment(one, private=private) as env:
        assert env.invoke().json()[0] == "own"


#: The example of the developer guide: it inserts options of the interpreter before the last argument.
WRAPPER = """#!/bin/bash
args=("$@")
extra_args=("-X" "importtime")
args=("${args[@]:0:$#-1}" "${extra_args[@]}" "${args[@]: -1}")
export WRAPPED=yes
exec "${args[@]}"
"""
SAYS = "import os\ndef handler(e, c):\n    return os.environ.get('WRAPPED')\n"


@pytest.mark.parametrize("private", ["auto", "never"])
def test_the_runtime_is_started_through_the_wrapper(tmp_path: Path, private: str) -> None:
    one = function(tmp_path, {"tiny": EXTENSION})
    path = put(one.layers[0] / "wrapper", WRAPPER)
    (one.folder / "app.py").write_text(SAYS)
    inside = "/opt/wrapper" if private == "auto" else str(path)
    one = replace(one, variables={"AWS_LAMBDA_EXEC_WRAPPER": inside})
    with environment(one, private=private) as env:
        assert env.invoke().json() == "yes"
        assert any("import time:" in line for line in env.function_lines)
        assert not any("WRAPPED" in line for line in env.extension_lines)


def test_a_node_runtime_is_started_through_the_wrapper(tmp_path: Path) -> None:
    one = function(tmp_path, {}, runtime="nodejs20.x", handler="index.handler",
                   variables={"AWS_LAMBDA_EXEC_WRAPPER": "/opt/wrapper"})  # fmt: skip
    put(one.layers[0] / "wrapper", '#!/bin/sh\nWRAPPED="$*" exec "$@"\n')
    (one.folder / "index.js").write_text("exports.handler = async () => process.env.WRAPPED")
    with environment(one) as env:
        assert env.invoke().json().split()[-1] == "/var/runtime/index.mjs"


@pytest.mark.parametrize(("mode", "status", "said"), [(None, 127, "does not exist"), (0o644, 126, "is not executable")])
def test_a_wrapper_that_cannot_be_executed_is_said(tmp_path: Path, mode: int | None, status: int, said: str) -> None:
    one = function(tmp_path, {}, variables={"AWS_LAMBDA_EXEC_WRAPPER": "/opt/wrapper"})
    if mode:
        put(one.layers[0] / "wrapper", WRAPPER, mode)
    with environment(one) as env:
        assert env.invoke().json()["errorMessage"].endswith(f"Runtime exited with error: exit status {status}")
        assert f"/opt/wrapper: {said}\n" in env.function_lines


@pytest.mark.parametrize(
    ("code", "runtime", "extension"),
    [
        (0, "Runtime exited without providing a reason", "exit code 0"),
        (3, "Runtime exited with error: exit status 3", "exit status 3"),
        (-9, "Runtime exited with error: signal: killed", "signal: killed"),
        (-11, "Runtime exited with error: signal: segmentation fault", "signal: segmentation fault"),
        (-6, "Runtime exited with error: signal: aborted", "signal: aborted"),
        (-50, "Runtime exited with error: signal: signal 50", "signal: signal 50"),
    ],
)
def test_the_end_of_a_process_is_worded_as_lambda_words_it(code: int, runtime: str, extension: str) -> None:
    assert (exits.of_runtime(code), exits.of_extension(code)) == (runtime, extension)
