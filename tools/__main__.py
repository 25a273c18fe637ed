"""Writes every document, and every part of one, that follows from the code.

python -m tools          write them
python -m tools --check  say which are not up to date (exit code 1 if there are some)
"""

from __future__ import annotations

import sys

from tools import athena, commands, faults, messages, policies, reliability, settings
from tools.page import ROOT, PageError
from tools.template import monitoring, stack

SCRIPTS = (athena, settings, commands, faults, messages, monitoring, policies, reliability, stack)


def main(words: list[str]) -> int:
    """Write, or with --check compare."""
    try:
        wanted = {path: text for script in SCRIPTS for path, text in script.pages().items()}
    except PageError as error:
        print(error, file=sys.stderr)
        return 1
    old = [path for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path in old:
        name = path.relative_to(ROOT)
        if "--check" in words:
            print(f"{name} is not what `make docs` writes", file=sys.stderr)
        else:
            path.write_text(wanted[path], encoding="utf-8")
            print(f"{name} is written")
    undescribed = messages.undescribed(wanted)
    for text in undescribed:
        print(f"docs/troubleshooting.md does not describe {text!r}: fill in its row", file=sys.stderr)
    return 1 if undescribed or ("--check" in words and old) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
