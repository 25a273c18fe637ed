"""One function of Lambda's API, as strict as Lambda where moto is not: revisions, states, updates that take a while.

function = OneFunction(arn)
front.answer = function          # of tests.fakes.aws.between
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.fakes.aws.between import refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes.aws.between import Answer, Asked

CONFIGURATION = "/configuration"


class OneFunction:
    """Answers for its configuration, and leaves the rest to moto.

    `meanwhile` is called before an update is looked at. An update is in progress for `looks` readings, and ends as
    `ends` says.
    """

    def __init__(self, role: str, **more: Any) -> None:  # noqa: ANN401 - any JSON
        self.configuration: dict[str, Any] = {
            "FunctionName": "orders",
            "FunctionArn": "arn:aws:lambda:eu-west-1:123456789012:function:orders",
            "Role": role,
            "PackageType": "Zip",
            "Architectures": ["x86_64"],
            "State": "Active",
            "LastUpdateStatus": "Successful",
            "RevisionId": "1",
            **more,
        }
        self.meanwhile: Callable[[], None] = lambda: None
        self.looks = 0
        self.ends: dict[str, str] = {"LastUpdateStatus": "Successful"}
        self.updates: list[dict[str, Any]] = []

    def update(self, **changed: Any) -> None:  # noqa: ANN401 - any JSON
        """Change something, as somebody else would: the revision changes too."""
        self.configuration |= changed
        self.configuration["RevisionId"] += "1"

    def __call__(self, asked: Asked) -> Answer | None:
        if not asked.path.endswith(CONFIGURATION):
            return None
        return self._put(json.loads(asked.body)) if asked.method == "PUT" else self._get()

    def _get(self) -> Answer:
        if self.configuration["LastUpdateStatus"] == "InProgress":
            if self.looks <= 0:
                self.update(**self.ends)  # Lambda gives it a new revision then
            self.looks -= 1
        return 200, self.configuration

    def _put(self, wanted: dict[str, Any]) -> Answer:
        self.meanwhile()
        if self.configuration["LastUpdateStatus"] == "InProgress":
            return refusal(409, "ResourceConflictException", "An update is in progress for resource")
        if wanted.pop("RevisionId", self.configuration["RevisionId"]) != self.configuration["RevisionId"]:
            return refusal(412, "PreconditionFailedException", "The RevisionId provided does not match")
        self.updates.append(wanted)
        if "Layers" in wanted:
            wanted = {**wanted, "Layers": [{"Arn": one, "CodeSize": 1} for one in wanted["Layers"]]}
        self.update(**wanted, LastUpdateStatus="InProgress")
        return 200, self.configuration
