"""The layer needs nothing of the host but the kernel: it runs in a root that holds nothing else.

The launcher is a shell script, so a shell has to be there; it lies with its own libraries in a folder where nothing
else would look, and /lib, /usr and /bin do not exist.
"""

import gzip
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from layer.libraries import LOADER, closure
from tests.certificates import TestAuthority
from tests.layer.conftest import NAME
from tests.layer.runtime_api import RuntimeApi
from tests.s3_scripted import ScriptedS3

PRIVATE = f"/opt/{NAME}"
PYTHON = [
    f"{PRIVATE}/lib/{LOADER}",
    *("--inhibit-cache", "--library-path", f"{PRIVATE}/lib"),
    *(f"{PRIVATE}/bin/python3", "-I", "-S", "-B", "-X", "utf8"),
]
SHELL = [f"/shell/{LOADER}", "--inhibit-cache", "--library-path", "/shell", "/shell/sh"]


def chroot(root: Path) -> list[str]:
    """The command that runs another in `root`; skips, and says so, where the kernel does not let us."""
    tried = []
    places = os.environ["PATH"] + ":/usr/sbin:/sbin"  # where it lies is not on everybody's PATH
    program = shutil.which("chroot", path=places) or "chroot"
    unshare = shutil.which("unshare", path=places) or "unshare"
    for command in ([program, str(root)], [unshare, "--user", "--map-root-user", program, str(root)]):
        ran = subprocess.run([*command, *SHELL, "-c", ":"], capture_output=True, text=True, check=False, timeout=20)
        if ran.returncode == 0:
            return command
        tried.append(ran.stderr.strip())
    return pytest.skip(f"chroot is forbidden here: {tried}")


@pytest.fixture
def root(opt: Path, tmp_path: Path) -> Path:
    """The empty root."""
    root = tmp_path / "root"
    for folder in ("tmp", "proc", "dev", "etc", "shell"):
        (root / folder).mkdir(parents=True)
    (root / "tmp").chmod(0o1777)
    (root / "etc" / "hosts").write_text("127.0.0.1 localhost\n", encoding="utf-8")
    shutil.copytree(opt, root / "opt")
    shell = Path(shutil.which("sh") or "/bin/sh").resolve()
    needed = closure([shell])
    assert needed, f"{shell} is not of glibc"
    for name, path in {**needed, "sh": shell}.items():
        shutil.copyfile(path, root / "shell" / name)
        (root / "shell" / name).chmod(0o755)
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
def test_the_extension_ships_over_tls_from_there(root: Path, tmp_path: Path, client: str) -> None:
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
        command = [*chroot(root), *SHELL, f"/opt/extensions/{NAME}"]
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
    environ = {"LC_ALL": "C"}  # as the launcher sets it
    ran = subprocess.run(command, env=environ, capture_output=True, text=True, check=True, timeout=30)
    mapped = set(re.findall(r" (/.*)$", ran.stdout, re.MULTILINE))
    assert mapped
    assert {path for path in mapped if not path.startswith(f"{opt / NAME}{os.sep}")} == set()
