"""Builds the layer: the tree that /opt will hold, and the zip file of it (`python -m layer.build`).

Needs the standard library and pip. The same sources, lock and interpreter give the same bytes.

    opt/
        extensions/adaptive-batching-extension     the launcher, which Lambda starts
        adaptive-batching-extension/               everything else, out of the function's sight (never /opt/python)
            boot.py
            extension/                             the package
            vendor/                                boto3 and what it brings, for the boto3 store
            bin/python3, lib/                      the interpreter, its standard library, loader and shared libraries
            layer.json                             which interpreter, from where, for which architecture
            LICENSE, THIRD_PARTY/                  what is in here and on which terms
"""

import argparse
import ast
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from layer import bill, interpreter, pythons, vendor
from layer.libraries import LOADER

ROOT = vendor.ROOT
BUILD = ROOT / "build"
NAME = "adaptive-batching-extension"
COMPILE = """
import os, py_compile, sys
from importlib.util import cache_from_source
tree, place, optimize = sys.argv[1:]
mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
for folder, _, names in os.walk(tree):
    for path in (os.path.join(folder, name) for name in names if name.endswith(".py")):
        cache, shown = cache_from_source(path), os.path.join(place, os.path.relpath(path, tree))
        py_compile.compile(path, cache, shown, doraise=True, optimize=int(optimize), invalidation_mode=mode)
"""
# Without docstrings and without a column for each instruction the code that runs lies closer together in memory: some
# 3 % of what an invocation costs. Dependencies keep the docstrings, some of which they read.
OPTIMIZE = {"extension": 2, "vendor": 0}


def main() -> None:
    """Build the tree and, where asked for, the zip."""
    parser = argparse.ArgumentParser(description="Build the layer.")
    parser.add_argument("--into", type=Path, required=True, help="the folder that becomes /opt; replaced")
    parser.add_argument("--zip", type=Path, help="the zip file to write")
    parser.add_argument("--arch", default=platform.machine(), help="x86_64 or arm64; else that of this machine")
    options = parser.parse_args()
    architecture = {"aarch64": "arm64"}.get(options.arch, options.arch)
    if architecture not in pythons.MACHINES:
        sys.exit(f"ARCH={options.arch}: Lambda has the architectures {' and '.join(pythons.MACHINES)}")
    into: Path = options.into.absolute()
    into.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=into.parent, prefix=f".{into.name}-") as scratch:
        opt = Path(scratch, "opt")
        assemble(opt, architecture)
        if options.zip:
            options.zip.parent.mkdir(parents=True, exist_ok=True)
            unfinished = Path(scratch, "zip")
            write_zip(opt, unfinished)
            unfinished.replace(options.zip)
        # Exchanged at the end: a process that uses the old tree, or a build that fails, never meets half of one.
        if into.exists():
            into.rename(Path(scratch, "old"))
        opt.rename(into)
    sys.stdout.write((into / NAME / "layer.json").read_text(encoding="utf-8"))
    sys.stdout.write(f"{options.into}: {size(into) / 1e6:.1f} MB")
    sys.stdout.write(f", {options.zip}: {options.zip.stat().st_size / 1e6:.1f} MB\n" if options.zip else "\n")


def assemble(opt: Path, architecture: str) -> None:
    """Put the tree together below `opt`, which must not exist."""
    private = opt / NAME
    launcher = opt / "extensions" / NAME
    launcher.parent.mkdir(parents=True)
    shutil.copyfile(ROOT / "layer" / "launcher.sh", launcher)
    private.mkdir()
    shutil.copyfile(ROOT / "layer" / "boot.py", private / "boot.py")
    shutil.copyfile(ROOT / "LICENSE", private / "LICENSE")
    shutil.copytree(ROOT / "extension", private / "extension", ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    lock = ROOT / "requirements" / "layer.txt"
    rows = vendor.copy(lock, BUILD / "vendor", private)
    choice = pythons.choose(architecture, BUILD)
    if choice:
        rows += interpreter.add(choice, imports(private / "extension"), lock, BUILD, private)
    else:
        interpreter.note(private, {"python": "the function's own", "architecture": architecture})
    compile_ahead(private, choice.runner if choice else Path(sys.executable))
    bill.write(rows, private / "THIRD_PARTY" / "BILL.tsv")
    programs = {launcher, private / "bin" / "python3", private / "lib" / LOADER}
    for path in [opt, *opt.rglob("*")]:
        path.chmod(0o755 if path.is_dir() or path in programs else 0o644)


def imports(package: Path) -> list[str]:
    """Return the modules that a package names in its import statements, anywhere in its code."""
    named: set[str] = set()
    for source in package.rglob("*.py"):
        for node in ast.walk(ast.parse(source.read_bytes())):
            if isinstance(node, ast.Import):
                named |= {each.name for each in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                named.add(node.module)
    return sorted(name for name in named if name.partition(".")[0] != package.name)


def compile_ahead(private: Path, python: Path) -> None:
    """Write bytecode that is never checked against its source: /opt is read-only and unzipping changes times."""
    for folder, level in OPTIMIZE.items():
        flags = ["-S", "-X", "no_debug_ranges"]
        command = [str(python), *flags, "-c", COMPILE, str(private / folder), f"/opt/{NAME}/{folder}", str(level)]
        # The order of constant sets, and so the bytes, depend on the hash seed.
        subprocess.run(command, check=True, env={**os.environ, "PYTHONHASHSEED": "0"})


def write_zip(tree: Path, path: Path) -> None:
    """Zip the files of `tree`: sorted, with one fixed time (the first that a zip can hold), modes as they are."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for file in sorted(file for file in tree.rglob("*") if file.is_file()):
            entry = zipfile.ZipInfo(file.relative_to(tree).as_posix())
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = file.stat().st_mode << 16
            archive.writestr(entry, file.read_bytes())


def size(tree: Path) -> int:
    """Return the bytes in the files of `tree`."""
    return sum(file.stat().st_size for file in tree.rglob("*") if file.is_file())


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)  # as of a process that Ctrl-C ended; what was begun is removed
