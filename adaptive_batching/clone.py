"""What a command needs besides this package: the built layer, which comes from a clone; and the project's functions."""

from __future__ import annotations

from pathlib import Path

#: Where `make layer` puts it, below the clone.
LAYER = Path("build/layer")
_HERE = Path(__file__).parent


class LayerError(Exception):
    """There is not a layer where one is looked for; the message says how to get one."""


def layer(named: Path | None = None) -> Path:
    """Return the built layer: the named one, or the one below the working folder, or that of the clone that we are in.

    Raises LayerError.
    """
    for folder in [named] if named else [LAYER, _HERE.parent / LAYER]:
        if (folder / "extensions").is_dir():
            return folder
    what = f"{named} holds no extensions" if named else f"{LAYER} is not there"
    raise LayerError(f"{what}; `make layer` in a clone of the project builds {LAYER}, --layer names it from elsewhere")


def function(name: str) -> Path:
    """Return the folder of one of the project's functions: in the clone a link leads to them, else they are copies."""
    return _HERE / "functions" / name
