"""Start-up, in this order: register, bind the listener, subscribe, write the first `event/next`. Nothing heavy.

Every step that fails leaves a working remainder: without a log API the extension polls; without a listener it polls.
"""

import time

from extension.extensions_api import ExtensionsApi
from extension.inbox import Inbox
from extension.intake import Intake
from extension.listener import Listener
from extension.messages import say

ATTEMPTS = 3  # at a subscription that ends in 5xx or no answer
TIMEOUT = 1.0  # s for all of them
PAUSE = 0.3  # s between them
BUFFERING = '{"timeoutMs":25,"maxBytes":1048576,"maxItems":10000}'  # the documents disagree on defaults
# On Managed Instances no invocation waits for its logs, and the platform drops the next batch if the answer to the last
# one is not there when that is due.
MANAGED_BUFFERING = '{"timeoutMs":1000,"maxBytes":1048576,"maxItems":10000}'
TELEMETRY_SCHEMAS = ("2025-01-29", "2022-12-13", "2022-07-01")
LOGS_SCHEMA = "2021-03-18"  # brings platform.runtimeDone
BAD_REQUEST, NOT_FOUND = 400, 404


class Started:
    """What start-up leaves behind. `api` is telemetry, logs or "" (nothing will arrive)."""

    __slots__ = ("api", "calls", "inbox", "initialization_type", "intake", "listener", "schema")

    def __init__(self, calls: ExtensionsApi, inbox: Inbox, initialization_type: str) -> None:
        self.calls = calls
        self.inbox = inbox
        self.intake = Intake(inbox)
        self.initialization_type = initialization_type
        self.listener: Listener | None = None
        self.api = ""
        self.schema = ""

    @property
    def managed(self) -> bool:
        """Managed Instances: no INVOKE, no freeze."""
        return self.initialization_type == "lambda-managed-instances"


def start(settings: "Settings", calls: ExtensionsApi, inbox: Inbox, initialization_type: str) -> Started:
    """Register, listen, subscribe, write the first `event/next`. ApiError if registering or polling is refused."""
    started = Started(calls, inbox, initialization_type)
    wanted = ("SHUTDOWN",) if started.managed else ("INVOKE", "SHUTDOWN")
    calls.register(wanted, ask_account="{account}" in settings.prefix)
    if settings.bucket:
        listener = Listener(started.intake.accept, inbox.wake)
        try:
            listener.start(settings.port)
        except OSError as error:
            say("error", "cannot bind a listener port: nothing is shipped, the function continues", {"why": str(error)})
        else:
            started.listener = listener
            if listener.port != settings.port:
                say(
                    "info",
                    "listener port in use: an ephemeral port is used",
                    {"asked": settings.port, "used": listener.port},
                )
            uri = f"http://sandbox.localdomain:{listener.port}{listener.path}"
            buffering = MANAGED_BUFFERING if started.managed else BUFFERING
            started.api, started.schema = subscribe(calls, settings, uri, buffering)
    calls.finished_calls()
    calls.ask_next()
    return started


def subscribe(calls: ExtensionsApi, settings: "Settings", uri: str, buffering: str) -> "tuple[str, str]":
    """Subscribe to the API asked for, else to the best that answers. Returns API and schema, both "" if none does."""
    types = ("platform", *(kind for kind in settings.log_types if kind != "platform"))
    refusals: list[str] = []
    plan = [("telemetry", schema) for schema in TELEMETRY_SCHEMAS] if settings.api != "logs" else []
    if settings.api != "telemetry":
        plan.append(("logs", LOGS_SCHEMA))
    older_may_do = True
    for api, schema in plan:
        if api == "telemetry" and not older_may_do:
            continue
        status, body = _persistently(lambda api=api, schema=schema: calls.subscribe(api, schema, types, buffering, uri))  # type: ignore[misc]
        if status == 200:  # noqa: PLR2004 - HTTP OK
            return api, schema
        refusals.append(f"{api} {schema}: {status or 'no answer'} {body}")
        older_may_do = status in (BAD_REQUEST, NOT_FOUND)
    say(
        "error",
        "subscription refused: no log API delivers here, nothing is shipped, the function continues",
        {"answers": "; ".join(refusals)},
    )
    return "", ""


def _persistently(attempt: "Callable[[], tuple[int, str]]") -> "tuple[int, str]":
    deadline = time.monotonic() + TIMEOUT
    for again in range(ATTEMPTS):
        status, body = attempt()
        if 0 < status < 500 or time.monotonic() + PAUSE > deadline:  # noqa: PLR2004 - only 5xx and silence are tried again
            break
        if again < ATTEMPTS - 1:
            time.sleep(PAUSE)
    return status, body


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from extension.settings import Settings
