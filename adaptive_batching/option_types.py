"""The types of the options: numbers within bounds, paths, URLs, names. Each refuses what it cannot be in a sentence.

Every command loads this module when it starts. It imports click and nothing that takes time.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from adaptive_batching.command_line import Mistake, Option

if TYPE_CHECKING:
    from collections.abc import Callable

    from adaptive_batching.values.bounds import Bounds

#: The longest wait that an option accepts, in seconds: a day. System calls fail with a traceback for much longer ones.
DAY = 86_400
#: The longest path and the longest name in it that Linux takes, in bytes.
_PATH_BYTES, _NAME_BYTES = 4095, 255


class Number(click.ParamType):  # type: ignore[type-arg]  # not a generic class in every version
    """The type of an option that takes a number within bounds."""

    name = "number"

    def __init__(self, kind: type[int | float], bounds: Bounds) -> None:
        self._kind = kind
        self._bounds = bounds

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number. Raises Mistake, with the text that was read, if it is not a number within the bounds."""
        option = _option(param)
        try:
            number = self._kind(value)
        except ValueError:
            whole = "a whole number" if self._kind is int else "a number"
            raise Mistake(f"{option} {value!r} is not {whole}; it must be {self._bounds}", ctx) from None
        if number not in self._bounds:
            raise Mistake(f"{option} {number} is out of bounds; it must be {self._bounds}", ctx)
        return number


class Text(click.ParamType):  # type: ignore[type-arg]  # not a generic class in every version
    """The type of an option that takes a text which is not empty.

    `pattern`, if given, must match all of it; `what` then says what the text is, for the message, and `shown` what of
    a wrong one the message quotes.
    """

    name = "text"

    def __init__(self, pattern: str = "", what: str = "", shown: Callable[[str], str] = str) -> None:
        self.pattern = pattern
        self._pattern = re.compile(pattern) if pattern else None
        self._what = what
        self._shown = shown

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text. Raises Mistake if it is empty or not what is wanted."""
        refuse_empty(value, param, ctx)
        if self._pattern and not self._pattern.fullmatch(value):
            raise Mistake(f"{_option(param)} {self._shown(value)!r} is not {self._what}", ctx)
        return value


class Pair(click.ParamType):  # type: ignore[type-arg]  # not a generic class in every version
    """The type of an option that takes NAME=VALUE, of which it makes the two texts."""

    name = "pair"

    def convert(
        self, value: str | tuple[str, str], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """Return name and value, which may be empty. Raises Mistake."""
        if isinstance(value, tuple):
            return value
        refuse_empty(value, param, ctx)
        name, equals, rest = value.partition("=")
        if not equals or not name:
            raise Mistake(f"{_option(param)} {value!r} is not NAME=VALUE", ctx)
        return name, rest


class File(click.ParamType):  # type: ignore[type-arg]  # not a generic class in every version
    """The type of an option that names a file or a folder, which need not exist."""

    name = "path"

    def convert(self, value: str | Path, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path. Raises Mistake if there cannot be one of that name, or if it cannot be reached."""
        refuse_empty(str(value), param, ctx)
        data = os.fsencode(value)
        if len(data) > _PATH_BYTES or any(len(part) > _NAME_BYTES for part in data.split(b"/")):
            raise Mistake(f"{_option(param)} {str(value)!r} is longer than a path can be", ctx)
        try:
            Path(value).stat()
        except (FileNotFoundError, NotADirectoryError):
            pass  # the command says what it wanted there
        except OSError as error:  # a folder above it is locked, or it is a link to itself
            raise Mistake(f"{_option(param)} {str(value)!r} cannot be read: {error.strerror}", ctx) from None
        if is_endless(Path(value)):
            raise Mistake(f"{_option(param)} {str(value)!r} is a device, not a file or a folder", ctx)
        return Path(value)


def is_endless(path: Path) -> bool:
    """Return whether this is a device, most of which can be read until the memory is full. /dev/null cannot."""
    return (path.is_char_device() or path.is_block_device()) and str(path) != os.devnull


def is_url(value: str) -> bool:
    """Return whether this is a URL of http or https with a host."""
    try:
        found = urlsplit(value)
        good = found.scheme in {"http", "https"} and bool(found.hostname) and found.port != 0
    except ValueError:  # not an address, or not a port
        return False
    return good and value.isascii() and value.isprintable() and " " not in value


#: A scheme, perhaps with a slash too few or too many, and what stands before a path or a query.
_UP_TO_THE_PATH = re.compile(r"([A-Za-z0-9+.-]*:/{0,3})?[^/?#\\=]*")


def without_secrets(url: str) -> str:
    """Return what of a URL may be printed, right or wrong: scheme and host. Pure.

    A webhook's path and query are a secret, and so is what stands before an @.
    """
    if "@" in url:
        parts = urlsplit(url) if is_url(url) else None
        # Where name and password end in a URL that is wrong, nobody knows.
        return f"{parts.scheme}://…@{parts.hostname}/…" if parts else "…"
    found = _UP_TO_THE_PATH.match(url)
    head = found[0] if found else ""
    return url if url[len(head) :] in ("", "/") else f"{head}/…"


class Url(click.ParamType):  # type: ignore[type-arg]  # not a generic class in every version
    """The type of an option that takes the URL of a server."""

    name = "url"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the URL. Raises Mistake if it is not one of http or https with a host."""
        refuse_empty(value, param, ctx)
        if not is_url(value):
            read = without_secrets(value)
            raise Mistake(f"{_option(param)} {read!r} is not a URL such as http://127.0.0.1:3001", ctx)
        return value


#: A function's name as Lambda takes it (CreateFunction), and a name or ARN as its Invoke API takes it.
FUNCTION_NAME = r"[A-Za-z0-9_-]{1,64}"
_ARN = r"(arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:|\d{12}:function:|function:)?"
FUNCTION_PATTERN = _ARN + FUNCTION_NAME + r"(:(\$LATEST|[A-Za-z0-9_-]+))?"
FUNCTION = Text(FUNCTION_PATTERN, "the name or the ARN of a function")
REGION = Text(r"[a-z]{2,}(-[a-z0-9]+)+", "a region such as eu-west-1")


def refuse_empty(value: str, param: click.Parameter | None, ctx: click.Context | None) -> None:
    """Raise Mistake for an empty text, which a shell makes of a variable that is not set."""
    if not value.strip():
        raise Mistake(f"{_option(param)} is empty; give it a value or leave it out", ctx)


def format_option(*names: str, parameter: str = "output", group: str = "options") -> Option:
    """Return --format; the first of the names is the default. `parameter` is that of the callback."""
    return Option(
        ["--format", parameter],
        type=click.Choice(names),
        default=names[0],
        group=group,
        help=f"format of the output (default: {names[0]})",
    )


def _option(param: click.Parameter | None) -> str:
    if param is None:
        return "the value"
    return max(param.opts, key=len) if isinstance(param, click.Option) else str(param.name).rstrip("_")
