"""Composition root: environment -> Settings -> start-up -> run. The only exit; reads os.environ, as `minimal` does."""

import _signal  # type: ignore[import-not-found]  # `signal` loads enum, 3 ms
import _thread
import os
import sys
import time

from extension import minimal, settings, startup
from extension.errors import ExtensionError, described
from extension.events import SHUTDOWN_BUDGET, Shutdown
from extension.extensions_api import ExtensionsApi
from extension.inbox import Inbox
from extension.messages import say


def main() -> None:
    """Run the extension until SHUTDOWN, then leave the process at once."""
    sys.unraisablehook = _tell  # what ends a thread or a finaliser is a line like all others, not a raw traceback
    os._exit(_run())  # helper threads may be in the middle of a call: nothing is joined, nothing finalised


def _run() -> int:
    address = os.environ.get("AWS_LAMBDA_RUNTIME_API", "")
    if ":" not in address:
        text = "AWS_LAMBDA_RUNTIME_API is not host:port: this program is started by Lambda or by the sandbox"
        say("error", text)
        return 2
    calls = ExtensionsApi(address)
    try:
        inbox = Inbox()
        _signal.pthread_sigmask(_signal.SIG_BLOCK, (_signal.SIGTERM,))  # in every thread that is started from here
        _thread.start_new_thread(_await_sigterm, (inbox,))
        settings.drop_blank(os.environ)
        told = settings.from_environ(os.environ)
        started = startup.start(told, calls, inbox, os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE", ""))
        for problem in told.problems:
            say("warning", problem)
        from extension.shell import app

        return app.run(told, started, dict(os.environ))  # os.environ decodes a variable each time that it is read
    except Exception as error:  # noqa: BLE001 - whatever is wrong with the extension, the function must live
        why = str(error) if isinstance(error, ExtensionError) else described(error)
        minimal.run(why, calls.identifier, calls.waiting())
        return 0


def _tell(fault: "sys.UnraisableHookArgs") -> None:
    error = fault.exc_value
    say("error", "internal error: a helper thread failed", {"why": described(error) if error else "no exception"})


def _await_sigterm(inbox: Inbox) -> None:
    """Wait for SIGTERM and put it into the inbox.

    Not a handler: one that comes just before the main thread blocks on a lock would run when that is over.
    """
    while True:
        _signal.sigwait((_signal.SIGTERM,))
        inbox.put(Shutdown("sigterm", time.time() + SHUTDOWN_BUDGET))


if __name__ == "__main__":
    main()
