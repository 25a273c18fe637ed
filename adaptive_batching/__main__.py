"""Run the console script, also as `python -m adaptive_batching`."""

import signal
import sys


def start() -> int:
    """Run one command and return the exit code of the process.

    While the modules of the command line are loaded, and once the command has ended, Ctrl-C ends the process as it ends
    any other: without a traceback.
    """
    foreground = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if foreground:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from adaptive_batching.cli import main  # noqa: PLC0415 - see above

    if foreground:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    code = main()
    if foreground:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    return code


if __name__ == "__main__":
    sys.exit(start())
