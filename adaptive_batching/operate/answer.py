"""AWS's answers, held to the service's own model: a server that is not AWS's can answer 200 with anything.

botocore checks what is sent, and takes what comes: a member that is missing, or of another type, would be an error of
Python in its parsers or wherever it is first used.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.parsers import ResponseParserFactory

if TYPE_CHECKING:
    from collections.abc import Callable

_TYPES: dict[str, tuple[type, ...]] = {
    "structure": (dict,),
    "map": (dict,),
    "list": (list,),
    "string": (str,),
    "character": (str,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "boolean": (bool,),
    "timestamp": (datetime,),
}
#: Name of a shape of Lambda's -> what its parts are read from.
_ARNS = {
    "NameSpacedFunctionArn": re.compile(r"arn:[^:]+:lambda:[^:]+:\d+:function:.+"),
    "FunctionArn": re.compile(r"arn:[^:]+:lambda:[^:]+:\d+:function:.+"),
    "LayerVersionArn": re.compile(r"arn:[^:]+:lambda:[^:]+:\d*:layer:[^:]+:\d+"),
}
#: botocore reads the JSON in strings of this shape.
_DOCUMENT = "policyDocumentType"


class Parsers(ResponseParserFactory):
    """botocore's parsers, which raise `unreadable()` for a document of another form than they walk through."""

    def __init__(self, unreadable: Callable[[], Exception]) -> None:
        super().__init__()
        self._unreadable = unreadable

    def create_parser(self, protocol_name: str) -> Any:  # noqa: ANN401 - botocore's
        """Return the parser of a protocol."""
        parser: Any = super().create_parser(protocol_name)
        parse = parser.parse

        def parsed(*given: Any) -> Any:  # noqa: ANN401 - botocore's
            try:
                return parse(*given)
            except (KeyError, TypeError, AttributeError, ValueError):  # of a document that is not of the operation
                raise self._unreadable() from None

        parser.parse = parsed
        return parser


def checked(client: Any, unreadable: Callable[[], Exception]) -> Any:  # noqa: ANN401 - boto3 makes its classes at run time
    """Return boto3's client, whose calls raise `unreadable()` for an answer that is not of the operation.

    Reading a member that an answer does not have raises it too.
    """
    ask, model = client._make_api_call, client.meta.service_model  # noqa: SLF001 - every call and every page goes here

    class Answer(dict[str, Any]):
        """A structure of an answer."""

        def __missing__(self, _name: str) -> Any:  # noqa: ANN401 - never returns
            raise unreadable()

    def kept(value: Any, shape: Any) -> Any:  # noqa: ANN401 - any JSON, and botocore's
        kind = shape.type_name
        if shape.name == _DOCUMENT or kind not in _TYPES:  # a blob may be a stream
            return value
        if not isinstance(value, _TYPES[kind]) or (shape.name in _ARNS and not _ARNS[shape.name].fullmatch(str(value))):
            raise unreadable()
        many: Any = value
        if kind == "structure":
            members = shape.members
            return Answer({name: kept(one, members[name]) if name in members else one for name, one in many.items()})
        if kind == "map":
            return {name: kept(one, shape.value) for name, one in many.items()}
        return [kept(one, shape.member) for one in many] if kind == "list" else value

    def asked(operation: str, parameters: Any) -> Any:  # noqa: ANN401 - as above
        answer = ask(operation, parameters)
        shape = model.operation_model(operation).output_shape
        return answer if shape is None else kept(answer, shape)

    client._make_api_call = asked  # noqa: SLF001 - as above
    return client
