"""`logs fetch`: objects as they are, for other programs."""

from __future__ import annotations

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


def _fetch(*, reading: Reading, into: Path) -> int:
    from adaptive_batching.console import consoles  # noqa: PLC0415 - --help must not load slow modules

    out, notes = consoles()
    with reading.open(told=False) as logs:
        listed = logs.connection.execute(_WANTED).fetchall()
        complete = logs.complete().sentence
    wanted = [key for key, size in listed if not _is_there(into / place(key), size)]
    bytes_ = 0
    try:
        for done, (key, body) in enumerate(reading.bodies(wanted), 1):
            file = into / place(key)
            file.parent.mkdir(parents=True, exist_ok=True)
            part = file.with_name(f"{file.name}.part")
            part.write_bytes(body)
            part.replace(file)
            bytes_ += len(body)
            notes.progress("fetching", done, len(wanted))
    except (FileExistsError, NotADirectoryError) as error:
        raise Mistake(f"--into {str(into)!r}: {error.filename} is in the way") from None
    except OSError as error:
        raise Mistake(f"--into {str(into)!r} cannot be written: {error.strerror}") from None
    notes.clear()
    if listed:
        there = len(listed) - len(wanted)
        was = f"{there:,} {'was' if there == 1 else 'were'} there already"
        out.say(f"{counted(len(wanted), 'object')}, {counted(bytes_, 'byte')}; {was}")
    else:
        notes.say("no object is in the window")
    notes.say(complete)
    return 0 if listed else NOTHING


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
