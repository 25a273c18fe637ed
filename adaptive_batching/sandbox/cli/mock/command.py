"""The command `adaptive-batching sandbox mock`: a web service that answers as WireMock's mappings say, until Ctrl-C."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adaptive_batching import interrupts
from adaptive_batching.command_line import Argument, Command, Mistake, Option
from adaptive_batching.option_types import File, Number, Text
from adaptive_batching.sandbox.cli.commands import COMMANDS
from adaptive_batching.sandbox.cli.parameters import SEED
from adaptive_batching.values.bounds import Bounds
from adaptive_batching.wording import counted

if TYPE_CHECKING:
    from pathlib import Path

    from adaptive_batching.sandbox.mock.stubs import Mapping

#: WireMock's port.
PORT = 8080


def _mock(*, files: tuple[Path, ...], port: int, seed: int, host: tuple[str, ...]) -> int:
    from adaptive_batching.console import consoles  # noqa: PLC0415 - --help must not load slow modules
    from adaptive_batching.sandbox.http_server import unusable  # noqa: PLC0415
    from adaptive_batching.sandbox.mock.service import Mock  # noqa: PLC0415

    mappings = [one for file in files for one in _read(file)]
    _, err = consoles()
    with interrupts.counted(lambda: None, lambda: None) as asked:
        try:
            mock = Mock(mappings, port, seed=seed, hosts=host, told=err.say)
        except OSError as error:
            raise Mistake(unusable(port, error, "--port")) from None
        with mock:
            err.say(f"the mock is at {mock.url}, with {counted(len(mappings), 'mapping')}; Ctrl-C ends it")
            asked.wait()
        err.say(f"{counted(mock.received, 'request')}, {mock.unmatched:,} without a mapping")
    return 0


def _read(file: Path) -> list[Mapping]:
    """Read a file of mappings. Raises Mistake."""
    from adaptive_batching.sandbox.mock import stubs  # noqa: PLC0415 - as above

    try:
        return stubs.read(file.read_bytes())
    except stubs.StubError as error:
        raise Mistake(f"{file}: {error}") from None
    except OSError as error:
        raise Mistake(f"{file} cannot be read: {error.strerror}") from None


mock = Command(
    "mock",
    callback=_mock,
    help=COMMANDS["mock"][1],
    params=[
        Argument(
            ["files"],
            type=File(),
            nargs=-1,
            metavar="[STUB.json …]",
            help="mappings in WireMock's format; further ones by POST /__admin/mappings",
        ),
        Option(
            ["--port"],
            type=Number(int, Bounds(0, 65_535)),
            default=PORT,
            metavar="PORT",
            help=f"port (0 = pick a free one; default: {PORT})",
        ),
        Option(["--seed"], type=SEED, default=0, metavar="N", help="same seed, same delays (default: 0)"),
        Option(
            ["--host"],
            type=Text(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", "the name of a host, without a port"),
            multiple=True,
            metavar="NAME",
            help="a name by which clients call it, besides 127.0.0.1 and localhost; repeatable",
        ),
    ],
)
