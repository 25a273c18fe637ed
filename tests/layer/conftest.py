import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NAME = "adaptive-batching-extension"


@pytest.fixture(scope="session")
def opt() -> Path:
    """What `make layer` left, which /opt will hold. Read only: whoever changes something copies it first."""
    built = ROOT / "build" / "layer"
    assert built.is_dir(), f"{built} is missing: run `make layer` first"
    return built


@pytest.fixture
def opt_with_probe(opt: Path, tmp_path: Path) -> Path:
    """The layer's launcher, with a first file that says as one JSON line how it was started."""
    copy = tmp_path / "opt"
    shutil.copytree(opt / "extensions", copy / "extensions")
    private = copy / NAME
    private.mkdir()
    (private / "boot.py").write_text(
        "import json, os, sys\n"
        "print(json.dumps({'file': __file__, 'cwd': os.getcwd(), 'environ': dict(os.environ), 'path': sys.path,\n"
        "    'prefix': sys.prefix, 'isolated': sys.flags.isolated, 'utf8': sys.flags.utf8_mode,\n"
        "    'no_site': sys.flags.no_site, 'dont_write_bytecode': sys.flags.dont_write_bytecode}))\n",
        encoding="utf-8",
    )
    return copy
