"""Beside functions of other runtimes, where no Python is on the PATH; and in container images."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from adaptive_batching.sandbox.function import Credentials, Function
from adaptive_batching.sandbox.lifecycle.environment import Environment
from adaptive_batching.sandbox.options import Options
from extension.records import objects
from tests.fakes.s3_scripted import ACCESS_KEY, SECRET_KEY, ScriptedS3
from tests.layer.conftest import NAME, ROOT
from tests.layer.empty_root import chroot, empty_root, static_shell
from tests.layer.runtime_api import IDENTIFIER, RuntimeApi

NODE = """
exports.handler = async (event) => {
  console.log(`node says ${event.number}`);
  return { number: event.number };
};
"""
BOOTSTRAP = """#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
while :; do
    answer=$(curl -sS -i "$api/next")
    id=$(printf '%s\\n' "$answer" | sed -n 's/^[Ll]ambda-[Rr]untime-[Aa]ws-[Rr]equest-[Ii]d: *\\([0-9a-f-]*\\).*/\\1/p')
    event=$(printf '%s\\n' "$answer" | tail -n 1)
    number=$(printf '%s' "$event" | sed 's/[^0-9]//g')
    echo "bootstrap says $number"
    curl -sS -o /dev/null -X POST "$api/$id/response" -d "$event"
done
"""
PROGRAMS = {"nodejs": ("node",), "provided": ("curl", "sed", "tail")}


def path_without_python(folder: Path, programs: tuple[str, ...]) -> str:
    """A folder with these programs and nothing else."""
    folder.mkdir()
    for name in programs:
        found = shutil.which(name)
        if not found:
            pytest.skip(f"{name} is not installed")
        (folder / name).symlink_to(Path(found).resolve())
    return str(folder)


def function(folder: Path, runtime: str) -> Function:
    code = folder / "code"
    code.mkdir()
    if runtime.startswith("nodejs"):
        (code / "index.js").write_text(NODE)
        return Function(code, "index.handler", runtime=runtime)
    (code / "bootstrap").write_text(BOOTSTRAP)
    (code / "bootstrap").chmod(0o755)
    return Function(code, "unused", runtime=runtime)


@pytest.mark.parametrize("runtime", ["nodejs22.x", "provided.al2023"])
def test_it_ships_beside_a_function_whose_path_holds_no_python(opt: Path, runtime: str) -> None:
    (ROOT / "build").mkdir(exist_ok=True)
    folder = ROOT / "build" / f"test-{runtime}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    programs = next(names for family, names in PROGRAMS.items() if runtime.startswith(family))
    try:
        plain = function(folder, runtime)
        path = path_without_python(folder / "code" / "bin", programs)
        assert not shutil.which("python3", path=path)
        with ScriptedS3() as s3:
            changed = Function(
                plain.folder,
                plain.handler,
                name="other-runtime",
                runtime=runtime,
                layers=(opt,),
                region=s3.region,
                credentials=Credentials(ACCESS_KEY, SECRET_KEY, ""),
                timeout=10.0,
                variables={
                    "PATH": f"/var/task/bin:{path}",  # of this machine's /tmp an environment sees its code alone
                    "ADAPTIVE_BATCHING_EXTENSION_S3_BUCKET": "bucket",
                    "AWS_ENDPOINT_URL_S3": s3.endpoint,
                },
            )
            with Environment(changed, Options()) as environment:
                answers = [environment.invoke({"number": number}).json() for number in range(3)]
                mapped = files_of(next(one.pid for one in environment.processes if one.kind == "extension"))
                opt_there = "/opt/" if environment.is_private else f"{opt}/"
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    assert answers == [{"number": number} for number in range(3)]
    lines = [line for stored in s3.objects.values() for line in objects.decode(stored.body)]
    said = [str(line["record"]) for line in lines if line["type"] == "function"]
    for number in range(3):
        assert [line for line in said if f"says {number}" in line], said
    assert s3.refused == 0
    assert mapped
    assert {file for file in mapped if not file.startswith(opt_there)} == set()


def files_of(pid: int) -> set[str]:
    """Every file that a process has mapped: its program and its libraries."""
    maps = Path(f"/proc/{pid}/maps").read_text(encoding="utf-8")
    return set(re.findall(r" (/[^\n]*)$", maps, re.MULTILINE))


def test_an_image_made_with_the_documented_copy_starts_the_extension(opt: Path, tmp_path: Path) -> None:
    text = (ROOT / "layer" / "README.md").read_text(encoding="utf-8")
    (dockerfile,) = re.findall(r"```dockerfile\n(.*?)```", text, re.DOTALL)
    copies = re.findall(r"^COPY (build/\S+) (\S+)$", dockerfile, re.MULTILINE)
    assert [(source, target) for source, target in copies] == [("build/layer/", "/opt/")]
    assert opt == ROOT / "build" / "layer"
    root = empty_root(tmp_path / "root")
    for source, target in copies:
        shutil.copytree(ROOT / source, root / target.strip("/"))
    static_shell(root)
    with RuntimeApi() as api:
        command = [*chroot(root), f"/opt/extensions/{NAME}"]
        with subprocess.Popen(command, env=api.environ(), stderr=subprocess.PIPE, text=True) as extension:
            try:
                assert api.registered.get(timeout=20) == NAME
                assert api.polled.get(timeout=20) == IDENTIFIER
                api.over.set()
                _, said = extension.communicate(timeout=20)
            finally:
                extension.kill()
    assert extension.returncode == 0, said
    assert "nothing is shipped" not in said
