"""A built layer as a zip file, and what its layer.json says about the interpreter in it."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from adaptive_batching.operate.layers.names import layer_name
from adaptive_batching.settings import EXTENSION

if TYPE_CHECKING:
    from pathlib import Path

#: `origin` in layer.json of a release: a relocatable CPython. Other layers have this machine's, or none.
RELEASE = "python-build-standalone"
_ABOUT = f"{EXTENSION}/layer.json"


class ArchiveError(Exception):
    """There is no layer that can be published. The message says how to build one."""


@dataclass(frozen=True)
class Archive:
    """A zip file of the layer. `version` is the extension's; `sha256` is base64, as Lambda's CodeSha256."""

    architecture: str
    version: str
    path: Path
    data: bytes = field(repr=False)

    @property
    def sha256(self) -> str:
        """The hash by which Lambda knows the content."""
        return base64.b64encode(hashlib.sha256(self.data).digest()).decode()

    @property
    def description(self) -> str:
        """What the layer's version is described as: version and hash, in hexadecimal as sha256sum prints it."""
        return f"{EXTENSION} {self.version}, sha256 {hashlib.sha256(self.data).hexdigest()}"


def find(folder: Path, architecture: str) -> Archive:
    """Return the layer of an architecture that `make layer` wrote into a folder, of two that fit the newer one.

    Without ARCH it writes one without a suffix, of this machine's architecture. Raises ArchiveError if there is none,
    or if its interpreter is not a release's.
    """
    build = f"make layer ARCH={architecture}"
    fitting: list[tuple[float, Path, bytes, dict[str, Any]]] = []
    for name in (f"{layer_name(architecture)}.zip", f"{EXTENSION}.zip"):
        path = folder / name
        try:
            data, written = path.read_bytes(), path.stat().st_mtime
        except FileNotFoundError:
            continue
        except OSError as error:
            raise ArchiveError(f"{path} cannot be read: {error.strerror}") from None
        about = _about(path, data)
        if about["architecture"] == architecture:
            fitting.append((written, path, data, about))
        elif architecture in name:
            raise ArchiveError(f"{path} is for {about['architecture']}, not for {architecture}; run `{build}`")
    if not fitting:
        raise ArchiveError(f"{folder} has no layer for {architecture}; run `{build}`, or choose others with --arch")
    _, path, data, about = max(fitting, key=lambda one: one[0])  # of two of the same time, the first
    older = next((one for _, one, *_ in fitting if one != path), None)
    _refuse_development(path, about, build, older)
    return Archive(architecture, str(about.get("version", "")), path, data)


def _about(path: Path, data: bytes) -> dict[str, Any]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            about = json.loads(archive.read(_ABOUT))
    except (zipfile.BadZipFile, KeyError, ValueError):
        about = None
    if not isinstance(about, dict) or not {"architecture", "python"} <= set(about):
        raise ArchiveError(f"{path} is not a layer that `make layer` has built: there is no good {_ABOUT} in it")
    return about


def _refuse_development(path: Path, about: dict[str, Any], build: str, older: Path | None) -> None:
    if about.get("origin") != RELEASE:
        otherwise = f"; to publish the older {older}, delete it" if older else ""
        raise ArchiveError(
            f"{path} is a development build, good for tests only: its Python ({about['python']}) is that of the "
            f"machine that built it, or the function's; run `{build}` where a release's can be downloaded{otherwise}"
        )
