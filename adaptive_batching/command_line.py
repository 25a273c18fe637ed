"""The common base of the commands, built on click: help in groups, modules loaded on demand, errors of one line.

Every command loads this module when it starts. It therefore imports click and nothing else that takes time.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import io
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

import click

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

NAME = "adaptive-batching"
#: The exit codes that a shell reports for a process that Ctrl-C ended, for one whose reader left, and for SIGTERM.
INTERRUPTED, CLOSED_PIPE, TERMINATED = 130, 141, 143
#: SIGTERM has come. That its handler raises is not enough: DuckDB drops it, and raises something of its own.
terminated = threading.Event()
#: The errors of a write that say that there is no room for it.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
#: The longest message, in characters. The middle of a longer one is left out.
_LONGEST = 600
_WIDEST = 100  # the longest line of help, in characters


class Mistake(click.UsageError):
    """The command line cannot be carried out. The message is a sentence of this project, not of click. Exit code 2."""


class Option(click.Option):
    """An option. `group` is the heading under which --help lists it.

    A repeatable option refuses what is given twice, of which one would count and nobody would know which: the same
    value, or, where its metavar begins with NAME= or NAME:, the same name.
    """

    def __init__(self, *words: Any, group: str = "options", **settings: Any) -> None:  # noqa: ANN401 - click's own
        super().__init__(*words, **settings)
        self.group = group

    def type_cast_value(self, ctx: click.Context, value: Any) -> Any:  # noqa: ANN401 - click's own
        """Return the value as the option's type. Raises Mistake for what is given twice."""
        found = super().type_cast_value(ctx, value)
        if self.multiple and value:
            refuse_twice(max(self.opts, key=len), [self._name_in(str(one)) for one in value], ctx)
        return found

    def _name_in(self, text: str) -> str:
        """Return what must not be there twice. Names of headers are equal in any case (RFC 9110, 5.1)."""
        form = self.metavar or ""
        if form.startswith("NAME:"):
            return text.partition(":")[0].strip().lower()
        return text.partition("=")[0].strip() if form.startswith("NAME=") else text


class Argument(click.Argument):
    """A positional argument that --help also explains."""

    def __init__(self, *words: Any, help: str, group: str = "arguments", **settings: Any) -> None:  # noqa: A002, ANN401
        super().__init__(*words, **settings)
        self.help = help
        self.group = group

    def get_help_record(self, ctx: click.Context) -> tuple[str, str]:
        """Return the name and the explanation."""
        return self.make_metavar(ctx), self.help or ""


class Command(click.Command):
    """A command whose help lists its options in groups. `about` maps a group to a sentence about it."""

    def __init__(self, *words: Any, about: Mapping[str, str] | None = None, **settings: Any) -> None:  # noqa: ANN401
        super().__init__(*words, **{"options_metavar": "[options]", **settings})
        self._about = about or {}

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the first line of the help."""
        formatter.write_usage(ctx.command_path, " ".join(self.collect_usage_pieces(ctx)), prefix="usage: ")

    def format_arguments(self, _ctx: click.Context, _formatter: click.HelpFormatter) -> None:
        """Write nothing, because `format_options` writes the arguments too."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the arguments and options in their groups."""
        _write_options(self, ctx, formatter, self._about)


