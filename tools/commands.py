"""docs/cli.md: the help of every command, as `--help` prints it in a terminal of 80 columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from adaptive_batching import command_line
from adaptive_batching.cli import adaptive_batching
from tools.page import DOCS, filled

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COLUMNS = 80


def pages() -> dict[Path, str]:
    """Return what the page has to contain."""
    page = DOCS / "cli.md"
    return {
        page: filled(
            page.read_text(encoding="utf-8"), help="\n" + "".join(_sections(adaptive_batching, command_line.NAME, None))
        )
    }


def _sections(command: click.Command, name: str, parent: click.Context | None) -> Iterator[str]:
    """Yield a section for a command, then one for each of its subcommands."""
    context = click.Context(
        command,
        info_name=name,
        parent=parent,
        terminal_width=COLUMNS,
        max_content_width=COLUMNS,
        help_option_names=["-h", "--help"],
    )
    with context:
        yield f"## {context.command_path}\n\n```text\n{command.get_help(context).rstrip()}\n```\n\n"
    if isinstance(command, click.Group):
        for one in command.list_commands(context):
            found = command.get_command(context, one)
            if found is not None:
                yield from _sections(found, one, context)
