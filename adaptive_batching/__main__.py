"""Run the console script, also as `python -m adaptive_batching`."""

import contextlib
import os
import signal
import sys
import threading


def start() -> int:
    """Run one command and return the exit code of the process.

    While the modules of the command line are loaded, and once the command has ended, Ctrl-C ends the process as it ends
    any other: without a traceback.
    """
    foreground = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if foreground:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from adaptive_batching.cli import main  # noqa: PLC0415 - see above
    from adaptive_batching.command_line import INTERRUPTED  # noqa: PLC0415

    if foreground:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        code = main()
    except SystemExit as terminated:  # by SIGTERM
        _leave(terminated.code)
        raise
    if foreground:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    if code == INTERRUPTED:
        _leave(code)
    return code


def _leave(code: object) -> None:
    """End the process if threads would keep it: they wait for an answer that nobody wants any more."""
    others = [one for one in threading.enumerate() if one is not threading.main_thread() and not one.daemon]
    if others and isinstance(code, int):
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, AttributeError):
                stream.flush()
        os._exit(code)


if __name__ == "__main__":
    sys.exit(start())
