"""The dependencies in the layer: installed from the lock, then cut down to what the boto3 store uses."""

import hashlib
import shutil
import subprocess
import sys
from importlib.metadata import Distribution, distributions
from pathlib import Path

from layer.bill import Row

ROOT = Path(__file__).resolve().parent.parent

# botocore describes every service of AWS; the store needs S3, and STS for roles.
BOTOCORE_DATA = {"_retry.json", "endpoints.json", "partitions.json", "sdk-default-configuration.json", "s3", "sts"}
# boto3's data describes its resources, which the store does not use.
UNUSED = ("bin", "boto3/data", "boto3/examples", "**/tests", "**/*.pyi", "**/py.typed", "**/examples-1.json*")
LICENCE_FILES = ("LICEN[CS]E*", "NOTICE*", "COPYING*", "AUTHORS*")


def copy(lock: Path, cache: Path, private: Path) -> list[Row]:
    """Put the pruned dependencies into `private`/vendor, their licences into `private`/THIRD_PARTY; what they are."""
    target = private / "vendor"
    shutil.copytree(install(lock, cache), target)
    rows = [licensed(each, private / "THIRD_PARTY" / each.name) for each in distributions(path=[str(target)])]
    prune(target)
    return rows


def install(lock: Path, cache: Path) -> Path:
    """Install what `lock` pins, once per content of the lock; the folder below `cache` that holds it."""
    target = cache / hashlib.sha256(lock.read_bytes()).hexdigest()[:16]
    if not target.exists():
        unfinished = target.with_suffix(".part")
        shutil.rmtree(unfinished, ignore_errors=True)
        # Only wheels: nothing is compiled here, so the machine leaves no trace in the layer.
        options = ["--no-deps", "--no-compile", "--require-hashes", "--only-binary", ":all:"]
        quiet = ["-qq", "--disable-pip-version-check"]
        command = [
            sys.executable,
            "-m",
            "pip",
            "install",
            *quiet,
            *options,
            "--target",
            str(unfinished),
            "-r",
            str(lock),
        ]
        subprocess.run(command, check=True)
        unfinished.rename(target)
    return target


def prune(target: Path) -> None:
    """Remove what the store never reads."""
    unused = [path for pattern in (*UNUSED, "*.dist-info") for path in target.glob(pattern)]
    unused += [path for path in (target / "botocore" / "data").iterdir() if path.name not in BOTOCORE_DATA]
    for path in unused:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def licensed(distribution: Distribution, target: Path) -> Row:
    """Copy the licence files of `distribution` into `target`; its row of the bill."""
    about = distribution.metadata
    licence = next((about[field] for field in ("License-Expression", "License") if field in about), "see the files")
    target.mkdir(parents=True)
    for file in distribution.files or []:
        if any(Path(file.name).match(pattern) for pattern in LICENCE_FILES):
            shutil.copyfile(Path(str(distribution.locate_file(file))), target / file.name)
    return Row(distribution.name, distribution.version, licence)
