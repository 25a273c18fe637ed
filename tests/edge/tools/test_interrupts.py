"""Signals are counted: the first asks to finish, the second to stop, the third ends the process."""

from __future__ import annotations

import signal
import subprocess
import sys
from signal import SIGHUP, SIGINT, SIGTERM

import pytest

from tests.edge.sandbox.world import ROOT

SCRIPT = """
import signal, sys, threading
from adaptive_batching import interrupts
signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background ignores it
signal.signal(signal.SIGHUP, signal.SIG_IGN if "nohup" in sys.argv else signal.SIG_DFL)
say = lambda text: print(text, flush=True)
with interrupts.counted(lambda: say("first"), lambda: say("second")) as asked:
    say("ready")
    asked.wait(60)
    sys.stdin.read()
"""
STORIES = {
    "a closed terminal": ((SIGHUP,), ["first"]),
    "a closed terminal, told twice, then killed": ((SIGHUP, SIGHUP, SIGTERM), ["first", "second"]),
    "Ctrl-C, then the terminal is closed": ((SIGINT, SIGHUP, SIGTERM), ["first", "second"]),
    "Ctrl-C twice": ((SIGINT, SIGINT), ["first", "second"]),
    "three times": ((SIGTERM, SIGINT, SIGINT), ["first", "second", "130"]),
    "nohup": ((SIGHUP, SIGTERM), ["first"]),
}


@pytest.mark.parametrize("story", STORIES)
def test_what_each_signal_does(story: str) -> None:
    signals, said = STORIES[story]
    nohup = ["nohup"] if story == "nohup" else []
    words = [sys.executable, "-c", SCRIPT, *nohup]
    with subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        lines: list[str] = []
        for number, one in enumerate(signals):
            process.send_signal(one)
            counts = one != signal.SIGHUP or (number == 0 and not nohup)
            if counts and len(lines) < 2:
                lines.append(process.stdout.readline().strip())
        if "130" not in said:
            process.stdin.close()
        lines += process.stdout.read().split()
        code = process.wait(60)
    assert lines + ([str(code)] if code else []) == said
