"""The console script: `adaptive-batching <command>`. Each command's module is loaded only when it is asked for."""

from __future__ import annotations

import argparse
import importlib
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Command -> (module with `configure(parser)` and `run(arguments) -> exit code`, one line for --help).
COMMANDS = {
    "demo": (
        "adaptive_batching.sandbox.cli.demo",
        "50 invocations in the sandbox with an embedded S3; what arrived, what was lost",
    ),
    "experiment": (
        "adaptive_batching.experiment.cli",
        "the lost-last-line experiment: invoke, and find which lines never arrived",
    ),
    "sandbox": (
        "adaptive_batching.sandbox.cli.commands",
        "a Lambda on this machine: run a function with its extensions",
    ),
}


def main(words: Sequence[str] | None = None) -> int:
    """Run one command; return the process's exit code."""
    words = sys.argv[1:] if words is None else words
    parser = argparse.ArgumentParser(prog="adaptive-batching", description=__doc__.partition(":")[0])
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    for name, (module, line) in COMMANDS.items():
        command = commands.add_parser(name, help=line, description=line)
        if words and words[0] == name:
            loaded = importlib.import_module(module)
            loaded.configure(command)
            command.set_defaults(run=loaded.run)
    arguments = parser.parse_args(words)
    try:
        return int(arguments.run(arguments))
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
