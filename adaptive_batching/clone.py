"""Where commands find the built layer, which comes from a clone of the project, and the project's functions."""

from __future__ import annotations

from pathlib import Path

#: The folder in which `make layer` builds the layer, relative to the clone.
LAYER = Path("build/layer")
#: The folder of the zip files that it writes, relative to the clone.
DIST = Path("dist")
_HERE = Path(__file__).parent


class LayerError(Exception):
    """A built layer was not found. The message says how to build one."""


def layer(named: Path | None = None) -> Path:
    """Return the folder of the built layer.

    `named` is the folder that the user gave. Without it, the layer is searched for in the working directory, then in
    the clone that contains this package. Raises LayerError if there is no layer,
    or if it cannot be read.
    """
    for folder in [named] if named else [LAYER, _HERE.parent / LAYER]:
        try:
            if (folder / "extensions").is_dir():
                return folder
        except OSError as error:
            raise LayerError(f"{folder} cannot be read: {error.strerror}") from None
    what = f"{named} does not contain a folder `extensions`" if named else f"{LAYER} does not exist"
    raise LayerError(f"{what}; run `make layer` in a clone of the project, or name a built layer with --layer")


def dist() -> Path:
    """Return the folder of the layer's zip files: in the working directory, or in the clone of this package."""
    return DIST if DIST.is_dir() or not (_HERE.parent / DIST).is_dir() else _HERE.parent / DIST


def function(name: str) -> Path:
    """Return the folder of one of the project's functions. `functions` is a link in a clone, a copy in a wheel."""
    return _HERE / "functions" / name
