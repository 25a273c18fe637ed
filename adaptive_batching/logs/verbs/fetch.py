"""`logs fetch`: objects as they are, for other programs."""

from __future__ import annotations

import contextlib
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from adaptive_batching.command_line import Mistake, Option
from adaptive_batching.logs.options import NOTHING
from adaptive_batching.logs.verbs.making import OUTPUT, made
from adaptive_batching.option_types import File
from adaptive_batching.wording import counted

if TYPE_CHECKING:
    from pathlib import Path

    from adaptive_batching.logs.reading import Reading


#: Where an object is not there any more, the compacted one that has its lines.
_WANTED = """
    select coalesce(compacted, key) as wanted, any_value(if(compacted is null, size, null))
    from objects group by wanted order by wanted"""
_PACKED = "select key from objects where compacted is not null"
#: How often what a compaction deleted before it was copied is looked for.
_ROUNDS = 5


def _fetch(*, reading: Reading, into: Path) -> int:
    from adaptive_batching.console import consoles  # noqa: PLC0415 - --help must not load slow modules
    from adaptive_batching.logs.sources.source import EmptySourceError  # noqa: PLC0415 - as above

    out, notes = consoles()
    listed, packed, complete = _listed(reading)
    before = sum(_is_there(into / place(key), size) for key, size in listed)
    copied, bytes_ = 0, 0
    gone: dict[str, str] = {}
    for _ in range(_ROUNDS):
        wanted = [key for key, size in listed if not _is_there(into / place(key), size)]
        moved: dict[str, str] = {}
        for done, (key, body) in enumerate(reading.bodies(wanted, moved), 1):
            _store(into, key, body)
            copied, bytes_ = copied + 1, bytes_ + len(body)
            notes.progress("fetching", done, len(wanted))
        if not moved:
            break
        gone |= moved
        with contextlib.suppress(EmptySourceError):  # then nothing moved: all was deleted
            listed, packed, complete = _listed(reading)
    notes.clear()
    for key in sorted(gone.keys() - packed):
        reading.say_damaged(key, gone[key])
    missing = len(gone.keys() - packed | {key for key, size in listed if not _is_there(into / place(key), size)})
    reading.damaged = reading.damaged or missing > 0  # also if the last look found what had moved once more
    if listed:
        was = f"{before:,} {'was' if before == 1 else 'were'} there already"
        out.say(f"{counted(copied, 'object')}, {counted(bytes_, 'byte')}; {was}{_missing(missing)}")
    else:
        notes.say("no object is in the window")
    notes.say(complete)
    return 0 if listed else NOTHING


def _listed(reading: Reading) -> tuple[list[tuple[str, int | None]], set[str], str]:
    """Return what is to be copied and how large it is, the objects in compacted ones, and what is complete."""
    with reading.open(told=False) as logs:
        listed = logs.connection.execute(_WANTED).fetchall()
        packed = {key for (key,) in logs.connection.execute(_PACKED).fetchall()}
        return listed, packed, logs.complete().sentence


def _missing(count: int) -> str:
    return f"; {count:,} could not be copied" if count else ""


def _store(into: Path, key: str, body: bytes) -> None:
    """Write an object into the folder. Raises Mistake."""
    file = into / place(key)
    part = file.with_name(f"{file.name}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(body)
        part.replace(file)
    except (FileExistsError, NotADirectoryError) as error:
        raise Mistake(f"--into {str(into)!r}: {error.filename} is in the way") from None
    except OSError as error:
        raise Mistake(f"--into {str(into)!r} cannot be written: {error.strerror}") from None


def place(key: str) -> PurePosixPath:
    """Return where in the folder an object goes: under its key, or flat if the key would lead out of it. Pure."""
    from adaptive_batching.logs.s3 import file_name  # noqa: PLC0415

    parts = key.split("/")
    if all(part not in ("", ".", "..") and len(part.encode()) <= 200 and "\0" not in part for part in parts):  # noqa: PLR2004
        return PurePosixPath(*parts)
    return PurePosixPath(file_name(key))


def _is_there(file: Path, size: int | None) -> bool:
    """Objects never change: a file of this size is the object. A compacted one's name tells what is in it."""
    return file.is_file() and size in (None, file.stat().st_size)


fetch = made(
    "fetch",
    _fetch,
    [Option(["--into"], type=File(), required=True, metavar="FOLDER", group=OUTPUT, help="where the objects go")],
)
