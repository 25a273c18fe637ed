"""Composition root: environment -> Settings -> start-up -> run. The only reader of os.environ, the only exit."""

import _signal  # type: ignore[import-not-found]  # `signal` loads enum, 3 ms
import os
import time

from extension import minimal, settings, startup
from extension.events import Shutdown
from extension.extensions_api import ExtensionsApi
from extension.inbox import Inbox
from extension.messages import say

SIGTERM_SECONDS = 2.0  # until SIGKILL is to be expected (lambda-runtime-environment, shutdown phase)


def main() -> None:
    """Run the extension until SHUTDOWN, then leave the process at once."""
    os._exit(_run())  # helper threads may be in the middle of a call: nothing is joined, nothing finalised


def _run() -> int:
    address = os.environ.get("AWS_LAMBDA_RUNTIME_API", "")
    if ":" not in address:
        text = "AWS_LAMBDA_RUNTIME_API is not host:port: this program is started by Lambda, or by the sandbox"
        say("error", text)
        return 2
    calls = ExtensionsApi(address)
    try:
        inbox = Inbox()
        _signal.signal(_signal.SIGTERM, lambda *_: inbox.interrupt(Shutdown("sigterm", time.time() + SIGTERM_SECONDS)))
        told = settings.from_environ(os.environ)
        started = startup.start(told, calls, inbox, os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE", ""))
        for problem in told.problems:
            say("warning", problem)
        from extension import app

        return app.run(told, started, os.environ)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with us, the function must live
        minimal.run(repr(error), calls.identifier)
        return 0


if __name__ == "__main__":
    main()
