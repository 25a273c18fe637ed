"""What the commands have in common on click: help in groups, modules loaded when asked for, errors of one line.

This module is part of every start: it imports click and nothing else that takes time.
"""

from __future__ import annotations

import contextlib
import importlib
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

NAME = "adaptive-batching"
#: What a shell reports of a process that Ctrl-C has ended.
INTERRUPTED = 130
_WIDEST = 100  # characters of a line of help


class Mistake(click.UsageError):
    """Why a command cannot be carried out as it was given, in a sentence of ours. Exit code 2."""


class Option(click.Option):
    """An option; `group` is the heading under which --help names it."""

    def __init__(self, *words: Any, group: str = "options", **settings: Any) -> None:  # noqa: ANN401 - click's own
        super().__init__(*words, **settings)
        self.group = group


class Argument(click.Argument):
    """A positional argument that --help explains, too."""

    def __init__(self, *words: Any, help: str, group: str = "arguments", **settings: Any) -> None:  # noqa: A002, ANN401
        super().__init__(*words, **settings)
        self.help = help
        self.group = group

    def get_help_record(self, ctx: click.Context) -> tuple[str, str]:
        """Return name and explanation."""
        return self.make_metavar(ctx), self.help or ""


class Command(click.Command):
    """A command whose help names its options in groups. `about`: group -> what to know of it."""

    def __init__(self, *words: Any, about: Mapping[str, str] | None = None, **settings: Any) -> None:  # noqa: ANN401
        super().__init__(*words, **{"options_metavar": "[options]", **settings})
        self._about = about or {}

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the first line of the help."""
        formatter.write_usage(ctx.command_path, " ".join(self.collect_usage_pieces(ctx)), prefix="usage: ")

    def format_arguments(self, _ctx: click.Context, _formatter: click.HelpFormatter) -> None:
        """Write nothing: arguments stand in their groups, too."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write arguments and options in their groups."""
        _write_options(self, ctx, formatter, self._about)


class Group(click.Group):
    """A group of commands, each loaded only when it is asked for.

    `lazy`: name -> ("module:name of the command in it", one line for --help). `examples` stand at the end of the help,
    as they are.
    """

    def __init__(self, *words: Any, lazy: Mapping[str, tuple[str, str]], examples: str = "", **settings: Any) -> None:  # noqa: ANN401 - click's own
        super().__init__(*words, **{"no_args_is_help": False, "subcommand_metavar": "command …", **settings})
        self._lazy = lazy
        self._examples = examples

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Return the names."""
        return sorted(self._lazy)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command."""
        if cmd_name not in self._lazy:
            return None
        module, _, name = self._lazy[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the first line of the help."""
        formatter.write_usage(ctx.command_path, "command …", prefix="usage: ")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, then the commands."""
        _write_options(self, ctx, formatter, {})
        self.format_commands(ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write one line for each command, without loading any."""
        with formatter.section("commands"):
            formatter.write_dl([(name, self._lazy[name][1]) for name in self.list_commands(ctx)])

    def format_epilog(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        if self._examples:
            formatter.write(f"\n{self._examples}")


def run(root: click.Command, words: Sequence[str] | None) -> int:
    """Run a command line; return the process's exit code. A mistake in it is one line on stderr, and 2."""
    settings: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": _WIDEST}
    try:
        code = root.main(words, NAME, standalone_mode=False, **settings)
    except click.Abort:
        return INTERRUPTED
    except click.ClickException as error:
        click.echo(_sentence(error), err=True)
        return error.exit_code
    return int(code or 0)


@contextlib.contextmanager
def refusing(*kinds: type[Exception]) -> Iterator[None]:
    """Let these errors end the command as a Mistake does: their text on one line, and exit code 2."""
    try:
        yield
    except kinds as error:
        raise Mistake(str(error), click.get_current_context(silent=True)) from None


def _write_options(
    command: click.Command, ctx: click.Context, formatter: click.HelpFormatter, about: Mapping[str, str]
) -> None:
    """Write one section for each group of options, in the order in which the groups begin."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for parameter in command.get_params(ctx):
        if record := parameter.get_help_record(ctx):
            groups.setdefault(getattr(parameter, "group", "options"), []).append(record)
    for name, rows in groups.items():
        with formatter.section(name):
            if name in about:
                formatter.write_text(about[name])
                formatter.write_paragraph()
            formatter.write_dl(rows)


def _sentence(error: click.ClickException) -> str:
    """Return what is wrong on one line, with the command's name before it."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    path = context.command_path if context else NAME
    message = error.format_message()
    if not isinstance(error, Mistake):  # click's own words, which say nothing of what to do
        message = " ".join(message.split()).removesuffix(".")
        message = f"{message[:1].lower()}{message[1:]}; `{path} --help` shows what there is"
    return f"{(path.split()[1:2] or [NAME])[0]}: {message}"
