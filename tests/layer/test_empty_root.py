"""The layer needs nothing of the host but the kernel: it runs in a root that holds nothing else."""

import gzip
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from layer.libraries import LOADER
from tests.fakes.network.certificates import TestAuthority
from tests.fakes.s3_scripted import ScriptedS3
from tests.layer.conftest import NAME
from tests.layer.empty_root import PRIVATE, PYTHON, SHELL, chroot, empty_root, static_shell
from tests.layer.runtime_api import RuntimeApi


@pytest.fixture
def root(opt: Path, tmp_path: Path) -> Path:
    """The empty root, with the layer."""
    root = empty_root(tmp_path / "root")
    shutil.copytree(opt, root / "opt")
    return root


def test_every_module_of_ours_can_be_imported_there_without_a_shell(root: Path) -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import importlib, pkgutil, extension\n"
        "for each in pkgutil.walk_packages(extension.__path__, 'extension.'):\n"
        "    if not each.name.endswith('__main__'): print(importlib.import_module(each.name).__name__)\n"
    )
    command = [*chroot(root), *PYTHON, "-c", program, PRIVATE]
    ran = subprocess.run(command, env={}, capture_output=True, text=True, check=False, timeout=60)
    assert ran.stderr == ""
    package = root / PRIVATE.lstrip("/") / "extension"
    modules = {path.relative_to(package.parent).with_suffix("").as_posix() for path in package.rglob("*.py")}
    names = {name.removesuffix("/__init__").replace("/", ".") for name in modules}
    assert set(ran.stdout.split()) == names - {"extension", "extension.__main__"}


@pytest.mark.parametrize("client", ["light", "boto3"])
@pytest.mark.parametrize("shell", ["a static shell", "this machine's shell"])
def test_the_extension_ships_over_tls_from_there(root: Path, tmp_path: Path, shell: str, client: str) -> None:
    start = [f"/opt/extensions/{NAME}"]
    if shell == "a static shell":
        static_shell(root)
        found = {path.name for path in root.iterdir()}
        assert found == {"opt", "tmp", "proc", "dev", "etc", "bin"}
    else:
        start = [*SHELL, *start]
    authority = TestAuthority(tmp_path)
    shutil.copyfile(authority.bundle, root / "tmp" / "authority.pem")
    context = authority.server_context("127.0.0.1")
    with ScriptedS3(context=context) as s3, RuntimeApi() as api:
        environ = {
            **api.environ(),
            **s3.environ(),
            "AWS_CA_BUNDLE": "/tmp/authority.pem",
            "AWS_EC2_METADATA_DISABLED": "true",
            "ADAPTIVE_BATCHING_EXTENSION_S3_CLIENT": client,
            "ADAPTIVE_BATCHING_EXTENSION_COMPRESSION": "gzip",
        }
        command = [*chroot(root), *start]
        with subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True) as extension:
            try:
                api.polled.get(timeout=20)
                record: dict[str, object] = {
                    "time": "2026-11-21T00:00:00.000Z",
                    "type": "function",
                    "record": "from an empty root",
                }
                api.deliver([record])
                api.over.set()
                _, said = extension.communicate(timeout=30)
            finally:
                extension.kill()
    assert extension.returncode == 0, said
    (stored,) = s3.objects.values()
    line, report = gzip.decompress(stored.body).splitlines()
    assert json.loads(report)["type"] == "extension.report"
    found = json.loads(line)
    assert {name: found[name] for name in record} == record


def test_the_interpreter_uses_no_library_of_the_host(opt: Path) -> None:
    library = opt / NAME / "lib"
    command = [str(library / LOADER), *PYTHON[1:2], "--library-path", str(library), str(opt / NAME / "bin" / "python3")]
    program = "import ssl, zlib, hashlib, _socket; print(open('/proc/self/maps').read())"
    command += ["-I", "-S", "-X", "utf8", "-c", program]
    environ = {"LC_ALL": "C", "OPENSSL_CONF": "/dev/null"}  # as the launcher sets them
    ran = subprocess.run(command, env=environ, capture_output=True, text=True, check=True, timeout=30)
    mapped = set(re.findall(r" (/.*)$", ran.stdout, re.MULTILINE))
    assert mapped
    assert {path for path in mapped if not path.startswith(f"{opt / NAME}{os.sep}")} == set()
