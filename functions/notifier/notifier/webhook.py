"""Posts a message to a webhook."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from email.message import Message
    from typing import IO

#: Seconds that a webhook has for each part of its answer.
PATIENCE = 5.0
#: Bytes of an answer that are read.
_READ = 1000
#: Answers about the message and not about the webhook: invalid payload, too large, not understood.
_ABOUT_THE_MESSAGE = {400, 413, 415, 422}


class WebhookError(Exception):
    """The webhook did not take a message. The text does not tell its URL, which is a secret."""


class RefusedError(WebhookError):
    """The webhook refused this message for what is in it."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirected POST would become a GET, and its 200 no sign that anybody was told."""

    def redirect_request(
        self,
        req: urllib.request.Request,  # noqa: ARG002
        fp: IO[bytes],  # noqa: ARG002
        code: int,  # noqa: ARG002
        msg: str,  # noqa: ARG002
        headers: Message,  # noqa: ARG002
        newurl: str,  # noqa: ARG002
    ) -> None:
        return None


def post(url: str, text: str, patience: float = PATIENCE) -> None:
    """Post `{"text": …}`; return when it was taken (2xx). Raises RefusedError or WebhookError.

    `patience` is in seconds. A webhook that answers later may have taken the message.
    """
    if not url.startswith(("https://", "http://")):
        raise WebhookError("WEBHOOK_URL does not begin with https:// or http://")
    body = json.dumps({"text": text}).encode()
    try:
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310 - looked at
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=patience) as answer:
            answer.read(_READ)
    except urllib.error.HTTPError as error:
        said = f"the webhook answered {error.code}{_words(error)}"
        raise (RefusedError if error.code in _ABOUT_THE_MESSAGE else WebhookError)(said) from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason: Any = getattr(error, "reason", error)
        raise WebhookError(f"the webhook cannot be reached: {type(reason).__name__}") from None


def _words(error: urllib.error.HTTPError) -> str:
    """Return what the answer says, such as Slack's `invalid_payload`."""
    try:
        said = error.read(_READ).decode("utf-8", "replace").strip()
    except (OSError, http.client.HTTPException):
        return ""
    finally:
        error.close()
    return f": {said[:100]!r}" if said else ""
