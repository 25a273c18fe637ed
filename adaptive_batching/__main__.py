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
    from adaptive_batching.command_line import INTERRUPTED, TERMINATED  # noqa: PLC0415

    if foreground:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        code = main()
    except SystemExit as ended:  # by SIGTERM
        code = ended.code if isinstance(ended.code, int) else 1
    if foreground:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    if code in (INTERRUPTED, TERMINATED):
        _leave(code)
    return code


def _leave(code: int) -> None:
    """End the process if nothing but threads that read from a source would keep it: nobody wants their answer any more.

    They change nothing. Other threads, such as those that shut the sandbox down, are waited for.
    """
    others = [one for one in threading.enumerate() if one is not threading.main_thread() and not one.daemon]
    if not others:
        return
    from adaptive_batching.logs.sources.threads import NAME  # noqa: PLC0415 - seldom needed

    if all(one.name.startswith(NAME) for one in others):
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, AttributeError):
                stream.flush()
        os._exit(code)


if __name__ == "__main__":
    sys.exit(start())
