"""The content of /opt: the layers of a function, merged in their order."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from adaptive_batching.sandbox.errors import SandboxError

if TYPE_CHECKING:
    from collections.abc import Sequence


def merge(layers: Sequence[Path], target: Path) -> Path:
    """Return a folder with the content of all layers. Entries of later layers replace those of earlier ones.

    The layers are copied to `target`. A single layer is not copied, and its own folder is returned. Links are copied
    as links and never followed, so that nothing is written outside of `target`. Raises SandboxError if a layer cannot
    be copied.
    """
    if len(layers) == 1:
        return layers[0].resolve()
    target.mkdir()
    for layer in layers:
        try:
            _copy(layer.resolve(), target)
        except OSError as error:
            where = error.filename or layer
            raise SandboxError(f"the layer {layer} cannot be copied: {where}: {error.strerror or error}") from None
    return target


def _copy(folder: Path, target: Path) -> None:
    """Copy the entries of a folder into `target`, which is a folder and not a link to one."""
    with os.scandir(folder) as entries:
        for entry in entries:
            own = target / entry.name
            if entry.is_dir(follow_symlinks=False):
                if own.is_symlink() or not own.is_dir():
                    own.unlink(missing_ok=True)
                    own.mkdir()
                _copy(Path(entry.path), own)
                continue
            if own.is_dir() and not own.is_symlink():
                shutil.rmtree(own)
            else:
                own.unlink(missing_ok=True)
            if entry.is_symlink() or stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode):
                shutil.copy2(entry.path, own, follow_symlinks=False)
