"""What others would cost at the same place: the bare program with a library imported first, for the chart.

The same interpreter, with the whole of its standard library where the layer has a part. requests and pydantic come
from the lock, in a folder of their own, for this interpreter's version.
"""

from __future__ import annotations

import platform
import re
import subprocess
import sys
from typing import TYPE_CHECKING

from benchmarks import quota
from benchmarks.output.chart import Bar
from benchmarks.output.rows import middle
from benchmarks.programs import BARE, LAUNCHER, PRIVATE, ROOT, extension
from benchmarks.starting import Started
from layer import pythons

if TYPE_CHECKING:
    from pathlib import Path

WANTED = ("annotated-types", "certifi", "charset-normalizer", "idna", "pydantic", "pydantic-core", "requests",
          "typing-extensions", "typing-inspection", "urllib3")  # fmt: skip


def bars(runs: int) -> list[Bar]:
    """Return medians of so many rounds, one start of each program in each."""
    library = _library()
    folder = _install()
    path = ":".join(map(str, (library, library / "lib-dynload", folder, PRIVATE / "vendor")))
    programs = {
        "bare Python": (BARE, {}),
        "this extension": ([str(LAUNCHER)], extension(S3_CLIENT="light")),
        "requests": ([*BARE, path, "requests"], {}),
        "pydantic": ([*BARE, path, "pydantic"], {}),
        "boto3": ([*BARE, path, "boto3"], {}),
    }
    found: dict[str, list[Started]] = {name: [] for name in programs}
    for number in range(runs + 1):
        for name, (command, environ) in programs.items():
            started = Started(command, environ, quota.FULL)
            if number:  # the first of each warms the page cache
                found[name].append(started)
    return [
        Bar(
            name,
            round(1000 * middle([one.seconds for one in starts]), 1),
            round(middle([one.memory for one in starts]) / 1e6, 1),
            ours=name == "this extension",
        )
        for name, starts in found.items()
    ]


def _library() -> Path:
    """Return the whole standard library of the interpreter that the layer was built from."""
    choice = pythons.choose(platform.machine(), ROOT / "build")
    if choice is None:
        raise RuntimeError("no interpreter to compare libraries on")
    return choice.target.library


def _install() -> Path:
    version = next((PRIVATE / "lib").glob("python3*")).name.removeprefix("python")
    folder = ROOT / "build" / f"bench-{version}"
    if not folder.exists():
        lock = (ROOT / "requirements" / "dev.txt").read_text(encoding="utf-8")
        entries = re.findall(r"^([a-z0-9-]+)==(?:.*\\\n)+.*\n", lock, re.MULTILINE)
        texts = [match[0] for match in re.finditer(r"^[a-z0-9-]+==(?:.*\\\n)+.*\n", lock, re.MULTILINE)]
        kept = "".join(text for name, text in zip(entries, texts, strict=True) if name in WANTED)
        listed = folder.with_suffix(".txt")
        listed.write_text(kept, encoding="utf-8")
        command = [sys.executable, "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--no-deps"]
        command += ["--require-hashes", "--only-binary", ":all:", "--python-version", version]
        subprocess.run([*command, "--target", str(folder), "-r", str(listed)], check=True)
    return folder
