"""The error answers of the platform, one function for each (docs/lambda-protocol.md, 3.4, 4 and 5). Pure."""

from __future__ import annotations

import json

from adaptive_batching.sandbox.http_server import Answer

JSON = {"Content-Type": "application/json"}


class Refused(Exception):  # noqa: N818 - it is an answer, not an error of the program
    """The platform does not accept a request. `answer()` returns the answer to the client."""

    def __init__(self, status: int, error_type: str, message: str) -> None:
        super().__init__(f"{error_type}: {message}")
        self.status = status
        self.error_type = error_type
        self.message = message

    def answer(self) -> Answer:
        """Return the answer with the body that every Lambda API uses for errors."""
        body = json.dumps({"errorMessage": self.message, "errorType": self.error_type})
        return Answer(self.status, body.encode(), JSON)


def missing_identifier() -> Refused:
    """Refuse a call that has no identifier header."""
    return Refused(403, "Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header")


def invalid_identifier() -> Refused:
    """Refuse an identifier that is not a UUID."""
    return Refused(403, "Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier")


def unknown_identifier(identifier: str) -> Refused:
    """Refuse an identifier that does not belong to an extension."""
    return Refused(403, "Extension.UnknownExtensionIdentifier", f"Unknown extension {identifier}")


def empty_name() -> Refused:
    """Refuse to register an extension without a name."""
    return Refused(403, "Extension.InvalidExtensionName", "Empty extension name")


def registration_closed() -> Refused:
    """Refuse to register an internal extension once the runtime is ready."""
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
    """Refuse init/error or exit/error without the header that names the error type."""
    return Refused(403, "Extension.MissingHeader", "Lambda-Extension-Function-Error-Type not found")


def too_many_extensions(limit: int) -> Refused:
    """Refuse to register more internal extensions than the limit allows."""
    return Refused(403, "Extension.TooManyExtensions", f"Extension limit ({limit}) reached")


def invalid_event(event: str, reason: str) -> Refused:
    """Refuse to register for an event that this extension cannot receive."""
    return Refused(403, "Extension.InvalidEventType", f"{event}: {reason}")


def invalid_request(text: str) -> Refused:
    """Refuse a body that does not have the format of the call."""
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
    """Refuse a body that ended early."""
    return Refused(400, "TruncatedHTTPRequest", "HTTP request detected as truncated")


def too_large(size: int, limit: int) -> Refused:
    """Refuse a response that is larger than the limit. Both are in bytes."""
    return Refused(
        413, "RequestEntityTooLarge", f"Exceeded maximum allowed payload size ({limit} bytes), got {size} bytes."
    )


def not_supported(api: str) -> Refused:
    """Answer 202: the request is valid, but no telemetry will be delivered. AWS's emulator and SAM answer this."""
    return Refused(202, f"{api}.NotSupported", f"{api} API is not supported")


def subscription_closed(api: str) -> Refused:
    """Refuse to subscribe after the Init phase."""
    return Refused(403, f"{api}.SubscriptionClosed", f"{api} API subscription is closed already")


def invalid_subscription(api: str, text: str) -> Refused:
    """Refuse a subscription that breaks a rule."""
    error_type = "Logs.ValidationError" if api == "Logs" else "ValidationError"
    return Refused(400, error_type, text)


def internal_error(text: str = "Internal Server Error") -> Refused:
    """Report that the platform failed. An extension should then exit."""
    return Refused(500, "InternalServerError", text)


def no_route() -> Refused:
    """Refuse a path that does not exist."""
    return Refused(404, "NotFound", "404 page not found")
