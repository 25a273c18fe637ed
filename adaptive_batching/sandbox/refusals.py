"""How the platform says no: one function per refusal of the protocol reference, 3.4, 4 and 5. Pure."""

from __future__ import annotations

import json

from adaptive_batching.sandbox.http_server import Answer

JSON = {"Content-Type": "application/json"}


class Refused(Exception):  # noqa: N818 - it is an answer, not a fault of the program
    """A request that the platform does not accept. `answer()` is what the client reads."""

    def __init__(self, status: int, error_type: str, message: str) -> None:
        super().__init__(f"{error_type}: {message}")
        self.status = status
        self.error_type = error_type
        self.message = message

    def answer(self) -> Answer:
        """Render the body that every Lambda API uses for errors."""
        body = json.dumps({"errorMessage": self.message, "errorType": self.error_type})
        return Answer(self.status, body.encode(), JSON)


def missing_identifier() -> Refused:
    """Refuse a call without an identifier header."""
    return Refused(403, "Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header")


def invalid_identifier() -> Refused:
    """Refuse an identifier that is not a UUID."""
    return Refused(403, "Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier")


def unknown_identifier(identifier: str) -> Refused:
    """Refuse an identifier that no extension has."""
    return Refused(403, "Extension.UnknownExtensionIdentifier", f"Unknown extension {identifier}")


def empty_name() -> Refused:
    """Refuse to register an extension without a name."""
    return Refused(403, "Extension.InvalidExtensionName", "Empty extension name")


def registration_closed() -> Refused:
    """Refuse to register an internal extension after the runtime is ready."""
    return Refused(403, "Extension.RegistrationClosed", "Extension registration closed already")


def wrong_state(name: str, before: str, after: str) -> Refused:
    """Refuse a call for which the state machine has no transition."""
    return Refused(
        403,
        "Extension.InvalidExtensionState",
        f"State transition from {before} to {after} failed for extension {name}. "
        "Error: State transition is not allowed",
    )


def missing_error_type() -> Refused:
    """Refuse init/error or exit/error without the header that says what happened."""
    return Refused(403, "Extension.MissingHeader", "Lambda-Extension-Function-Error-Type not found")


def too_many_extensions(limit: int) -> Refused:
    """Refuse one internal extension too many."""
    return Refused(403, "Extension.TooManyExtensions", f"Extension limit ({limit}) reached")


def invalid_event(event: str, reason: str) -> Refused:
    """Refuse to register for an event that this extension cannot have."""
    return Refused(403, "Extension.InvalidEventType", f"{event}: {reason}")


def invalid_request(text: str) -> Refused:
    """Refuse a body that is not what the call takes."""
    return Refused(403, "InvalidRequestFormat", text)


def runtime_state(before: str, after: str) -> Refused:
    """Refuse a call for which the runtime's state machine has no transition."""
    return Refused(
        403,
        "InvalidStateTransition",
        f"State transition from {before} to {after} failed for runtime. Error: State transition is not allowed",
    )


def invalid_request_id() -> Refused:
    """Refuse the id of an invocation that is not running."""
    return Refused(400, "InvalidRequestID", "Invalid request ID")


def invalid_response_mode(mode: str) -> Refused:
    """Refuse a response mode other than streaming."""
    return Refused(400, "InvalidFunctionResponseMode", f"Invalid function response mode: {mode}")


def truncated() -> Refused:
    """Refuse a body that ended before its end."""
    return Refused(400, "TruncatedHTTPRequest", "HTTP request detected as truncated")


def too_large(size: int, limit: int) -> Refused:
    """Refuse a response above the limit."""
    return Refused(
        413, "RequestEntityTooLarge", f"Exceeded maximum allowed payload size ({limit} bytes), got {size} bytes."
    )


def not_supported(api: str) -> Refused:
    """Answer 202: the request is understood and nothing will ever arrive (what AWS's emulator and SAM answer)."""
    return Refused(202, f"{api}.NotSupported", f"{api} API is not supported")


def subscription_closed(api: str) -> Refused:
    """Refuse to subscribe after Init."""
    return Refused(403, f"{api}.SubscriptionClosed", f"{api} API subscription is closed already")


def invalid_subscription(api: str, text: str) -> Refused:
    """Refuse a subscription that breaks a rule."""
    error_type = "Logs.ValidationError" if api == "Logs" else "ValidationError"
    return Refused(400, error_type, text)


def internal_error(text: str = "Internal Server Error") -> Refused:
    """Tell that the platform failed; an extension should exit."""
    return Refused(500, "InternalServerError", text)


def no_route() -> Refused:
    """Refuse a path that does not exist."""
    return Refused(404, "NotFound", "404 page not found")
