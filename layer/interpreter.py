"""The interpreter in the layer, so that the extension runs beside a function of any runtime.

What was chosen is cut down to what is imported, compiled ahead, and gets beside it the shared libraries it needs.
"""

import hashlib
import json
import os
import platform
import shutil
import subprocess
import tomllib
from pathlib import Path

from layer import bill, libraries
from layer.pythons import DEVELOPMENT, Choice, Python


def add(choice: Choice, imported: list[str], lock: Path, cache: Path, private: Path) -> list[bill.Row]:
    """Put the interpreter below `private`, beside vendor/; what it consists of. Made once for the same inputs."""
    executable = choice.target.executable
    facts = [executable, executable.stat().st_size, executable.stat().st_mtime_ns, choice, imported, lock.read_bytes()]
    facts += [path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py"))]
    finished = cache / "interpreter" / hashlib.sha256(repr(facts).encode()).hexdigest()[:16]
    if not (finished.exists() and is_current(finished)):
        shutil.rmtree(finished, ignore_errors=True)
        unfinished = finished.with_suffix(".part")
        shutil.rmtree(unfinished, ignore_errors=True)
        rows, taken = make(choice, private, imported, unfinished)
        (unfinished / "rows.json").write_text(json.dumps(rows), encoding="utf-8")
        (unfinished / "taken.json").write_text(json.dumps([state(path) for path in taken]), encoding="utf-8")
        unfinished.rename(finished)
    shutil.copytree(finished, private, dirs_exist_ok=True)
    (private / "taken.json").unlink()
    noted = private / "rows.json"
    rows = [bill.Row(*row) for row in json.loads(noted.read_text(encoding="utf-8"))]
    noted.unlink()
    return rows


def state(path: Path) -> list[str | int]:
    """Return path, size and time of a file of this machine; no size if it is missing."""
    try:
        about = path.stat()
    except FileNotFoundError:
        return [str(path), -1, 0]
    return [str(path), about.st_size, about.st_mtime_ns]


def is_current(finished: Path) -> bool:
    """Return whether what this build took from the machine is unchanged since."""
    taken = json.loads((finished / "taken.json").read_text(encoding="utf-8"))
    return all(state(Path(path)) == [path, size, time] for path, size, time in taken)


def make(choice: Choice, private: Path, imported: list[str], into: Path) -> tuple[list[bill.Row], list[Path]]:
    """Write bin/ and lib/, the licences and the note; the rows of the bill, and the binaries that were taken."""
    target, runner, architecture = choice
    name = f"python{target.version[0]}.{target.version[1]}"
    library = into / "lib" / name
    (library / "lib-dynload").mkdir(parents=True)  # the interpreter knows its place by it, even if it is empty
    script = [str(runner), "-S", "-X", "no_debug_ranges", str(Path(__file__).with_name("stdlib.py"))]
    # The order of constant sets, and so the bytes, depend on the hash seed.
    environ = {**os.environ, "PYTHONHASHSEED": "0"}
    subprocess.run([*script, str(target.library), str(private), str(library), *imported], check=True, env=environ)
    taken = [target.library / path.relative_to(library) for path in library.glob("lib-dynload/*.so")]
    executable = into / "bin" / "python3"
    executable.parent.mkdir()
    shutil.copyfile(target.executable, executable)
    binaries = [executable, *library.glob("lib-dynload/*.so")]

    licences = into / "THIRD_PARTY"
    number = ".".join(map(str, target.version))
    rows = [bill.Row("CPython", number, f"PSF-2.0 ({target.origin})")]
    (licences / "CPython").mkdir(parents=True)
    (licences / "CPython" / "LICENSE").write_bytes(licence(target))

    # The libraries of this machine are no use to another architecture, which then counts on the host's glibc.
    needed = libraries.closure([target.executable, *binaries[1:]]) if runner == target.executable else None
    if needed:
        own = {each: path for each, path in needed.items() if path.is_relative_to(target.prefix) and not system(target)}
        libraries.copy(needed, into / "lib")
        binaries += [into / "lib" / each for each in own]
        rows += libraries.rows({each: path for each, path in needed.items() if each not in own}, licences)
    if target.origin == DEVELOPMENT:
        libraries.strip(binaries)
        if not system(target):
            forget(target.prefix, binaries)
    libc = f"glibc {platform.libc_ver()[1]}, in the layer" if needed else "glibc of the host"
    facts = {"python": number, "optimised": target.optimised, "architecture": architecture}
    note(into, {**facts, "origin": target.origin, "libc": libc})
    return rows, [target.executable, *taken, *(needed or {}).values()]


def licence(python: Python) -> bytes:
    """Return the licence of an interpreter: beside its standard library, or where Debian puts it."""
    texts = (python.library / "LICENSE.txt", Path("/usr/share/doc", python.library.name, "copyright"))
    found = [text.read_bytes() for text in texts if text.exists()]
    return found[0] if found else b"PSF-2.0: https://docs.python.org/3/license.html\n"


def system(python: Python) -> bool:
    """Return whether the interpreter is the system's own: its libraries are too, and its prefix tells nothing."""
    return python.prefix in ("/usr", "/usr/local")


def forget(prefix: str, binaries: list[Path]) -> None:
    """Overwrite where this machine keeps its interpreters: the layer should not depend on it, nor tell.

    The prefix's last folder stays: linkers let a string end inside another, and the version may end inside the prefix.
    """
    kept_in = str(Path(prefix).parent).encode()
    for path in binaries:
        path.write_bytes(
            path.read_bytes().replace(kept_in + b"/", b"/nowhere".ljust(len(kept_in), b"/")[: len(kept_in)] + b"/")
        )


def note(private: Path, facts: dict[str, object]) -> None:
    """Leave a note of what was built."""
    (private / "layer.json").write_text(json.dumps({"version": _version(), **facts}, indent=2) + "\n", encoding="utf-8")


def _version() -> str:
    """Return the version of this project."""
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["version"])
