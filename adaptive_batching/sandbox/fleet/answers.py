"""Answers of Lambda's API: JSON, and errors in its form."""

from __future__ import annotations

import json
from http import HTTPStatus

from adaptive_batching.sandbox.http_server import Answer
from adaptive_batching.sandbox.refusals import JSON

INVALID, NOT_FOUND = "InvalidParameterValueException", "ResourceNotFoundException"


class RefusedError(Exception):
    """A request is not valid. `answer` says so to the client."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


def document(value: object) -> Answer:
    """Return an answer with a JSON document."""
    return Answer(HTTPStatus.OK, json.dumps(value).encode(), JSON)


def error(status: int, kind: str, message: str, **more: str) -> Answer:
    """Return an error. `kind` is its type, and `more` its further members."""
    user = status < HTTPStatus.INTERNAL_SERVER_ERROR
    body = {"Type": "User" if user else "Service", "message": message, "Message": message, **more}
    return Answer(status, json.dumps(body).encode(), {**JSON, "X-Amzn-ErrorType": kind})


def invalid(value: object, member: str, constraint: str) -> Answer:
    """Return the error for a value that the model of the API does not allow."""
    text = f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {constraint}"
    return error(HTTPStatus.BAD_REQUEST, "ValidationException", text)
