"""The shared libraries that an interpreter of this machine needs, its loader among them, and their licences.

Started through that loader with `--library-path`, the interpreter finds these and nothing of the host: neither its C
library nor another version of OpenSSL. glibc only; a loader of another kind is told apart by its name.
"""

import re
import shutil
import subprocess
from pathlib import Path

from layer.bill import Row

LOADER = "ld.so"
# Loaded at run time by glibc: the first when a thread ends, the others by names of hosts where the C library does not
# hold them itself (before 2.34).
LOADED_BY_NAME = ("libgcc_s.so.1", "libnss_dns.so.2", "libnss_files.so.2", "libresolv.so.2")


def closure(binaries: list[Path]) -> dict[str, Path] | None:
    """Name -> file of every library that `binaries` need; the loader as LOADER. None where there is no glibc here."""
    found: dict[str, Path] = {}
    listed = subprocess.run(["ldd", *map(str, binaries)], capture_output=True, text=True, check=False).stdout
    for line in listed.splitlines():
        if library := re.match(r"\s+(\S+) => (/\S+) \(0x", line):
            found[library[1]] = Path(library[2])
        elif loader := re.match(r"\s+(/\S*/ld-linux\S*\.so\.\d+) \(0x", line):
            found[LOADER] = Path(loader[1])
    if LOADER not in found or "libc.so.6" not in found:
        return None
    beside = found["libc.so.6"].parent
    for name in LOADED_BY_NAME:
        if (beside / name).exists():
            found[name] = beside / name
    return found


def copy(found: dict[str, Path], target: Path) -> None:
    """Put the libraries into `target`."""
    target.mkdir(parents=True, exist_ok=True)
    for name, path in found.items():
        shutil.copyfile(path, target / name)


def strip(binaries: list[Path]) -> None:
    """Take symbols and debugging data out, where the machine has binutils; else the layer is larger, no more."""
    if program := shutil.which("strip"):
        subprocess.run([program, "--strip-unneeded", *map(str, binaries)], check=True)


def rows(found: dict[str, Path], licences: Path) -> list[Row]:
    """Return which package of this machine each library came from; its licence is copied into `licences`."""
    owners: dict[str, str] = {}
    for path in found.values():
        # Packages name /lib or /usr/lib, whichever they were built for; links are not theirs always.
        candidates = {path, path.resolve(), *(Path(str(each).removeprefix("/usr")) for each in (path, path.resolve()))}
        command = ["dpkg-query", "--search", *map(str, candidates)]
        listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout if dpkg() else ""
        owner = listed.partition(": ")[0].partition(":")[0]
        owners[owner or path.name] = version(owner) if owner else "of the machine that built the layer"
        text = Path("/usr/share/doc", owner, "copyright")
        if owner and text.exists():
            (licences / owner).mkdir(parents=True, exist_ok=True)
            shutil.copyfile(text, licences / owner / "copyright")
    return [Row(name, number, "see copyright") for name, number in sorted(owners.items())]


def dpkg() -> bool:
    """Return whether this machine can say which package a file belongs to."""
    return shutil.which("dpkg-query") is not None


def version(package: str) -> str:
    """Return the version of an installed package."""
    command = ["dpkg-query", "--show", "--showformat", "${Version}\n", package]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\n")[0]