class Group(click.Group):
    """A group of commands. The module of a command is loaded only when the command is looked up.

    `lazy` maps a name to ("module:name of the command in it", one line for --help). `examples` is written unchanged
    at the end of the help.
    """

    def __init__(self, *words: Any, lazy: Mapping[str, tuple[str, str]], examples: str = "", **settings: Any) -> None:  # noqa: ANN401 - click's own
        super().__init__(*words, **{"no_args_is_help": False, "subcommand_metavar": "command …", **settings})
        self._lazy = lazy
        self._examples = examples

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Return the names of the commands, sorted."""
        return sorted(self._lazy)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command. Return None for a name that is not known."""
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
        """Write one line for each command without loading its module."""
        with formatter.section("commands"):
            formatter.write_dl([(name, self._lazy[name][1]) for name in self.list_commands(ctx)])

    def format_epilog(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        if self._examples:
            formatter.write(f"\n{self._examples}")


def refuse_twice(option: str, names: Sequence[str], ctx: click.Context | None = None) -> None:
    """Raise Mistake for a name that an option is given twice."""
    twice = next((one for number, one in enumerate(names) if one in names[:number]), None)
    if twice is not None:
        raise Mistake(f"{option} {twice!r} is given twice; give it once", ctx)


def run(root: click.Command, words: Sequence[str] | None) -> int:
    """Run a command line and return the exit code of the process.

    A mistake in the command line, and output that cannot be written, are one line on stderr, with exit code 2. A reader
    of stdout that leaves ends the command quietly. SIGTERM ends the process with SystemExit, so that it leaves no
    temporary folder; where the words are given, this is not the process's command line, and signals are the caller's.
    """
    if words is None and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _terminate)
    _accept_any_character()
    try:
        code = _carry_out(root, list(sys.argv[1:] if words is None else words))
        if sys.stdout:
            sys.stdout.flush()
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except click.ClickException as error:
        _complain(_sentence(error))
        return error.exit_code
    except BrokenPipeError:
        forget(sys.stdout)
        return CLOSED_PIPE
    except OSError as error:
        forget(sys.stdout)
        what = "the output could not be written: " if error.errno in _NO_ROOM else ""
        _complain(f"{NAME}: {what}{error.strerror or error}{f': {error.filename}' if error.filename else ''}")
        return 2  # not 1: that something was found, or nothing, cannot be said
    return code


def _terminate(_number: int, _frame: object) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one would leave behind what is being removed
    terminated.set()
    raise SystemExit(TERMINATED)


def _carry_out(root: click.Command, words: list[str]) -> int:
    """Do what click's `main` does, which would turn a closed pipe and Ctrl-C into exits of its own."""
    try:
        with root.make_context(NAME, words, help_option_names=["-h", "--help"], max_content_width=_WIDEST) as context:
            return int(root.invoke(context) or 0)
    except click.exceptions.Exit as error:
        return error.exit_code


def _accept_any_character() -> None:
    """Replace what an encoding such as ASCII lacks, and bytes of file names that are not text, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace" if stream is sys.stdout else "backslashreplace")


def _complain(sentence: str) -> None:
    try:
        click.echo(shown(sentence), err=True)
    except OSError:  # stderr has no reader either
        forget(sys.stderr)


def shown(text: str) -> str:
    """Return the text as one line of bearable length, with control characters escaped. Pure."""
    if len(text) > _LONGEST:
        text = f"{text[: _LONGEST // 2]} … {text[-_LONGEST // 2 :]}"
    return printable(text)


def printable(text: str) -> str:
    """Return the text with control characters and the like escaped: no name or value moves the cursor. Pure."""
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape", "surrogatepass").decode("ascii") for one in text
    )


def forget(stream: TextIO | None) -> None:
    """Let what is still buffered for a stream go nowhere: the interpreter would fail at it once more when it ends."""
    with contextlib.suppress(OSError, AttributeError):  # there is no stream, or it is not a file
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())  # type: ignore[union-attr]
        os.close(nowhere)


@contextlib.contextmanager
def refusing(*kinds: type[Exception]) -> Iterator[None]:
    """Turn these exceptions into a Mistake: one line with the text of the exception, and exit code 2."""
    try:
        yield
    except kinds as error:
        raise Mistake(str(error), click.get_current_context(silent=True)) from None


def _write_options(
    command: click.Command, ctx: click.Context, formatter: click.HelpFormatter, about: Mapping[str, str]
) -> None:
    """Write one section for each group of options, in the order in which the groups first occur."""
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


def _takes_text(command: click.Command) -> bool:
    """Return whether a command has an argument that is any text, such as a pattern."""
    return any(isinstance(one, Argument) and one.type.name == "text" for one in command.params)


def _sentence(error: click.ClickException) -> str:
    """Return the error as a sentence that starts with the name of the command."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    path = context.command_path if context else NAME
    message = error.format_message()
    if not isinstance(error, Mistake):  # click's own message does not say what to do
        message = " ".join(message.split()).removesuffix(".")
        if isinstance(error, click.NoSuchOption) and context and _takes_text(context.command):
            message += "; what begins with - and is no option follows --"
        message = f"{message[:1].lower()}{message[1:]}; see `{path} --help`"
    return f"{path.removeprefix(f'{NAME} ')}: {message}"
