import os
import subprocess
from pathlib import Path

import pytest

from tests.layer.conftest import NAME, ROOT
from tests.layer.runtime_api import IDENTIFIER, RuntimeApi


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `sam build` left, made without credentials, and of the network nothing but what was fetched."""
    target = tmp_path_factory.mktemp("sam")
    environ = {name: os.environ[name] for name in ("HOME", "PATH")}  # which decide what interpreter is found
    environ |= {"SAM_CLI_TELEMETRY": "0", "__SAM_CLI_APP_DIR": str(target / "sam-cli"), "PIP_NO_INDEX": "1"}
    command = [str(ROOT / "build" / "sam" / "bin" / "sam"), "build", "--build-dir", str(target / "build")]
    ran = subprocess.run(command, check=False, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    return target / "build"


def test_sam_builds_the_tree_that_make_layer_builds(built: Path, opt: Path) -> None:
    def files(tree: Path) -> dict[str, bytes]:
        return {path.relative_to(tree).as_posix(): path.read_bytes() for path in tree.rglob("*") if path.is_file()}

    assert files(built / "AdaptiveBatchingLayer") == files(opt)


def test_the_built_layer_starts_registers_polls_and_leaves_at_shutdown(built: Path, tmp_path: Path) -> None:
    with RuntimeApi() as api:
        environ = {"PATH": os.environ["PATH"], "TMPDIR": str(tmp_path), **api.environ()}
        launcher = built / "AdaptiveBatchingLayer" / "extensions" / NAME
        with subprocess.Popen([launcher], env=environ, stderr=subprocess.PIPE, text=True) as extension:
            try:
                assert api.registered.get(timeout=20) == NAME
                assert api.polled.get(timeout=20) == IDENTIFIER
                api.over.set()
                _, said = extension.communicate(timeout=20)
            finally:
                extension.kill()
    assert extension.returncode == 0
    # The loop of last resort polls just as well; it says so.
    assert "nothing is shipped" not in said
