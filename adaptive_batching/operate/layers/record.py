"""layers.json: which ARNs there are, for people and for templates that pin one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from adaptive_batching.operate.layers.publishing import Outcome

NAME = "layers.json"
_MEMBERS = ("region", "architecture", "arn")


class RecordError(Exception):
    """layers.json cannot be read or written. The message is for the user."""


def read(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a file, none if there is no file. Raises RecordError."""
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RecordError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        rows = None
    if not isinstance(rows, list) or not all(map(_is_row, rows)):
        raise RecordError(f"{path} is not a list of layers with {', '.join(_MEMBERS)}; move it away")
    return rows


def _is_row(row: object) -> bool:
    return isinstance(row, dict) and all(isinstance(row.get(name), str) for name in _MEMBERS)


def prepare(path: Path) -> None:
    """Refuse before anything is published where the file could not be written. Raises RecordError."""
    unfinished = _unfinished(path)
    try:
        unfinished.write_text("", encoding="utf-8")
        unfinished.unlink()
    except OSError as error:
        raise RecordError(f"{path} cannot be written: {error.strerror}") from None


def write(path: Path, rows: Iterable[dict[str, Any]], outcomes: Iterable[Outcome]) -> None:
    """Write the rows with the new ARNs, in one step. Rows of other regions and architectures stay.

    Raises RecordError.
    """
    arns = {(one["region"], one["architecture"]): one["arn"] for one in rows}
    arns |= {(one.region, one.architecture): one.arn for one in outcomes if one.arn}
    found = [dict(zip(_MEMBERS, (*place, arn), strict=True)) for place, arn in sorted(arns.items())]
    unfinished = _unfinished(path)
    try:
        unfinished.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        unfinished.replace(path)
    except OSError as error:
        raise RecordError(f"{path} cannot be written: {error.strerror}") from None


def _unfinished(path: Path) -> Path:
    return path.with_name(f"{path.name}.part")
