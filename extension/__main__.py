"""Composition root: environment -> Settings -> start-up -> run. The only reader of os.environ, the only exit."""

import os

from extension import minimal, settings, startup
from extension.events import LogsReceived
from extension.messages import say


def main() -> None:
    """Run the extension until SHUTDOWN, then leave the process at once."""
    os._exit(_run())  # helper threads may be in the middle of a call: nothing is joined, nothing finalised


def _run() -> int:
    address = os.environ.get("AWS_LAMBDA_RUNTIME_API", "")
    if ":" not in address:
        say(
            "error",
            "AWS_LAMBDA_RUNTIME_API is not host:port: this program is started by Lambda, or by the sandbox",
        )
        return 2
    told = settings.from_environ(os.environ)
    try:
        started = startup.start(told, address, os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE", ""), _keep)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with us, the function must live
        minimal.run(repr(error))
        return 0
    for problem in told.problems:
        say("warning", problem)
    from extension import app

    return app.run(told, started, os.environ)


def _keep(inbox: "Inbox", body: bytes) -> None:
    inbox.put(LogsReceived(body), len(body))


TYPE_CHECKING = False
if TYPE_CHECKING:
    from extension.inbox import Inbox

if __name__ == "__main__":
    main()
